/** Sequences that are behind the data of the columns that take their values from them. */
import type { Database } from '../postgres/database';
import { quoteLiteral } from '../sql/quote';
import { APPLICATION_TABLES, TABLE_NAME } from './catalogue';

/** How many of the values to come are looked for. */
export const LOOKAHEAD = 100;

/**
 * Whether the next value of a sequence, or one of those after it, is in the column already: asked by index, in the
 * sequence's own steps, and within its bounds. A highest id far away is no defect, and last_value < max is none either.
 * The three parts are for format(): table, column, sequence.
 */
const TAKEN =
  'SELECT EXISTS (SELECT FROM %1$s t WHERE t.%2$I = ANY (ARRAY(SELECT n.next::bigint FROM %3$s s, pg_catalog.pg_sequence q, ' +
  `LATERAL (SELECT s.last_value::numeric + q.seqincrement * (CASE WHEN s.is_called THEN k ELSE k - 1 END) AS next ` +
  `FROM generate_series(1, ${LOOKAHEAD}) k) n WHERE q.seqrelid = %3$L::regclass ` +
  'AND n.next BETWEEN q.seqmin AND q.seqmax))) AS taken';

/** Columns that are a key by themselves and take their values from a sequence; `taken` is null where it may not be read. */
export const SEQUENCES = `
  SELECT n.nspname, c.relname, a.attname, ${TABLE_NAME} AS "table", quote_ident(a.attname) AS "column",
    format('%I.%I', sn.nspname, s.relname) AS sequence, q.seqincrement AS increment,
    CASE WHEN has_table_privilege(c.oid, 'SELECT') AND has_sequence_privilege(s.oid, 'SELECT')
        AND has_schema_privilege(n.oid, 'USAGE') AND has_schema_privilege(sn.oid, 'USAGE')
        AND NOT row_security_active(c.oid)
      THEN (xpath('/row/taken/text()', query_to_xml(format(${quoteLiteral(TAKEN)}, format('%I.%I', n.nspname, c.relname),
        a.attname, format('%I.%I', sn.nspname, s.relname)), false, true, '')))[1]::text = 'true' END AS taken
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    AND a.atttypid IN ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype)
  LEFT JOIN pg_attrdef f ON f.adrelid = c.oid AND f.adnum = a.attnum
  JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass
    AND (d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid
      OR a.attidentity <> '' AND d.classid = 'pg_class'::regclass AND d.deptype = 'i'
        AND d.refobjid = c.oid AND d.refobjsubid = a.attnum)
  JOIN pg_class s ON s.relkind = 'S' AND s.oid = CASE WHEN d.classid = 'pg_class'::regclass THEN d.objid ELSE d.refobjid END
  JOIN pg_namespace sn ON sn.oid = s.relnamespace
  JOIN pg_sequence q ON q.seqrelid = s.oid AND NOT q.seqcycle
  WHERE ${APPLICATION_TABLES} AND NOT c.relispartition
    AND (f.oid IS NULL OR pg_get_expr(f.adbin, f.adrelid) LIKE 'nextval(%')
    AND EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indnkeyatts = 1
      AND i.indkey[0] = a.attnum AND i.indpred IS NULL)`;

export interface SequenceSeen {
  readonly table: string;
  readonly column: string;
  readonly sequence: string;
  readonly increment: number;
  /** Null where the role may not read it. */
  readonly taken: boolean | null;
}

/** Of these tables. A lock on each is held until the query ends, so they are few. */
export const sequencesOf = (
  db: Database,
  oids: readonly string[],
  settings?: Readonly<Record<string, string>>,
): Promise<readonly SequenceSeen[]> => seen(db, 'c.oid = ANY ($1::oid[])', oids, settings);

async function seen(
  db: Database,
  which: string,
  value: string | readonly string[],
  settings?: Readonly<Record<string, string>>,
): Promise<readonly SequenceSeen[]> {
  const rows = await db.query<Omit<SequenceSeen, 'increment'> & { increment: string | number }>(
    `SELECT "table", "column", sequence, increment, taken FROM (${SEQUENCES} AND ${which}) AS r ORDER BY 1, 2`,
    [value],
    settings,
  );
  return rows.map((row) => ({ ...row, increment: Number(row.increment) }));
}

