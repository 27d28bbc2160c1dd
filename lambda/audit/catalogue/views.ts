import { type Kind, OWN_RELATION, PAGE, SORTED } from './kind';

export interface View {
  readonly schema: string;
  readonly name: string;
  /** The query, as the server writes it. */
  readonly definition: string;
  /** In order. */
  readonly columns: readonly string[];
  readonly materialized?: true;
  /** Materialized WITH NO DATA: it cannot be read before REFRESH. */
  readonly unpopulated?: true;
  /** `security_invoker=true`, sorted. */
  readonly options?: readonly string[];
}

const FROM = 'pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace';

export const views: Kind<View> = {
  namedBy: ['schema', 'name'],
  always: ['definition'],
  // Writing one out locks the tables that it names.
  atATime: 50,
  sql: () => `SELECT c.oid::text AS oid, n.nspname AS schema, c.relname AS name, pg_get_viewdef(c.oid) AS definition,
    (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute a
     WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
    c.relkind = 'm' AS materialized, NOT c.relispopulated AS unpopulated, ${SORTED('c.reloptions')} AS options
  FROM ${FROM} WHERE ${PAGE('c.oid', FROM, OWN_RELATION('v', 'm'))}`,
};
