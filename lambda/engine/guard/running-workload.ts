/**
 * Plans the guaranteed workload of the running application now, and compares with how it planned at deployment.
 * Read-only.
 */
import {
  MAX_DRIFTED_STATEMENTS,
  type WorkloadDrift,
  type WorkloadPart,
  type WorkloadStatement,
} from '../../contract/workload';
import { type Database, SqlError } from '../../postgres/database';
import { readLongText } from '../../postgres/long-text';
import type { PlanAnswer } from '../../workload/verdict';
import type { NamedStatement } from './messages';

/** A statement of the guaranteed workload that has become worse, with the reasons as the server's codes. */
export interface DegradedStatement extends NamedStatement {
  /** `plan`, `privilege`, `row-security` or `type`. */
  readonly by: string;
  /** Its full text, used only for a diagnosis. */
  readonly statement: string;
  /** Objects that existed at deployment and no longer do: `schema.table`, `schema.table.column` or a function. */
  readonly gone: readonly string[];
}

/** A statement of the guaranteed workload that failed at deployment and still does. It is reported nowhere else. */
export interface AlreadyFailingStatement {
  /** Normalized, and shortened if it is very long. */
  readonly text: string;
  readonly calls: number | null;
  readonly answer: PlanAnswer;
}

export interface CurrentWorkloadState extends Omit<WorkloadDrift, 'named' | 'problem'> {
  readonly named: readonly DegradedStatement[];
  /** At most a few hundred. @default - functions of an older version do not return them */
  readonly failed?: readonly AlreadyFailingStatement[];
}

/**
 * Plans the guaranteed workload. Returns `null` if there is none.
 * @param budgetMs time limit; statements not planned by then are counted as undecided
 * @throws {SqlError}
 */
export async function readWorkloadState(
  db: Database,
  namespace: string,
  budgetMs: number,
): Promise<CurrentWorkloadState | null> {
  if (!(await hasGuaranteedWorkload(db, namespace))) return null;
  const found = await readLongText(
    db,
    'SELECT trueup._check_running_workload($1::pg_catalog.text::pg_catalog.jsonb)::pg_catalog.text',
    [JSON.stringify({ namespace, budgetMs: Math.max(0, budgetMs), most: MAX_DRIFTED_STATEMENTS })],
  );
  return found === null ? null : (JSON.parse(found) as CurrentWorkloadState);
}

/**
 * Whether there is a guaranteed workload. Queried separately, because a missing ledger does not have the function for planning it.
 */
async function hasGuaranteedWorkload(db: Database, namespace: string): Promise<boolean> {
  try {
    const [row] = await db.query<{ guaranteed: boolean }>(
      `SELECT n.workload IS NOT NULL AS guaranteed
FROM trueup.namespaces n WHERE n.name OPERATOR(pg_catalog.=) $1::pg_catalog.text`,
      [namespace],
    );
    return row?.guaranteed === true;
  } catch (error) {
    if (error instanceof SqlError && NO_LEDGER_SQLSTATES.has(error.sqlstate)) return false;
    throw error;
  }
}

const NO_LEDGER_SQLSTATES = new Set(['42P01', '3F000']);

/** Limits of a part, chosen so that it fits into one invocation's response together with its verdicts. */
const PART_LIMITS = { statements: 1_000, characters: 1_000_000 };

/**
 * Reads a part of the guaranteed workload.
 * @param from number of the last statement read; 0 for the first part.
 * @throws {SqlError}
 */
export async function readWorkloadPart(db: Database, namespace: string, from: number): Promise<WorkloadPart> {
  if (!(await hasGuaranteedWorkload(db, namespace))) return EMPTY_WORKLOAD_PART;
  const found = await readLongText(
    db,
    `SELECT pg_catalog.json_build_object('hash', n.workload, 'statements', coalesce((
  SELECT pg_catalog.json_agg(pg_catalog.json_build_object('number', p.number, 'text', p.statement, 'role', p.role,
    'searchPath', p.search_path, 'calls', p.calls) ORDER BY p.number)
  FROM (SELECT w.*, pg_catalog.sum(pg_catalog.length(w.statement)) OVER (ORDER BY w.number) AS characters, pg_catalog.row_number() OVER (ORDER BY w.number) AS place
    FROM trueup.workload_statements w WHERE w.namespace OPERATOR(pg_catalog.=) n.name AND w.workload OPERATOR(pg_catalog.=) n.workload
      AND w.number OPERATOR(pg_catalog.>) $2::pg_catalog.int4) AS p
  WHERE p.place OPERATOR(pg_catalog.=) 1::pg_catalog.int8 OR (p.characters OPERATOR(pg_catalog.<=) ${PART_LIMITS.characters}::pg_catalog.int8
    AND p.place OPERATOR(pg_catalog.<=) ${PART_LIMITS.statements}::pg_catalog.int8)), '[]'),
  'last', (SELECT pg_catalog.max(w.number) FROM trueup.workload_statements w WHERE w.namespace OPERATOR(pg_catalog.=) n.name
    AND w.workload OPERATOR(pg_catalog.=) n.workload))::pg_catalog.text
FROM trueup.namespaces n WHERE n.name OPERATOR(pg_catalog.=) $1::pg_catalog.text`,
    [namespace, from],
  );
  if (found === null) return EMPTY_WORKLOAD_PART;
  const { hash, statements, last } = JSON.parse(found) as {
    hash: string | null;
    statements: readonly (WorkloadStatement & { number: number })[];
    last: number | null;
  };
  const end = statements.at(-1)?.number ?? null;
  return {
    hash,
    statements: statements.map(({ text, role, searchPath, calls }) => ({ text, role, searchPath, calls })),
    next: end === null || end === last ? null : end,
  };
}

const EMPTY_WORKLOAD_PART: WorkloadPart = { hash: null, statements: [], next: null };
