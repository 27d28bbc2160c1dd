import { buildForeignOptionsSql, buildNotExtensionMemberSql, type ObjectKind } from './kind';

/** A foreign server. User mappings are not read, since they hold passwords. */
export interface ForeignServer {
  readonly name: string;
  /** Foreign data wrapper: `postgres_fdw`. */
  readonly wrapper: string;
  /** Options, sorted: `host=db.example.com`. An option that may hold a secret is listed by name only. */
  readonly options?: readonly string[];
}

export const foreignServers: ObjectKind<ForeignServer> = {
  namedBy: ['name'],
  sql: () => `SELECT s.srvname AS name, w.fdwname AS wrapper, ${buildForeignOptionsSql('s.srvoptions')} AS options
    FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
    WHERE ${buildNotExtensionMemberSql('pg_foreign_server', 's.oid')}`,
};
