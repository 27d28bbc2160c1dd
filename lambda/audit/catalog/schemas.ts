import { buildIsOwnSchemaSql, buildNotExtensionMemberSql, buildOwnerSql, type ObjectKind } from './kind';

export interface Schema {
  readonly name: string;
  /**
   * Owner of the schema.
   * @default - the owner of the database
   */
  readonly owner?: string;
}

export const schemas: ObjectKind<Schema> = {
  namedBy: ['name'],
  sql: () => `SELECT n.nspname AS name, ${buildOwnerSql('n.nspowner')} FROM pg_namespace n
    WHERE ${buildIsOwnSchemaSql('n')} AND ${buildNotExtensionMemberSql('pg_namespace', 'n.oid')}`,
};
