/**
 * Plans the application's statements during the drift check, and reports those that now plan worse than when they were
 * recorded.
 */
import type { Diagnosis } from '../contract/diagnosis';
import type { DriftedStatement, WorkloadDrift } from '../contract/workload';
import { buildUndiagnosed } from '../defects/diagnose';
import { explainDegradedStatement } from '../defects/statement';
import { toDescribedStatement } from '../engine/guard/messages';
import {
  type AlreadyFailingStatement,
  type DegradedStatement,
  readWorkloadState,
} from '../engine/guard/running-workload';
import { tryReadStatus } from '../engine/read-status';
import type { EngineContext } from '../engine/run';
import { PLANNING_BUDGET_MS, PLANNING_SHARE } from '../engine/time/limits';
import { withDatabase } from '../engine/time/session';
import { type Database, SqlError } from '../postgres/database';
import { safeServerMessage } from '../postgres/server-words';
import { withCatalogReads } from './diagnosis';

/** Time in which the server may still answer after the planning budget. Processing the plans takes time too. */
const ANSWER_MARGIN_MS = 15_000;

export interface WorkloadDriftResult {
  /** The workload's drift, or null if no workload is guaranteed. */
  readonly workload: WorkloadDrift | null;
  /**
   * Statements that fail now and already failed when they were recorded. Null if the functions in schema trueup are too
   * old to report them.
   */
  readonly failed: readonly AlreadyFailingStatement[] | null;
}

/**
 * Checks the guaranteed workload. @throws {ConnectionLostError} if the connection is lost; errors of the server become part
 * of the result
 */
export async function checkWorkloadDrift(
  db: Database,
  ctx: Pick<EngineContext, 'manifest' | 'deadline'>,
  namespace: string,
): Promise<WorkloadDriftResult> {
  const budgetMs = Math.min(PLANNING_BUDGET_MS, (ctx.deadline - Date.now()) * PLANNING_SHARE);
  try {
    return await withCatalogReads(db, Math.max(0, budgetMs) + ANSWER_MARGIN_MS, async (asking) => {
      const now = await readWorkloadState(asking, namespace, budgetMs);
      if (now === null) return { workload: null, failed: [] };
      const { failed = null, ...rest } = now;
      const named = await addDiagnoses(asking, ctx, namespace, now.named);
      return { workload: { ...rest, named, problem: null }, failed };
    });
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    return { workload: { ...EMPTY_WORKLOAD_DRIFT, problem: describeProblem(error) }, failed: null };
  }
}

/** Checks the guaranteed workload for a page. @throws {TrueupError} if the database cannot be reached */
export const readWorkloadDrift = (ctx: EngineContext, namespace: string): Promise<WorkloadDrift | null> =>
  withDatabase(ctx, async (db) => (await checkWorkloadDrift(db, ctx, namespace)).workload);

const EMPTY_WORKLOAD_DRIFT: Omit<WorkloadDrift, 'problem'> = {
  statements: 0,
  plan: 0,
  broken: 0,
  failing: 0,
  undecided: {},
  notRecorded: 0,
  named: [],
};

/**
 * Explains an error. Our functions are called with their schema, so undefined_function means that they were never
 * installed.
 */
const describeProblem = (error: SqlError): string =>
  error.sqlstate === '42883'
    ? "An older version installed the functions of schema trueup. The next deployment upgrades them; from then on, the application's statements are planned."
    : `The application's statements could not be planned (SQLSTATE ${error.sqlstate}): ${safeServerMessage(error.sqlstate, error.message, error)}.`;

async function addDiagnoses(
  db: Database,
  ctx: Pick<EngineContext, 'manifest' | 'deadline'>,
  namespace: string,
  all: readonly DegradedStatement[],
): Promise<DriftedStatement[]> {
  if (all.length === 0) return [];
  const known = { manifest: ctx.manifest, status: await tryReadStatus(db, ctx, namespace) };
  const found: DriftedStatement[] = [];
  for (const each of all) {
    const diagnosis: Diagnosis =
      Date.now() < ctx.deadline
        ? await explainDegradedStatement(db, each, known)
        : buildUndiagnosed({ signature: '' }, ['No time was left to query the database.']);
    found.push({ ...toDescribedStatement(each), diagnosis });
  }
  return found;
}
