/** Sequences that are behind the data of the columns that take their values from them. */
import { askEach, type Question } from '../audit/short-transactions';
import type { Database, Row } from '../postgres/database';
import { PINNED_PATH } from '../postgres/pinned';
import { quoteLiteral } from '../sql/quote';
import { APPLICATION_TABLES, TABLE_NAME } from './catalogue';

/** How many of the values to come are looked for. */
export const LOOKAHEAD = 100;

/**
 * Whether the next value of a sequence, or one of those after it, is in the column already: asked by index, in the
 * sequence's own steps, and within its bounds. A highest id far away is no defect, and last_value < max is none either.
 * For format(): table, column, sequence; where the step is one, its highest value.
 */
const TAKEN_IN_STEPS =
  'SELECT EXISTS (SELECT FROM %1$s t WHERE t.%2$I = ANY (ARRAY(SELECT n.next::bigint FROM %3$s s, pg_catalog.pg_sequence q, ' +
  `LATERAL (SELECT s.last_value::numeric + q.seqincrement * (CASE WHEN s.is_called THEN k ELSE k - 1 END) AS next ` +
  `FROM generate_series(1, ${LOOKAHEAD}) k) n WHERE q.seqrelid = %3$L::regclass ` +
  'AND n.next BETWEEN q.seqmin AND q.seqmax))) AS taken';
/** The same for nearly all sequences, at a quarter of the cost. ORDER BY keeps the planner to the index. */
const TAKEN_IN_A_ROW =
  'SELECT (SELECT true FROM %1$s t WHERE t.%2$I BETWEEN s.first AND s.last ORDER BY t.%2$I LIMIT 1) IS NOT NULL AS taken ' +
  'FROM (SELECT CASE WHEN last_value < %4$s OR NOT is_called THEN last_value + is_called::int END AS first, ' +
  `least(last_value, %4$s - ${LOOKAHEAD - 1} - is_called::int) + ${LOOKAHEAD - 1} + is_called::int AS last FROM %3$s) AS s`;

/** Columns that are a key by themselves and take their values from a sequence; `probe` is null where it may not be read. */
const keysOfSequences = (which = 'true'): string => `
  SELECT n.nspname, c.relname, a.attname, ${TABLE_NAME} AS "table", quote_ident(a.attname) AS "column",
    format('%I.%I', sn.nspname, s.relname) AS sequence, q.seqincrement AS increment,
    CASE WHEN has_table_privilege(c.oid, 'SELECT') AND has_sequence_privilege(s.oid, 'SELECT')
        AND has_schema_privilege(n.oid, 'USAGE') AND has_schema_privilege(sn.oid, 'USAGE')
        AND NOT row_security_active(c.oid)
      THEN format(CASE q.seqincrement WHEN 1 THEN ${quoteLiteral(TAKEN_IN_A_ROW)} ELSE ${quoteLiteral(TAKEN_IN_STEPS)} END,
        format('%I.%I', n.nspname, c.relname), a.attname, format('%I.%I', sn.nspname, s.relname), q.seqmax) END AS probe
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
      AND i.indkey[0] = a.attnum AND i.indpred IS NULL) AND ${which}`;

/** With the answers, in one query that locks all of the tables until it ends: `taken` is null where it may not be read. */
const answered = (which?: string): string => `
  SELECT k.*, (xpath('/row/taken/text()', query_to_xml(k.probe, false, true, '')))[1]::text = 'true' AS taken
  FROM (${keysOfSequences(which)}) AS k`;

export const SEQUENCES = answered();

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
    `SELECT "table", "column", sequence, increment, taken FROM (${answered(which)}) AS r ORDER BY 1, 2`,
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

/**
 * All of 10,000 tables in one query end in 53200, out of shared memory for locks, and not for this session alone. Each
 * takes a lock for the table, its sequence and each of its indexes.
 */
const TABLES_AT_A_TIME = 25;
export const PROBE_TIMEOUT_MS = 10_000;

export interface SequenceAsked extends SequenceSeen {
  /** Why the server did not answer. @default - it did, or the role may not read it */
  readonly refused?: string;
}

/** Of all tables, in short transactions. */
export async function askSequences(db: Database): Promise<readonly SequenceAsked[]> {
  type Asked = Omit<SequenceSeen, 'increment' | 'taken'> & { increment: string; probe: string | null };
  const keys = await db.query<Asked & Row>(
    `SELECT "table", "column", sequence, increment::text, probe FROM (${keysOfSequences()}) AS k ORDER BY 1, 2`,
    [],
    { search_path: PINNED_PATH, statement_timeout: '60000', lock_timeout: '50' },
  );
  const questions = keys.flatMap(({ probe }, i): Question[] =>
    // A name for each, since a table may have several.
    probe === null ? [] : [{ of: { schema: '', name: String(i) }, sql: probe, weight: 1 }],
  );
  const answers = await askEach<{ taken: boolean }>([db], questions, {
    weight: TABLES_AT_A_TIME,
    timeoutMs: PROBE_TIMEOUT_MS,
  });
  const taken = new Map(answers.answered.map(({ of, row }) => [Number(of.name), row.taken]));
  const refused = new Map(answers.refused.map(({ of, sqlstate }) => [Number(of.name), sqlstate]));
  return keys.map(({ table, column, sequence, increment }, i) => ({
    ...{ table, column, sequence, increment: Number(increment), taken: taken.get(i) ?? null },
    ...(refused.has(i) ? { refused: refused.get(i)! } : {}),
  }));
}

export const behindSentence = ({ sequence, table, column }: SequenceSeen): string =>
  `${sequence} is behind ${table}.${column}: one of its next values is already taken.`;
