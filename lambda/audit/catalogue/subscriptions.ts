import { type Kind, SORTED } from './kind';

/** How it connects is not asked: that text holds a password, and only a superuser may read it. */
export interface Subscription {
  readonly name: string;
  readonly publications: readonly string[];
  readonly disabled?: true;
}

export const subscriptions: Kind<Subscription> = {
  namedBy: ['name'],
  sql: () => `SELECT s.subname AS name, ${SORTED('s.subpublications')} AS publications, NOT s.subenabled AS disabled
    FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid WHERE d.datname = current_database()`,
};