/** All columns that take their values from this sequence, by its name ready for SQL. */
export const usersOf = (db: Database, sequence: string): Promise<readonly SequenceSeen[]> =>
  seen(db, 's.oid = to_regclass($1)', sequence);

/**
 * The highest id is so high that a sequence set above it would have less than a tenth of its values left, or none.
 * All of the three are ready for SQL.
 */
export async function usesUp(
  db: Database,
  { table, column, sequence, increment }: Omit<SequenceSeen, 'taken'>,
): Promise<boolean> {
  const [edge, bound] = increment > 0 ? ['max', 'seqmax'] : ['min', 'seqmin'];
  const [row] = await db.query<{ far: boolean | null }>(
    `SELECT abs(d.edge - s.last_value) > 0.9 * abs(q.${bound}::numeric - s.last_value) AS far
     FROM (SELECT ${edge}(${column})::numeric AS edge FROM ${table}) d, ${sequence} s, pg_sequence q
     WHERE q.seqrelid = $1::regclass`,
    [sequence],
  );
  return row?.far === true;
}

/** Highest values of the types of keys that a sequence makes. */
const HIGHEST: Readonly<Record<string, string>> = {
  smallint: '32767',
  integer: '2147483647',
  bigint: '9223372036854775807',
};

/**
 * A sequence above the highest id would begin in the last tenth of the column's type, or beyond it. False where the role may
 * not read the table, or would have to read all of it. Table and column are ready for SQL.
 */
export async function endsTheType(
  db: Database,
  { table, column, baseType }: { readonly table: string; readonly column: string; readonly baseType: string },
): Promise<boolean> {
  const highest = HIGHEST[baseType];
  if (highest === undefined) return false;
  const [may] = await db.query<{ read: boolean }>(
    `SELECT has_table_privilege(a.attrelid, 'SELECT') AND NOT row_security_active(a.attrelid) AS read
     FROM pg_attribute a WHERE a.attrelid = to_regclass($1) AND quote_ident(a.attname) = $2
       AND has_schema_privilege((SELECT relnamespace FROM pg_class c WHERE c.oid = a.attrelid), 'USAGE')
       AND EXISTS (SELECT FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indkey[0] = a.attnum AND i.indisvalid)`,
    [table, column],
  );
  if (may?.read !== true) return false;
  const [row] = await db.query<{ far: boolean | null }>(
    `SELECT max(${column})::numeric > 0.9 * ${highest} AS far FROM ${table}`,
  );
  return row?.far === true;
}

/** 10,000 tables in one query end in 53200, out of shared memory for locks, and not for this session alone. */
const TABLES_AT_A_TIME = 50;

/** Of all tables. */
export async function askSequences(
  db: Database,
  settings?: Readonly<Record<string, string>>,
): Promise<readonly SequenceSeen[]> {
  const tables = await db.query<{ oid: string }>(
    `SELECT DISTINCT c.oid::text AS oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND (a.atthasdef OR a.attidentity <> '')
     WHERE ${APPLICATION_TABLES} AND NOT c.relispartition AND a.atttypid IN ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype)
     ORDER BY 1`,
    [],
    settings,
  );
  const found: SequenceSeen[] = [];
  for (let at = 0; at < tables.length; at += TABLES_AT_A_TIME) {
    const some = tables.slice(at, at + TABLES_AT_A_TIME).map(({ oid }) => oid);
    found.push(...(await sequencesOf(db, some, settings)));
  }
  return found;
}

/** Of all tables, sentences. */
export const sequencesBehind = async (db: Database): Promise<readonly string[]> =>
  (await askSequences(db)).filter(({ taken }) => taken === true).map(behindSentence);

export const behindSentence = ({ sequence, table, column }: SequenceSeen): string =>
  `${sequence} is behind ${table}.${column}: one of its next values is already taken.`;
