/**
 * How objects of one kind are read: by one SELECT on pg_catalog that every role may run. It runs under PINNED_PATH, so
 * that the texts that the server writes qualify every name with its schema.
 */

export interface ObjectKind<T> {
  /**
   * Returns the SELECT for a major version. Its columns are the fields of an object. NULL, false and empty values are
   * left out of the object.
   */
  readonly sql: (major: number) => string;
  /** Fields that together identify an object. Objects are sorted by them. */
  readonly namedBy: readonly (keyof T & string)[];
  /**
   * Fields to sort by. Objects that are equal in these fields keep the order of the SELECT.
   * @default - namedBy
   */
  readonly inOrderOf?: readonly (keyof T & string)[];
  /** Fields that are NULL only if the object was changed or dropped since the transaction began. */
  readonly always?: readonly (keyof T & string)[];
  /**
   * Number of objects to read in one call, for definitions that the server locks relations to write. These locks are
   * released after each call. The SELECT must then contain {@link buildPageSql}.
   * @default - all at once
   */
  readonly atATime?: number;
}

/** A reference to another object. Names are not quoted, as in the catalog. */
export interface Reference {
  readonly schema: string;
  readonly name: string;
}

/**
 * Restricts to schemas of the application: not `pg_…` (temporary schemas included), information_schema or Trueup's own.
 */
export const buildIsOwnSchemaSql = (namespace: string): string =>
  `${namespace}.nspname !~ '^pg_' AND ${namespace}.nspname NOT IN ('information_schema', 'trueup')`;

/**
 * Excludes members of extensions, which are not objects of the application: CREATE EXTENSION restores them. The
 * subquery is evaluated once and starts from the extensions, of which there are few.
 */
export const buildNotExtensionMemberSql = (catalog: string, oid: string): string =>
  `${oid} NOT IN (SELECT member.objid FROM pg_depend member WHERE member.refclassid = 'pg_extension'::regclass
     AND member.classid = '${catalog}'::regclass AND member.deptype = 'e')`;

/** Restricts to relations of the application. `c` is pg_class and `n` its pg_namespace. */
export const buildIsOwnRelationSql = (...kinds: readonly string[]): string =>
  `c.relkind IN (${kinds.map((kind) => `'${kind}'`).join(', ')}) AND ${buildIsOwnSchemaSql('n')} AND ${buildNotExtensionMemberSql('pg_class', 'c.oid')}`;

/**
 * Restricts to the next page of objects, in the order of their OIDs ($1: the last OID of the previous page, $2: the
 * page size). The OID is not kept in the object. The OIDs are selected first: with a plain LIMIT, the SELECT might
 * write out, and lock, all objects before it sorts them.
 */
export const buildPageSql = (oid: string, from: string, where: string): string =>
  `${oid} = ANY (ARRAY(SELECT ${oid} FROM ${from} WHERE ${where} AND ${oid} > $1::oid ORDER BY ${oid} LIMIT $2::int)) ORDER BY ${oid}`;

/** Returns the SQL for a {@link Reference} to a relation as JSON. It is NULL if the relation does not exist. */
export const buildRelationReferenceSql = (oid: string): string =>
  `(SELECT json_build_object('schema', rn.nspname, 'name', r.relname)
    FROM pg_class r JOIN pg_namespace rn ON rn.oid = r.relnamespace WHERE r.oid = ${oid})`;

/** Returns the SQL for the owner of an object. It is NULL if the owner of the database owns the object. */
export const buildOwnerSql = (oid: string): string =>
  `CASE WHEN ${oid} <> (SELECT d.datdba FROM pg_database d WHERE d.datname = current_database())
    THEN pg_get_userbyid(${oid})::text END AS owner`;

/** Returns the SQL for the column names of an array of column numbers, in its order. */
export const buildColumnNamesSql = (relation: string, numbers: string): string =>
  `(SELECT array_agg(ca.attname::text ORDER BY k.n) FROM unnest(${numbers}) WITH ORDINALITY AS k (attnum, n)
    JOIN pg_attribute ca ON ca.attrelid = ${relation} AND ca.attnum = k.attnum)`;

export const buildSortedSql = (texts: string): string =>
  `(SELECT array_agg(each ORDER BY each COLLATE "C") FROM unnest(${texts}) AS each)`;

/**
 * Returns the SQL for the options of a foreign object, sorted by name. Values are read only for options that identify
 * the object. Other options may hold a password, so only their names are read.
 * https://www.postgresql.org/docs/current/postgres-fdw.html, file-fdw.html
 */
export const buildForeignOptionsSql = (options: string): string =>
  `(SELECT array_agg(CASE WHEN o.option_name IN ('host', 'hostaddr', 'port', 'dbname', 'schema_name', 'table_name',
      'column_name', 'use_remote_estimate', 'fetch_size', 'batch_size', 'updatable', 'truncatable', 'async_capable',
      'extensions', 'format', 'header', 'delimiter', 'encoding', 'filename')
      THEN o.option_name || '=' || o.option_value ELSE o.option_name END ORDER BY o.option_name COLLATE "C")
    FROM pg_options_to_table(${options}) AS o)`;
