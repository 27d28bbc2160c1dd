import { type Kind, NO_MEMBER } from './kind';

/** Objects that nothing here describes: what is said of them is that they are there. */
export interface Others {
  /** `operators` */
  readonly kind: string;
  readonly count: number;
}

const INDEPENDENT = `AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_cast'::regclass AND d.objid = o.oid AND d.deptype = 'i')`;

/** Made by somebody, after the database was: the server's own have lower OIDs. */
const COUNTED = [
  ['access methods', 'pg_am', ''],
  ['base types', 'pg_type', "AND o.typtype = 'b' AND o.typelem = 0"],
  // A range type brings one with it.
  ['casts', 'pg_cast', INDEPENDENT],
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

export const others: Kind<Others> = {
  namedBy: ['kind'],
  sql: () =>
    `SELECT kind, count FROM (${COUNTED.map(
      ([kind, catalogue, also]) =>
        `SELECT '${kind}' AS kind, count(*)::int AS count FROM ${catalogue} o
       WHERE o.oid >= 16384 ${also} AND ${NO_MEMBER(catalogue, 'o.oid')}`,
    ).join('\nUNION ALL\n')}) AS counted WHERE count > 0`,
};
