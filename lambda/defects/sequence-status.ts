/** Finds sequences that are behind the data of the columns that use them. */
import { describeRefusal } from '../audit/not-checked';
import { buildSettings, type RelationQuery, runEachQuery } from '../audit/short-transactions';
import { type Database, type Row, SqlError } from '../postgres/database';
import { PINNED_SEARCH_PATH } from '../postgres/pinned-search-path';
import { queryTrusted, UntrustedCode } from '../postgres/untrusted-code';
import { quoteLiteral } from '../sql/quote';
import { APPLICATION_TABLES_SQL, TABLE_NAME_SQL } from './catalog';

/** Number of upcoming values to look for. */
export const LOOKAHEAD_VALUES = 100;

/**
 * Query that looks for the next {@link LOOKAHEAD_VALUES} values of a sequence in its column, by index, in the
 * sequence's steps and within its bounds. A much higher id in the column is not a problem, nor is last_value < max.
 *
 * Arguments of format(): table, column, sequence and, for the simpler query below, the sequence's maximum.
 */
const IS_TAKEN_IN_STEPS_SQL =
  'SELECT EXISTS (SELECT FROM %1$s t WHERE t.%2$I = ANY (ARRAY(SELECT n.next::bigint FROM %3$s s, pg_catalog.pg_sequence q, ' +
  `LATERAL (SELECT s.last_value::numeric + q.seqincrement * (CASE WHEN s.is_called THEN k ELSE k - 1 END) AS next ` +
  `FROM generate_series(1, ${LOOKAHEAD_VALUES}) k) n WHERE q.seqrelid = %3$L::regclass ` +
  'AND n.next BETWEEN q.seqmin AND q.seqmax))) AS taken';
/**
 * Simpler query for an increment of 1, which nearly all sequences have, at a quarter of the cost. ORDER BY makes the
 * planner use the index.
 */
const IS_TAKEN_CONSECUTIVELY_SQL =
  'SELECT (SELECT true FROM %1$s t WHERE t.%2$I BETWEEN s.first AND s.last ORDER BY t.%2$I LIMIT 1) IS NOT NULL AS taken ' +
  'FROM (SELECT CASE WHEN last_value < %4$s OR NOT is_called THEN last_value + is_called::int END AS first, ' +
  `least(last_value, %4$s - ${LOOKAHEAD_VALUES - 1} - is_called::int) + ${LOOKAHEAD_VALUES - 1} + is_called::int AS last FROM %3$s) AS s`;

/**
 * Returns the query for columns with a single-column unique index whose default or identity uses a sequence. `probe`
 * is null if the role may not read the table or the sequence.
 */
const buildSequenceKeysSql = (which = 'true'): string => `
  SELECT n.nspname, c.relname, a.attname, ${TABLE_NAME_SQL} AS "table", quote_ident(a.attname) AS "column",
    format('%I.%I', sn.nspname, s.relname) AS sequence, q.seqincrement AS increment,
    CASE WHEN has_table_privilege(c.oid, 'SELECT') AND has_sequence_privilege(s.oid, 'SELECT')
        AND has_schema_privilege(n.oid, 'USAGE') AND has_schema_privilege(sn.oid, 'USAGE')
        AND NOT row_security_active(c.oid)
      THEN format(CASE q.seqincrement WHEN 1 THEN ${quoteLiteral(IS_TAKEN_CONSECUTIVELY_SQL)} ELSE ${quoteLiteral(IS_TAKEN_IN_STEPS_SQL)} END,
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
  WHERE ${APPLICATION_TABLES_SQL} AND NOT c.relispartition
    AND (f.oid IS NULL OR pg_get_expr(f.adbin, f.adrelid) LIKE 'nextval(%')
    AND EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indnkeyatts = 1
      AND i.indkey[0] = a.attnum AND i.indpred IS NULL) AND ${which}`;

