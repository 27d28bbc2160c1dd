import { FOREIGN_OPTIONS, type Kind, NO_MEMBER } from './kind';

/** User mappings, which hold passwords, are never asked. */
export interface ForeignServer {
  readonly name: string;
  /** `postgres_fdw` */
  readonly wrapper: string;
  /** `host=db.example.com`; an option that may be secret is only named. */
  readonly options?: readonly string[];
}

export const foreignServers: Kind<ForeignServer> = {
  namedBy: ['name'],
  sql: () => `SELECT s.srvname AS name, w.fdwname AS wrapper, ${FOREIGN_OPTIONS('s.srvoptions')} AS options
    FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
    WHERE ${NO_MEMBER('pg_foreign_server', 's.oid')}`,
};
