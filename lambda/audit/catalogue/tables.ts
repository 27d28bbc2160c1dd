import {
  FOREIGN_OPTIONS,
  type Kind,
  OWN_RELATION,
  REFERENCE_TO_RELATION,
  type Reference,
  SORTED,
} from './kind';

export interface Table {
  readonly schema: string;
  readonly name: string;
  readonly kind: 'table' | 'partitioned' | 'foreign';
  /** Its rows are gone after a crash. */
  readonly unlogged?: true;
  /** `LIST (region)` */
  readonly partitionKey?: string;
  readonly partitionOf?: Reference;
  /** `FOR VALUES IN ('eu')`; of a partition. */
  readonly bound?: string;
  /** Parents by INHERITS, in their order. */
  readonly inherits?: readonly Reference[];
  /** Of a typed table. */
  readonly ofType?: string;
  readonly rowSecurity?: true;
  /** Row security also for the table's owner. */
  readonly rowSecurityForced?: true;
  /** What a subscriber finds a row by. @default - the primary key */
  readonly replicaIdentity?: 'nothing' | 'full' | 'index';
  readonly replicaIdentityIndex?: string;
  /** `fillfactor=70`, sorted. */
  readonly options?: readonly string[];
  /** @default - heap */
  readonly accessMethod?: string;
  /** Of a foreign table. */
  readonly server?: string;
  /** `table_name=orders`; an option that may be secret is only named. */
  readonly serverOptions?: readonly string[];
}

export const tables: Kind<Table> = {
  namedBy: ['schema', 'name'],
  sql: () => `SELECT n.nspname AS schema, c.relname AS name,
    CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned' ELSE 'foreign' END AS kind,
    c.relpersistence = 'u' AS unlogged,
    CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END AS "partitionKey",
    CASE WHEN c.relispartition THEN ${REFERENCE_TO_RELATION(
      '(SELECT i.inhparent FROM pg_inherits i WHERE i.inhrelid = c.oid)',
    )} END AS "partitionOf",
    CASE WHEN c.relispartition THEN pg_get_expr(c.relpartbound, c.oid) END AS bound,
    CASE WHEN NOT c.relispartition THEN
      (SELECT json_agg(${REFERENCE_TO_RELATION('i.inhparent')} ORDER BY i.inhseqno)
       FROM pg_inherits i WHERE i.inhrelid = c.oid) END AS inherits,
    CASE WHEN c.reloftype <> 0 THEN format_type(c.reloftype, NULL) END AS "ofType",
    c.relrowsecurity AS "rowSecurity", c.relforcerowsecurity AS "rowSecurityForced",
    CASE c.relreplident WHEN 'n' THEN 'nothing' WHEN 'f' THEN 'full' WHEN 'i' THEN 'index' END AS "replicaIdentity",
    CASE WHEN c.relreplident = 'i' THEN (SELECT ic.relname FROM pg_index x JOIN pg_class ic ON ic.oid = x.indexrelid
      WHERE x.indrelid = c.oid AND x.indisreplident) END AS "replicaIdentityIndex",
    ${SORTED('c.reloptions')} AS options,
    CASE WHEN am.amname <> 'heap' THEN am.amname END AS "accessMethod",
    fs.srvname AS server, ${FOREIGN_OPTIONS('ft.ftoptions')} AS "serverOptions"
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_am am ON am.oid = c.relam
  LEFT JOIN pg_foreign_table ft ON ft.ftrelid = c.oid
  LEFT JOIN pg_foreign_server fs ON fs.oid = ft.ftserver
  WHERE ${OWN_RELATION('r', 'p', 'f')}`,
};