/** For a person, whose own query it is: it locks all of the tables until it ends. */
export const SEQUENCE_STATUS_SQL = `
  SELECT k.*, (xpath('/row/taken/text()', query_to_xml(k.probe, false, true, '')))[1]::text = 'true' AS taken
  FROM (${buildSequenceKeysSql()}) AS k`;

export interface SequenceStatus {
  readonly table: string;
  readonly column: string;
  readonly sequence: string;
  readonly increment: number;
  /** Whether one of the next values is already in the column. null if the role may not read it. */
  readonly taken: boolean | null;
}

/** Timeout in milliseconds of a query on the application's rows. A page may be waiting for the answer. */
const ROWS_TIMEOUT_MS = 3_000;

/** Result of a query on the application's rows: its first row, or the reason why it was not run or failed. */
export type RowsAnswer<R> =
  | { readonly row: R | undefined; readonly refused?: never }
  | { readonly row?: never; readonly refused: string };

/** Runs a query on the application's tables, unless that may run untrusted code with the privileges of the login. */
export async function askForRow<R extends Row>(db: Database, sql: string): Promise<RowsAnswer<R>> {
  try {
    const settings = buildSettings(1, ROWS_TIMEOUT_MS);
    const [row] = await queryTrusted<R>(db, { sql, hold: sql, settings });
    return { row };
  } catch (error) {
    if (error instanceof UntrustedCode) return { refused: describeRefusal('', ROWS_TIMEOUT_MS, error.code) };
    if (!(error instanceof SqlError)) throw error;
    return { refused: describeRefusal(error.sqlstate, ROWS_TIMEOUT_MS) };
  }
}

interface SequenceKeyRow extends Row {
  readonly table: string;
  readonly column: string;
  readonly sequence: string;
  readonly increment: string;
  readonly probe: string | null;
}

const readSequenceKeys = (
  db: Database,
  which: string,
  params: readonly (string | readonly string[])[],
  settings?: Readonly<Record<string, string>>,
): Promise<readonly SequenceKeyRow[]> =>
  db.query<SequenceKeyRow>(
    `SELECT "table", "column", sequence, increment::text, probe FROM (${buildSequenceKeysSql(which)}) AS k ORDER BY 1, 2`,
    params,
    settings,
  );

/** Runs the probes one after the other. */
async function readSequences(
  db: Database,
  which: string,
  value: string | readonly string[],
): Promise<readonly SequenceCheck[]> {
  const found: SequenceCheck[] = [];
  for (const { probe, increment, ...names } of await readSequenceKeys(db, which, [value])) {
    const { table, column, sequence } = names;
    const status = { table, column, sequence, increment: Number(increment) };
    const answer = probe === null ? { row: undefined } : await askForRow<{ taken: boolean }>(db, probe);
    found.push(
      answer.refused === undefined
        ? { ...status, taken: answer.row?.taken ?? null }
        : { ...status, taken: null, refused: answer.refused },
    );
  }
  return found;
}

/** Returns the sequences of a few tables. */
export const readSequencesOfTables = (
  db: Database,
  oids: readonly string[],
): Promise<readonly SequenceCheck[]> => readSequences(db, 'c.oid = ANY ($1::oid[])', oids);

/** Returns all columns that use the sequence. Its name must be quoted as needed in SQL. */
export const readSequenceUsers = (db: Database, sequence: string): Promise<readonly SequenceCheck[]> =>
  readSequences(db, 's.oid = to_regclass($1)', sequence);

/**
 * Returns whether the highest id is so high that a sequence set above it would have less than a tenth of its values
 * left. Table, column and sequence must be quoted as needed in SQL.
 */
export async function leavesFewValues(
  db: Database,
  { table, column, sequence, increment }: Omit<SequenceStatus, 'taken'>,
): Promise<boolean> {
  const [edge, bound] = increment > 0 ? ['max', 'seqmax'] : ['min', 'seqmin'];
  const { row } = await askForRow<{ far: boolean | null }>(
    db,
    `SELECT abs(d.edge - s.last_value) > 0.9 * abs(q.${bound}::numeric - s.last_value) AS far
     FROM (SELECT ${edge}(${column})::numeric AS edge FROM ${table}) d, ${sequence} s, pg_sequence q
     WHERE q.seqrelid = ${quoteLiteral(sequence)}::regclass`,
  );
  return row?.far === true;
}

