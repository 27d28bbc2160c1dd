import { type Kind, NO_MEMBER, OWN_SCHEMA } from './kind';

export interface Schema {
  readonly name: string;
}

export const schemas: Kind<Schema> = {
  namedBy: ['name'],
  sql: () => `SELECT n.nspname AS name FROM pg_namespace n
    WHERE ${OWN_SCHEMA('n')} AND ${NO_MEMBER('pg_namespace', 'n.oid')}`,
};
