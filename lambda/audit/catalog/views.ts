import { buildIsOwnRelationSql, buildOwnerSql, buildPageSql, buildSortedSql, type ObjectKind } from './kind';

export interface View {
  readonly schema: string;
  readonly name: string;
  /** Query of the view, as the server writes it. */
  readonly definition: string;
  /** Column names, in order. */
  readonly columns: readonly string[];
  readonly materialized?: true;
  /** The materialized view was created WITH NO DATA. It cannot be read before REFRESH. */
  readonly unpopulated?: true;
  /** Options, sorted: `security_invoker=true`. */
  readonly options?: readonly string[];
  /**
   * Owner of the view.
   * @default - the owner of the database
   */
  readonly owner?: string;
}

const VIEWS_FROM_SQL = 'pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace';

export const views: ObjectKind<View> = {
  namedBy: ['schema', 'name'],
  always: ['definition'],
  // To write out a view, the server locks the tables that it names.
  atATime: 50,
  sql: () => `SELECT c.oid::text AS oid, n.nspname AS schema, c.relname AS name, pg_get_viewdef(c.oid) AS definition,
    (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute a
     WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
    c.relkind = 'm' AS materialized, NOT c.relispopulated AS unpopulated, ${buildSortedSql('c.reloptions')} AS options,
    ${buildOwnerSql('c.relowner')}
  FROM ${VIEWS_FROM_SQL} WHERE ${buildPageSql('c.oid', VIEWS_FROM_SQL, buildIsOwnRelationSql('v', 'm'))}`,
};