/** Highest values of the integer types. */
const MAX_VALUE_BY_TYPE: Readonly<Record<string, string>> = {
  smallint: '32767',
  integer: '2147483647',
  bigint: '9223372036854775807',
};

/**
 * Returns whether a sequence above the highest id would start in the last tenth of the column's type or beyond it.
 * False if the role may not read the table, or if no index can be used to find the highest id; a string with the reason
 * if it was not checked. Table and column must be quoted as needed in SQL.
 */
export async function exceedsType(
  db: Database,
  { table, column, baseType }: { readonly table: string; readonly column: string; readonly baseType: string },
): Promise<boolean | string> {
  const highest = MAX_VALUE_BY_TYPE[baseType];
  if (highest === undefined) return false;
  const [may] = await db.query<{ read: boolean }>(
    `SELECT has_table_privilege(a.attrelid, 'SELECT') AND NOT row_security_active(a.attrelid) AS read
     FROM pg_attribute a WHERE a.attrelid = to_regclass($1) AND quote_ident(a.attname) = $2
       AND has_schema_privilege((SELECT relnamespace FROM pg_class c WHERE c.oid = a.attrelid), 'USAGE')
       AND EXISTS (SELECT FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indkey[0] = a.attnum AND i.indisvalid)`,
    [table, column],
  );
  if (may?.read !== true) return false;
  const { row, refused } = await askForRow<{ far: boolean | null }>(
    db,
    `SELECT max(${column})::numeric > 0.9 * ${highest} AS far FROM ${table}`,
  );
  return refused ?? row?.far === true;
}

/**
 * Number of tables in one transaction. A query on 10,000 tables fails with 53200 (out of shared memory) and lets other
 * sessions run out of locks as well: each table takes a lock for itself, its sequence and each of its indexes.
 */
const MAX_TABLES_PER_TRANSACTION = 25;
const PROBE_TIMEOUT_MS = 10_000;

export interface SequenceCheck extends SequenceStatus {
  /**
   * Reason why the server did not answer.
   * @default - it answered, or the role may not read it
   */
  readonly refused?: string;
}

/** Runs the probes of all tables in short transactions. */
export async function checkAllSequences(db: Database): Promise<readonly SequenceCheck[]> {
  const keys = await readSequenceKeys(db, 'true', [], {
    search_path: PINNED_SEARCH_PATH,
    statement_timeout: '60000',
    lock_timeout: '50',
  });
  const questions = keys.flatMap(({ probe }, i): RelationQuery[] =>
    // Each question gets its own name, since a table may have several.
    probe === null ? [] : [{ of: { schema: '', name: String(i) }, sql: probe, weight: 1 }],
  );
  const answers = await runEachQuery<{ taken: boolean }>([db], questions, {
    weight: MAX_TABLES_PER_TRANSACTION,
    timeoutMs: PROBE_TIMEOUT_MS,
  });
  const taken = new Map(answers.answered.map(({ of, row }) => [Number(of.name), row.taken]));
  const refused = new Map(
    answers.refused.map(({ of, sqlstate, code }) => [
      Number(of.name),
      describeRefusal(sqlstate, PROBE_TIMEOUT_MS, code),
    ]),
  );
  return keys.map(({ table, column, sequence, increment }, i) => ({
    ...{ table, column, sequence, increment: Number(increment), taken: taken.get(i) ?? null },
    ...(refused.has(i) ? { refused: refused.get(i)! } : {}),
  }));
}

export const describeBehind = ({ sequence, table, column }: SequenceStatus): string =>
  `${sequence} is behind ${table}.${column}: one of its next values is already taken.`;
