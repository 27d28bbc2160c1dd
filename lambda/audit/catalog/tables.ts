import {
  buildForeignOptionsSql,
  buildIsOwnRelationSql,
  buildOwnerSql,
  buildRelationReferenceSql,
  buildSortedSql,
  type ObjectKind,
  type Reference,
} from './kind';

export interface Table {
  readonly schema: string;
  readonly name: string;
  readonly kind: 'table' | 'partitioned' | 'foreign';
  /** The table is unlogged: it is emptied after a crash. */
  readonly unlogged?: true;
  /** Partition key: `LIST (region)`. */
  readonly partitionKey?: string;
  readonly partitionOf?: Reference;
  /** Bound of a partition: `FOR VALUES IN ('eu')`. */
  readonly bound?: string;
  /** Parents by INHERITS, in the order of their declaration. */
  readonly inherits?: readonly Reference[];
  /** Type of a typed table. */
  readonly ofType?: string;
  readonly rowSecurity?: true;
  /** Row security applies to the table's owner as well. */
  readonly rowSecurityForced?: true;
  /**
   * How a subscriber identifies a row.
   * @default - the primary key
   */
  readonly replicaIdentity?: 'nothing' | 'full' | 'index';
  readonly replicaIdentityIndex?: string;
  /** Storage parameters, sorted: `fillfactor=70`. */
  readonly options?: readonly string[];
  /**
   * Table access method.
   * @default - heap
   */
  readonly accessMethod?: string;
  /** Server of a foreign table. */
  readonly server?: string;
  /**
   * Options of a foreign table, sorted: `table_name=orders`. An option that may hold a secret is listed by name only.
   */
  readonly serverOptions?: readonly string[];
  /**
   * Owner of the table.
   * @default - the owner of the database
   */
  readonly owner?: string;
}

export const tables: ObjectKind<Table> = {
  namedBy: ['schema', 'name'],
  sql: () => `SELECT n.nspname AS schema, c.relname AS name,
    CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned' ELSE 'foreign' END AS kind,
    c.relpersistence = 'u' AS unlogged,
    CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END AS "partitionKey",
    CASE WHEN c.relispartition THEN ${buildRelationReferenceSql(
      '(SELECT i.inhparent FROM pg_inherits i WHERE i.inhrelid = c.oid)',
    )} END AS "partitionOf",
    CASE WHEN c.relispartition THEN pg_get_expr(c.relpartbound, c.oid) END AS bound,
    CASE WHEN NOT c.relispartition THEN
      (SELECT json_agg(${buildRelationReferenceSql('i.inhparent')} ORDER BY i.inhseqno)
       FROM pg_inherits i WHERE i.inhrelid = c.oid) END AS inherits,
    CASE WHEN c.reloftype <> 0 THEN format_type(c.reloftype, NULL) END AS "ofType",
    c.relrowsecurity AS "rowSecurity", c.relforcerowsecurity AS "rowSecurityForced",
    CASE c.relreplident WHEN 'n' THEN 'nothing' WHEN 'f' THEN 'full' WHEN 'i' THEN 'index' END AS "replicaIdentity",
    CASE WHEN c.relreplident = 'i' THEN (SELECT ic.relname FROM pg_index x JOIN pg_class ic ON ic.oid = x.indexrelid
      WHERE x.indrelid = c.oid AND x.indisreplident) END AS "replicaIdentityIndex",
    ${buildSortedSql('c.reloptions')} AS options,
    CASE WHEN am.amname <> 'heap' THEN am.amname END AS "accessMethod",
    fs.srvname AS server, ${buildForeignOptionsSql('ft.ftoptions')} AS "serverOptions", ${buildOwnerSql('c.relowner')}
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_am am ON am.oid = c.relam
  LEFT JOIN pg_foreign_table ft ON ft.ftrelid = c.oid
  LEFT JOIN pg_foreign_server fs ON fs.oid = ft.ftserver
  WHERE ${buildIsOwnRelationSql('r', 'p', 'f')}`,
};
