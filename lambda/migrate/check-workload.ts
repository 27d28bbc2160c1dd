/**
 * Plans statements on the live database for an external caller. It is read-only, and the statements are not executed.
 */
import { TrueupError } from '../contract/errors';
import type { StatementVerdict, WorkloadCheckResult, WorkloadStatement } from '../contract/workload';
import { explainFailedStatement, toFailedStatement } from '../defects/statement';
import { readWorkloadPart } from '../engine/guard/running-workload';
import type { EngineContext } from '../engine/run';
import { withDatabase } from '../engine/time/session';
import type { Database } from '../postgres/database';
import { planStatements } from '../workload/plan-statements';
import { withCatalogReads } from './diagnosis';

/**
 * Share of the remaining invocation time that planning may take. Explaining failures from the catalog needs time too.
 */
const WORKLOAD_CHECK_SHARE = 0.7;
const MAX_BUDGET_MS = 5 * 60_000;
const CATALOG_TIMEOUT_MS = 10_000;
/** Maximum number of explained failures per response. */
const MAX_CAUSES = 50;

/**
 * Plans statements and explains those that fail.
 * @param given the statements, or null for the guaranteed workload, starting with number `from`
 * @throws {TrueupError}
 */
export function checkWorkload(
  ctx: EngineContext,
  namespace: string,
  given: readonly WorkloadStatement[] | null,
  from: number,
): Promise<WorkloadCheckResult> {
  const statements = given === null ? null : validateStatements(given);
  return withDatabase(ctx, async (db) => {
    const part = statements === null ? await readWorkloadPart(db, namespace, from) : undefined;
    const asked = statements ?? part!.statements;
    const budgetMs = Math.min(MAX_BUDGET_MS, Math.max(0, (ctx.deadline - Date.now()) * WORKLOAD_CHECK_SHARE));
    const verdicts = await planStatements(db, asked, { budgetMs });
    const causes = await withCatalogReads(db, CATALOG_TIMEOUT_MS, (catalog) =>
      findCauses(catalog, asked, verdicts, ctx.deadline),
    );
    return { ...(part ? { part } : {}), verdicts, causes };
  });
}

async function findCauses(
  db: Database,
  asked: readonly WorkloadStatement[],
  verdicts: readonly StatementVerdict[],
  deadline: number,
): Promise<WorkloadCheckResult['causes'][number][]> {
  const failing = verdicts
    .map((verdict, at) => ({ verdict, at, ...asked[at]! }))
    .filter(({ verdict: { outcome } }) => outcome === 'fails' || outcome === 'would-fail')
    .sort((a, b) => (b.calls ?? 0) - (a.calls ?? 0));
  const causes: WorkloadCheckResult['causes'][number][] = [];
  for (const { at, text, role, verdict } of failing.slice(0, MAX_CAUSES)) {
    if (Date.now() >= deadline) break;
    const found = await explainFailedStatement(db, toFailedStatement(text, role, verdict));
    if (found !== null) causes.push({ at, cause: found.cause, repair: found.repair });
  }
  return causes;
}

/** Validates statements from outside, which may come from another version or be written by hand. */
function validateStatements(statements: readonly WorkloadStatement[]): readonly WorkloadStatement[] {
  const textOrNull = (value: unknown): boolean => value === null || typeof value === 'string';
  if (
    Array.isArray(statements) &&
    statements.every(
      (each) =>
        typeof each?.text === 'string' &&
        textOrNull(each.role ?? null) &&
        textOrNull(each.searchPath ?? null),
    )
  )
    return statements.map(({ text, role, searchPath, calls }) => ({
      text,
      role: role ?? null,
      searchPath: searchPath ?? null,
      calls: typeof calls === 'number' ? calls : null,
    }));
  throw new TrueupError({
    code: 'unsupported',
    message: 'the statements to plan do not have the form that this version expects',
    remedy: 'Use `trueup check-workload --stack` of the same version.',
  });
}
