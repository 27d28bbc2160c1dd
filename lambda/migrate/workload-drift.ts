/** The drift check's look at the application's statements: what planned when it was promised, and is worse now. */
import type { Diagnosis } from '../contract/diagnosis';
import type { DriftedStatement, WorkloadDrift } from '../contract/workload';
import { undiagnosed } from '../defects/diagnose';
import { explainWorse } from '../defects/statement';
import { type Drifted, type Failed, promiseNow } from '../engine/guard/promise-now';
import { inWords } from '../engine/guard/words';
import type { EngineContext } from '../engine/run';
import { statusOrNull } from '../engine/status';
import { PLANNING_BUDGET_MS, PLANNING_SHARE } from '../engine/time/limits';
import { withDatabase } from '../engine/time/session';
import { type Database, SqlError } from '../postgres/database';
import { safeServerMessage } from '../postgres/server-words';
import { onCatalogue } from './diagnosis';

/** Beyond the budget, the server ends the call: what the answers come to takes time too. */
const ANSWER_MS = 15_000;

export interface WorkloadSeen {
  /** Null where no application promises anything. */
  readonly workload: WorkloadDrift | null;
  /** Statements that fail, and did so when they were promised. Null where functions of an older version do not say. */
  readonly failed: readonly Failed[] | null;
}

/** @throws {ConnectionLost} when the connection is gone; what the server refuses is part of the answer */
export async function workloadDrift(
  db: Database,
  ctx: Pick<EngineContext, 'manifest' | 'deadline'>,
  namespace: string,
): Promise<WorkloadSeen> {
  const budgetMs = Math.min(PLANNING_BUDGET_MS, (ctx.deadline - Date.now()) * PLANNING_SHARE);
  try {
    return await onCatalogue(db, Math.max(0, budgetMs) + ANSWER_MS, async (asking) => {
      const now = await promiseNow(asking, namespace, budgetMs);
      if (now === null) return { workload: null, failed: [] };
      const { failed = null, ...rest } = now;
      const named = await explained(asking, ctx, namespace, now.named);
      return { workload: { ...rest, named, problem: null }, failed };
    });
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    return { workload: { ...NOTHING, problem: problemOf(error) }, failed: null };
  }
}

/** For a page. @throws {TrueupError} when the database cannot be reached */
export const askWorkload = (ctx: EngineContext, namespace: string): Promise<WorkloadDrift | null> =>
  withDatabase(ctx, async (db) => (await workloadDrift(db, ctx, namespace)).workload);

const NOTHING: Omit<WorkloadDrift, 'problem'> = {
  statements: 0,
  plan: 0,
  broken: 0,
  failing: 0,
  undecided: {},
  unkept: 0,
  named: [],
};

/** Functions that are called with a schema's name: missing, they were never installed. */
const problemOf = (error: SqlError): string =>
  error.sqlstate === '42883'
    ? "The functions of schema trueup are of an older version: the next deployment brings them up to date, and the application's statements are planned from then on."
    : `The application's statements could not be planned (SQLSTATE ${error.sqlstate}): ${safeServerMessage(error.sqlstate, error.message, error)}.`;

async function explained(
  db: Database,
  ctx: Pick<EngineContext, 'manifest' | 'deadline'>,
  namespace: string,
  all: readonly Drifted[],
): Promise<DriftedStatement[]> {
  if (all.length === 0) return [];
  const known = { manifest: ctx.manifest, status: await statusOrNull(db, ctx, namespace) };
  const found: DriftedStatement[] = [];
  for (const each of all) {
    const diagnosis: Diagnosis =
      Date.now() < ctx.deadline
        ? await explainWorse(db, each, known)
        : undiagnosed({ signature: '' }, ['No time was left to query the database.']);
    found.push({ ...inWords(each), diagnosis });
  }
  return found;
}
