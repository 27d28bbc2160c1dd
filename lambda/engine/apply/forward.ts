/** Applies what is pending, as planned, and plans the application's statements before and after. */

import type { ConvergeRequest, Outcome, Report } from '../../contract/converge';
import { type ErrorInfo, TrueupError } from '../../contract/errors';
import type { WorkloadReport } from '../../contract/workload';
import { noted, planAfter, planBefore } from '../guard/guard';
import { guards, promiseHash } from '../guard/statements';
import { warningsOf } from '../guard/words';
import { askHistory } from '../history';
import type { Ledger } from '../ledger/ledger';
import { notYet } from '../on-database';
import { afterBaseline } from '../plan/baseline';
import { planForward, type Step } from '../plan/plan';
import { reportOf } from '../plan/report';
import { NotYet, type Run } from '../run';
import { schemasOf } from '../schemas';
import { runSteps } from './apply';

export async function applyPending(run: Run, ledger: Ledger, request: ConvergeRequest): Promise<Outcome> {
  const plan = planForward(run.manifest, ledger, request);
  const report = (workload?: WorkloadReport): Report => {
    const all = reportOf(ledger, run, plan);
    return workload ? { ...all, workload, warnings: [...all.warnings, ...warningsOf(workload)] } : all;
  };
  const failed = (error: ErrorInfo, workload?: WorkloadReport): Outcome => ({
    status: 'failed',
    error,
    report: report(workload),
  });
  if (plan.errors[0]) return failed(plan.errors[0]);
  try {
    await runSteps(run, plan.steps.filter(isMark));
    const rest = afterBaseline(
      run,
      ledger,
      request,
      plan.steps.filter((step) => step.type === 'baseline' || !isMark(step)),
    );
    if ('code' in rest) return failed(rest);
    const refused = await askHistory(run.db, ledger, rest, run.baselined.size > 0, run.names.schemas);
    if (refused) return failed(refused);
    if (rest.some(({ type }) => type === 'apply')) await planBefore(run);
    await runSteps(run, rest);
    if (!concernsPromises(run, ledger, request, rest)) return { status: 'done', report: report() };
    const { error, report: workload } = await planAfter(run);
    return error === null ? { status: 'done', report: report(workload) } : failed(error, workload);
  } catch (error) {
    if (error instanceof TrueupError) return failed(error.info, await notedIf(run));
    if (error instanceof NotYet) return { ...notYet(error.progress, error.waitingFor), report: report() };
    throw error;
  }
}

/** Something was changed under a promise, or there is a new one. */
function concernsPromises(
  { manifest }: Run,
  ledger: Ledger,
  request: ConvergeRequest,
  steps: readonly Step[],
): boolean {
  if (!guards(request)) return false;
  const running = ledger.promise ?? null;
  const next = promiseHash(manifest, schemasOf(ledger, request));
  const changed = steps.length > 0 || ledger.migrations.some(({ deployment }) => deployment === request.id);
  return changed ? running !== null || next !== null : next !== null && next !== running;
}

/** What was noted before the run failed; nothing where that can no longer be asked. */
const notedIf = (run: Run): Promise<WorkloadReport | undefined> =>
  run.guarded ? noted(run).catch(() => undefined) : Promise.resolve(undefined);

/** Runs nothing of a migration: what the database holds already is recorded. */
const isMark = ({ type }: Step): boolean =>
  type === 'baseline' || type === 'accept' || type === 'accept-later';
