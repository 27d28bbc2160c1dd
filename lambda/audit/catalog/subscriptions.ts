import { buildSortedSql, type ObjectKind } from './kind';

/** A subscription. Its connection string is not read: it holds a password, and only a superuser may read it. */
export interface Subscription {
  readonly name: string;
  readonly publications: readonly string[];
  readonly disabled?: true;
}

export const subscriptions: ObjectKind<Subscription> = {
  namedBy: ['name'],
  sql: () => `SELECT s.subname AS name, ${buildSortedSql('s.subpublications')} AS publications, NOT s.subenabled AS disabled
    FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid WHERE d.datname = current_database()`,
};
