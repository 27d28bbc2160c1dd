/** How the statements that the running application promises plan now, beside how they did when it was deployed. Read only. */
import {
  DRIFTED_STATEMENTS,
  type PromisedStatement,
  type PromisePart,
  type WorkloadDrift,
} from '../../contract/workload';
import { type Database, SqlError } from '../../postgres/database';
import { readLongText } from '../../postgres/long-text';
import type { Answer } from '../../workload/verdict';
import type { Named } from './words';

/** A promised statement that has become worse: in codes, as the server hands it out. */
export interface Drifted extends Named {
  /** `plan`, `privilege`, `row-security` or `type`. */
  readonly by: string;
  /** Its whole text, for a diagnosis alone. */
  readonly statement: string;
  /** What it named when it was promised and is no longer there: `schema.table`, `schema.table.column`, a function. */
  readonly gone: readonly string[];
}

/** A promised statement that fails as it did when it was promised: nobody else says so. */
export interface Failed {
  /** Normalized; shortened where it is very long. */
  readonly text: string;
  readonly calls: number | null;
  readonly answer: Answer;
}

export interface PromiseNow extends Omit<WorkloadDrift, 'named' | 'problem'> {
  readonly named: readonly Drifted[];
  /** Some hundreds at most. @default - functions of an older version do not say */
  readonly failed?: readonly Failed[];
}

/**
 * Null where nothing is promised.
 * @param budgetMs what is not planned by then is undecided, and counted
 * @throws {SqlError}
 */
export async function promiseNow(
  db: Database,
  namespace: string,
  budgetMs: number,
): Promise<PromiseNow | null> {
  if (!(await promises(db, namespace))) return null;
  const found = await readLongText(
    db,
    'SELECT trueup._promise_now($1::pg_catalog.text::pg_catalog.jsonb)::pg_catalog.text',
    [JSON.stringify({ namespace, budgetMs: Math.max(0, budgetMs), most: DRIFTED_STATEMENTS })],
  );
  return found === null ? null : (JSON.parse(found) as PromiseNow);
}

/** Asked apart: a ledger of an older version, or none, promises nothing and has no such function. */
async function promises(db: Database, namespace: string): Promise<boolean> {
  try {
    const [row] = await db.query<{ promised: boolean }>(
      `SELECT pg_catalog.to_jsonb(n) OPERATOR(pg_catalog.->>) 'promise'::pg_catalog.text IS NOT NULL AS promised
FROM trueup.namespaces n WHERE n.name OPERATOR(pg_catalog.=) $1::pg_catalog.text`,
      [namespace],
    );
    return row?.promised === true;
  } catch (error) {
    if (error instanceof SqlError && NO_LEDGER.has(error.sqlstate)) return false;
    throw error;
  }
}

const NO_LEDGER = new Set(['42P01', '3F000']);

/** A part that goes with its verdicts into one answer of an invocation. */
const PART = { statements: 1_000, characters: 1_000_000 };

/** @param from the first part begins at 0. @throws {SqlError} */
export async function readPromise(db: Database, namespace: string, from: number): Promise<PromisePart> {
  if (!(await promises(db, namespace))) return NOTHING_PROMISED;
  const found = await readLongText(
    db,
    `SELECT pg_catalog.json_build_object('hash', n.promise, 'statements', coalesce((
  SELECT pg_catalog.json_agg(pg_catalog.json_build_object('number', p.number, 'text', p.statement, 'role', p.role,
    'searchPath', p.path, 'calls', p.calls) ORDER BY p.number)
  FROM (SELECT w.*, pg_catalog.sum(pg_catalog.length(w.statement)) OVER (ORDER BY w.number) AS characters, pg_catalog.row_number() OVER (ORDER BY w.number) AS place
    FROM trueup.workload w WHERE w.namespace OPERATOR(pg_catalog.=) n.name AND w.promise OPERATOR(pg_catalog.=) n.promise
      AND w.number OPERATOR(pg_catalog.>) $2::pg_catalog.int4) AS p
  WHERE p.place OPERATOR(pg_catalog.=) 1::pg_catalog.int8 OR (p.characters OPERATOR(pg_catalog.<=) ${PART.characters}::pg_catalog.int8
    AND p.place OPERATOR(pg_catalog.<=) ${PART.statements}::pg_catalog.int8)), '[]'),
  'last', (SELECT pg_catalog.max(w.number) FROM trueup.workload w WHERE w.namespace OPERATOR(pg_catalog.=) n.name
    AND w.promise OPERATOR(pg_catalog.=) n.promise))::pg_catalog.text
FROM trueup.namespaces n WHERE n.name OPERATOR(pg_catalog.=) $1::pg_catalog.text`,
    [namespace, from],
  );
  if (found === null) return NOTHING_PROMISED;
  const { hash, statements, last } = JSON.parse(found) as {
    hash: string | null;
    statements: readonly (PromisedStatement & { number: number })[];
    last: number | null;
  };
  const end = statements.at(-1)?.number ?? null;
  return {
    hash,
    statements: statements.map(({ text, role, searchPath, calls }) => ({ text, role, searchPath, calls })),
    next: end === null || end === last ? null : end,
  };
}

const NOTHING_PROMISED: PromisePart = { hash: null, statements: [], next: null };
