/**
 * What every kind of object has in common: one SELECT on pg_catalog that every role may run, run under PINNED_PATH, so
 * that whatever the server writes names everything else by its schema.
 */

export interface Kind<T> {
  /** Its columns are the fields of an object. What is NULL, false or empty is left out of the object. */
  readonly sql: (major: number) => string;
  /** What names an object: no two have all of these the same. They are sorted by them. */
  readonly namedBy: readonly (keyof T & string)[];
  /** Fields to sort by, where those of the same keep the order of the SELECT. @default - namedBy */
  readonly inOrderOf?: readonly (keyof T & string)[];
  /** Fields that the server leaves NULL when the object was changed or dropped since the transaction began. */
  readonly always?: readonly (keyof T & string)[];
  /**
   * Objects at a time, where the server locks relations to write a definition: those locks are given back after each
   * call. The SELECT then has {@link PAGE}.
   * @default - all at once
   */
  readonly atATime?: number;
}

/** Names something else; raw, as the catalogue has them. */
export interface Reference {
  readonly schema: string;
  readonly name: string;
}

/** Of the application: no schema of the server (`pg_…`, temporary ones too), nor Trueup's own. */
export const OWN_SCHEMA = (namespace: string): string =>
  `${namespace}.nspname !~ '^pg_' AND ${namespace}.nspname NOT IN ('information_schema', 'trueup')`;

/**
 * CREATE EXTENSION brings its members back; they are no objects of the application. Looked up once, from the side of the
 * extensions: there are few.
 */
export const NO_MEMBER = (catalogue: string, oid: string): string =>
  `${oid} NOT IN (SELECT member.objid FROM pg_depend member WHERE member.refclassid = 'pg_extension'::regclass
     AND member.classid = '${catalogue}'::regclass AND member.deptype = 'e')`;

/** Relations of the application: `c` is pg_class, `n` its pg_namespace. */
export const OWN_RELATION = (...kinds: readonly string[]): string =>
  `c.relkind IN (${kinds.map((kind) => `'${kind}'`).join(', ')}) AND ${OWN_SCHEMA('n')} AND ${NO_MEMBER('pg_class', 'c.oid')}`;

/**
 * Those after the last one of the call before, in the order of their OIDs, which the object does not keep. They are found
 * first: with a LIMIT of its own the SELECT might write out, and lock, all that there are before it sorts them.
 */
export const PAGE = (oid: string, from: string, where: string): string =>
  `${oid} = ANY (ARRAY(SELECT ${oid} FROM ${from} WHERE ${where} AND ${oid} > $1::oid ORDER BY ${oid} LIMIT $2::int)) ORDER BY ${oid}`;

/** JSON of a {@link Reference}; NULL where there is none. */
export const REFERENCE_TO_RELATION = (oid: string): string =>
  `(SELECT json_build_object('schema', rn.nspname, 'name', r.relname)
    FROM pg_class r JOIN pg_namespace rn ON rn.oid = r.relnamespace WHERE r.oid = ${oid})`;

/** Names of columns, in the order of an array of their numbers. */
export const COLUMN_NAMES = (relation: string, numbers: string): string =>
  `(SELECT array_agg(ca.attname::text ORDER BY k.n) FROM unnest(${numbers}) WITH ORDINALITY AS k (attnum, n)
    JOIN pg_attribute ca ON ca.attrelid = ${relation} AND ca.attnum = k.attnum)`;

export const SORTED = (texts: string): string =>
  `(SELECT array_agg(each ORDER BY each COLLATE "C") FROM unnest(${texts}) AS each)`;

/**
 * Options of a foreign object by name: those that say what it is. Of the others, which may hold a password, the names.
 * https://www.postgresql.org/docs/current/postgres-fdw.html, file-fdw.html
 */
export const FOREIGN_OPTIONS = (options: string): string =>
  `(SELECT array_agg(CASE WHEN o.option_name IN ('host', 'hostaddr', 'port', 'dbname', 'schema_name', 'table_name',
      'column_name', 'use_remote_estimate', 'fetch_size', 'batch_size', 'updatable', 'truncatable', 'async_capable',
      'extensions', 'format', 'header', 'delimiter', 'encoding', 'filename')
      THEN o.option_name || '=' || o.option_value ELSE o.option_name END ORDER BY o.option_name COLLATE "C")
    FROM pg_options_to_table(${options}) AS o)`;
