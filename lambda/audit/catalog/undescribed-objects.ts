import { buildNotExtensionMemberSql, type ObjectKind } from './kind';

/** Objects of a kind that is only counted, not described. */
export interface UndescribedObjects {
  /** Plural name of the kind: `operators`. */
  readonly kind: string;
  readonly count: number;
}

const IS_INDEPENDENT_SQL = `AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_cast'::regclass AND d.objid = o.oid AND d.deptype = 'i')`;

/** Catalogs of the counted kinds. Only objects created after initdb are counted: the server's own have lower OIDs. */
const COUNTED_KINDS = [
  ['access methods', 'pg_am', ''],
  ['base types', 'pg_type', "AND o.typtype = 'b' AND o.typelem = 0"],
  // A range type creates a cast, which is not counted.
  ['casts', 'pg_cast', IS_INDEPENDENT_SQL],
  ['conversions', 'pg_conversion', ''],
  ['extended statistics', 'pg_statistic_ext', ''],
  ['foreign data wrappers', 'pg_foreign_data_wrapper', ''],
  ['large objects', 'pg_largeobject_metadata', ''],
  ['languages', 'pg_language', ''],
  ['operator classes', 'pg_opclass', ''],
  ['operators', 'pg_operator', ''],
  ['text search configurations', 'pg_ts_config', ''],
  ['text search dictionaries', 'pg_ts_dict', ''],
  ['transforms', 'pg_transform', ''],
] as const;

export const others: ObjectKind<UndescribedObjects> = {
  namedBy: ['kind'],
  sql: () =>
    `SELECT kind, count FROM (${COUNTED_KINDS.map(
      ([kind, catalog, also]) =>
        `SELECT '${kind}' AS kind, count(*)::int AS count FROM ${catalog} o
       WHERE o.oid >= 16384 ${also} AND ${buildNotExtensionMemberSql(catalog, 'o.oid')}`,
    ).join('\nUNION ALL\n')}) AS counted WHERE count > 0`,
};
