/** How the statements that the running application promises plan now, beside how they did when it was deployed. Read only. */
import { DRIFTED_STATEMENTS, type WorkloadDrift } from '../../contract/workload';
import { type Database, SqlError } from '../../postgres/database';
import { readLongText } from '../../postgres/long-text';
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

export interface PromiseNow extends Omit<WorkloadDrift, 'named' | 'problem'> {
  readonly named: readonly Drifted[];
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
