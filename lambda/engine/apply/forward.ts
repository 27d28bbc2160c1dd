/** Applies what is pending, as planned, and plans the application's statements before and after. */

import type { ConvergeOutcome, ConvergeReport, ConvergeRequest } from '../../contract/converge';
import { type ErrorInfo, TrueupError } from '../../contract/errors';
import { describeRequiredLogin, type NotChecked } from '../../contract/not-checked';
import type { WorkloadReport } from '../../contract/workload';
import { planWorkloadAfter, planWorkloadBefore, readGuardReport } from '../guard/guard';
import { computeWorkloadHash, isGuarded } from '../guard/guard-sql';
import { buildWorkloadWarnings } from '../guard/messages';
import { checkHistory } from '../history';
import type { Ledger } from '../ledger/ledger';
import { makeContinueOutcome } from '../on-database';
import { checkAfterBaseline } from '../plan/baseline';
import { listRenamesToVerify, type PlanStep, planForward } from '../plan/plan';
import { applyRenames } from '../plan/renamed-files';
import { buildReport } from '../plan/run-report';
import { DeadlineReachedError, type Run } from '../run';
import { resolveSchemas } from '../search-path';
import { runSteps } from './apply';

export async function applyPending(
  run: Run,
  ledger: Ledger,
  request: ConvergeRequest,
): Promise<ConvergeOutcome> {
  const plan = planForward(run.manifest, ledger, request);
  let unchecked: readonly NotChecked[] = [];
  const readNames = (): Ledger => {
    const recorded = listRenamesToVerify(plan.steps).filter(({ to }) => run.recordedEdits.has(to));
    return applyRenames(ledger, recorded, request.id);
  };
  const report = (workload?: WorkloadReport): ConvergeReport => {
    const all = addNotCheckedWarnings(buildReport(readNames(), run, plan), unchecked);
    return workload
      ? { ...all, workload, warnings: [...all.warnings, ...buildWorkloadWarnings(workload)] }
      : all;
  };
  const failed = (error: ErrorInfo, workload?: WorkloadReport): ConvergeOutcome => ({
    status: 'failed',
    error,
    report: report(workload),
  });
  if (plan.errors[0]) return failed(plan.errors[0]);
  try {
    await runSteps(run, plan.steps.filter(isRecordOnly));
    const rest = checkAfterBaseline(
      run,
      readNames(),
      request,
      plan.steps.filter((step) => step.type === 'baseline' || !isRecordOnly(step)),
    );
    if ('code' in rest) return failed(rest);
    const refused = await checkHistory(run.db, readNames(), rest, run.baselined.size > 0, run.names.schemas);
    if (refused) return failed(refused);
    const pending = rest.flatMap((step) => (step.type === 'apply' ? [step.migration] : []));
    if (pending.length > 0) await planWorkloadBefore(run, pending);
    await runSteps(run, rest);
    unchecked = await readNotChecked(run, rest);
    if (!concernsWorkload(run, ledger, request, rest)) return { status: 'done', report: report() };
    const { error, report: workload } = await planWorkloadAfter(run);
    return error === null ? { status: 'done', report: report(workload) } : failed(error, workload);
  } catch (error) {
    if (error instanceof TrueupError) return failed(error.info, await tryReadGuardReport(run));
    if (error instanceof DeadlineReachedError)
      return { ...makeContinueOutcome(error.progress, error.waitingFor), report: report() };
    throw error;
  }
}

/**
 * Whether the guaranteed workload must be planned again: something was changed while one exists, or this deployment
 * brings a new one.
 */
function concernsWorkload(
  { manifest }: Run,
  ledger: Ledger,
  request: ConvergeRequest,
  steps: readonly PlanStep[],
): boolean {
  if (!isGuarded(request)) return false;
  const running = ledger.runningWorkload ?? null;
  const next = computeWorkloadHash(manifest, resolveSchemas(ledger, request));
  const changed = steps.length > 0 || ledger.migrations.some(({ deployment }) => deployment === request.id);
  return changed ? running !== null || next !== null : next !== null && next !== running;
}

/** Returns the guard's notes from before the failure; `undefined` if they can no longer be read. */
const tryReadGuardReport = (run: Run): Promise<WorkloadReport | undefined> =>
  run.guarded ? readGuardReport(run).catch(() => undefined) : Promise.resolve(undefined);

/** Whether the step runs no statements of the migration, and only records what the database already holds. */
const isRecordOnly = ({ type }: PlanStep): boolean =>
  type === 'baseline' || type === 'accept' || type === 'accept-later';

/** Reads what this deployment applied, over all its slices, and could not verify completely. */
async function readNotChecked(
  { db, names }: Run,
  steps: readonly PlanStep[],
): Promise<readonly NotChecked[]> {
  if (!steps.some(({ migration }) => migration.verify.length > 0)) return [];
  const rows = await db.query<{ name: string; unchecked: string }>(
    `SELECT name, not_checked AS unchecked FROM trueup.migrations
WHERE namespace OPERATOR(pg_catalog.=) $1::pg_catalog.text AND deployment OPERATOR(pg_catalog.=) $2::pg_catalog.text AND not_checked IS NOT NULL
ORDER BY applied_at, name`,
    [names.namespace, names.deployment],
  );
  return rows.map(({ name, unchecked }) => ({ migration: name, code: unchecked.split('\n') }));
}

const addNotCheckedWarnings = (report: ConvergeReport, unchecked: readonly NotChecked[]): ConvergeReport =>
  unchecked.length === 0
    ? report
    : {
        ...report,
        notChecked: unchecked,
        warnings: [
          ...report.warnings,
          ...unchecked.map(describeNotChecked),
          ...describeRequiredLogin(unchecked, report.applied.length),
        ],
      };

const describeNotChecked = ({ migration, code }: NotChecked): string =>
  `${migration}: applied, but not verified: its verify section may call untrusted code with the privileges of this login (${code.join('; ')})`;
