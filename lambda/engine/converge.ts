/**
 * Makes the database match the manifest of the code that was invoked. Called twice it does nothing the second time;
 * called by two at once, one works and the other waits its turn; cut anywhere, the next call goes on.
 */

import type { ConvergeRequest, Outcome, Report } from '../contract/converge';
import { type ErrorInfo, TrueupError } from '../contract/errors';
import type { Manifest } from '../contract/manifest';
import type { WorkloadReport } from '../contract/workload';
import { type Database, StillRunning } from '../postgres/database';
import { pinned } from '../postgres/pinned';
import { runSteps } from './apply/apply';
import { unexpectedError } from './apply/failures';
import { askElsewhere, unknownTo } from './elsewhere';
import { noted, planAfter, planBefore } from './guard/guard';
import { forgetAnswers, guards, keepPromise, setPromise } from './guard/statements';
import { warningsOf } from './guard/words';
import { askHistory } from './history';
import type { Ledger } from './ledger/ledger';
import { readFailed, readLedger } from './ledger/read';
import { beginStatements, endStatements } from './ledger/rows';
import { needsInstall } from './ledger/schema';
import { withRunnerLock } from './locks/runner-lock';
import { afterBaseline } from './plan/baseline';
import { appliedElsewhere } from './plan/other-tools';
import { obstacle, planForward, type Step } from './plan/plan';
import { renamedSince } from './plan/renamed';
import { reportOf } from './plan/report';
import { planRollback } from './plan/rollback';
import { beginRun, type EngineContext, NotYet, Overtaken, type Run } from './run';
import { RUNNER_PAUSE_MS, waitOrGiveUp } from './time/limits';
import { inSession, Unreachable } from './time/session';
import { tidyUnfinished, undo } from './undo/undo';

/** Never throws for what a database, a ledger or a migration can do; the outcome says it. */
export async function converge(ctx: EngineContext, request: ConvergeRequest): Promise<Outcome> {
  return onDatabase(ctx, request, (db) => convergeOn(db, ctx, request));
}

/** In a session of its own; whatever ends it is an outcome. */
export async function onDatabase(
  ctx: EngineContext,
  request: ConvergeRequest,
  work: (db: Database) => Promise<Outcome>,
): Promise<Outcome> {
  try {
    return await inSession(ctx, work);
  } catch (error) {
    if (error instanceof NotYet) return notYet(error.progress, error.waitingFor);
    if (error instanceof StillRunning) return notYet('the server is still running a long statement');
    if (!(error instanceof Unreachable)) return ended(request, unexpectedError(error));
    const info = unexpectedError(error.cause);
    if (!error.timeIsUp) return ended(request, info);
    const outcome = notYet(info.message, info);
    return error.lostAt === null ? outcome : { ...outcome, unreachableMs: Date.now() - error.lostAt };
  }
}

const EMPTY = reportOf(null, null);

const notYet = (progress: string, waitingFor?: ErrorInfo): Extract<Outcome, { status: 'continue' }> => ({
  status: 'continue',
  progress,
  ...(waitingFor ? { waitingFor } : {}),
  report: EMPTY,
});

/** A rollback or Delete never fails because of the schema: that would wedge the stack. It says what it could not do. */
function ended(request: ConvergeRequest, error: ErrorInfo): Outcome {
  if (request.direction !== 'rollback' && !request.remove) return { status: 'failed', error, report: EMPTY };
  const warning = `the rollback left the schema as it is: ${error.message}`;
  return { status: 'done', report: { ...EMPTY, warnings: [warning] } };
}

async function convergeOn(db: Database, ctx: EngineContext, asked: ConvergeRequest): Promise<Outcome> {
  const { manifest } = ctx;
  const ledger = await readLedger(db, asked.namespace, asked.id, asked.ownerRole ?? null);
  const earlier = earlierAnswer(ledger, asked);
  if (earlier) return earlier;
  // The first slice fixed the direction.
  const request = { ...asked, direction: ledger.deployment?.direction ?? asked.direction };
  const forward = request.direction !== 'rollback' && !request.remove;
  const refused = obstacle(manifest, ledger, request);
  if (refused) return ended(request, refused);
  if (request.remove && !request.failed) return { status: 'done', report: reportOf(ledger, null) };
  const idle = nothingToDo(manifest, ledger, request, forward);
  if (idle) return idle;

  return withRunnerLock(db, ctx, async () => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await underLock(db, ctx, request, forward);
      } catch (error) {
        if (!(error instanceof Overtaken)) throw error;
        await letPass(ctx, error, attempt);
      }
    }
  });
}

/** What is to be done is read only now: until here another runner was at work. */
async function underLock(
  db: Database,
  ctx: EngineContext,
  request: ConvergeRequest,
  forward: boolean,
): Promise<Outcome> {
  const { manifest } = ctx;
  const ledger = await readLedger(db, request.namespace, request.id, request.ownerRole ?? null);
  const since = earlierAnswer(ledger, request) ?? refusedNow(ctx, ledger, request);
  if (since) return since;
  const steps = forward ? planForward(manifest, ledger, request).steps : [];
  const asked = await askElsewhere(db, manifest, ledger, request, steps);
  const twice =
    (forward ? await renamedSince(db, manifest, ledger, request) : null) ??
    appliedElsewhere(asked.elsewhere, unknownTo(ledger, steps, ['apply']));
  if (twice) return ended(request, twice);
  await db.execute([
    pinned([...beginStatements(ledger, request, manifest), ...keepPromise(ledger, request, manifest)]),
  ]);
  const run = beginRun(db, ctx, ledger, request, asked);
  const outcome = forward ? await goForward(run, ledger, request) : await goBack(run, ledger, request);
  if (outcome.status !== 'continue')
    await db.execute([
      pinned([...endOfPromise(ledger, request, manifest, outcome), ...endStatements(request, outcome)]),
    ]);
  return outcome;
}

/** What the running application promises changes with the success of a deployment, and in the same commit. */
const endOfPromise = (
  ledger: Ledger,
  request: ConvergeRequest,
  manifest: Manifest,
  { status }: Outcome,
): string[] => [
  ...(ledger.promise == null ? [] : [forgetAnswers(request)]),
  ...(status === 'done' ? setPromise(ledger, request, manifest) : []),
];

/** Another runner is at work although this one holds the lock: what it has done is read, and the rest is done. */
async function letPass(ctx: EngineContext, { message }: Overtaken, attempt: number): Promise<void> {
  ctx.progress?.({ type: 'waiting', for: 'runner', message });
  if (await waitOrGiveUp(attempt, ctx.deadline, RUNNER_PAUSE_MS)) return;
  throw new NotYet(message, {
    code: 'busy',
    message,
    remedy: 'Wait for it to end, and deploy again.',
  });
}

/** The same request again: it is answered as before. One that a newer request has replaced stops. */
function earlierAnswer(ledger: Ledger, request: ConvergeRequest): Outcome | null {
  const { deployment, newest } = ledger;
  if (deployment && deployment.outcome !== 'running' && deployment.result) return deployment.result;
  if (newest && newest.id !== request.id && (deployment || beganBefore(request, newest.requestedAt))) {
    return ended(request, {
      code: 'busy',
      message: 'a newer request has taken over; this one stopped',
      remedy: 'Nothing to do: the newer request reports the result.',
    });
  }
  return null;
}

/** It waited for the lock while a rollback, say, came and went; its time is past although it never began. */
const beganBefore = ({ startedAt }: ConvergeRequest, other: string | null): boolean =>
  typeof startedAt === 'string' && other !== null && startedAt < other;

function refusedNow(ctx: EngineContext, ledger: Ledger, request: ConvergeRequest): Outcome | null {
  const refused = obstacle(ctx.manifest, ledger, request);
  return refused ? ended(request, refused) : null;
}

/** By hand, a run that finds everything in place leaves no trace; a stack's requests are always recorded. */
function nothingToDo(
  manifest: Manifest,
  ledger: Ledger,
  request: ConvergeRequest,
  forward: boolean,
): Outcome | null {
  if (!forward || ledger.version === null || needsInstall(ledger.version, ledger.verification)) return null;
  // An earlier slice of this request has left one, which has to be brought to its end.
  if (ledger.deployment !== null) return null;
  if (manifest.workload !== undefined && manifest.workload.hash !== ledger.promise) return null;
  const plan = planForward(manifest, ledger, request);
  if (plan.errors[0] && request.owner === null) {
    return { status: 'failed', error: plan.errors[0], report: reportOf(ledger, null, plan) };
  }
  if (plan.steps.length > 0 || plan.errors.length > 0 || request.owner !== null) return null;
  return { status: 'done', report: reportOf(ledger, null, plan) };
}

async function goForward(run: Run, ledger: Ledger, request: ConvergeRequest): Promise<Outcome> {
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
    const refused = await askHistory(run.db, ledger, rest, run.baselined.size > 0);
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
  const [running, next] = [ledger.promise ?? null, manifest.workload?.hash ?? null];
  const changed = steps.length > 0 || ledger.migrations.some(({ deployment }) => deployment === request.id);
  return changed ? running !== null || next !== null : next !== null && next !== running;
}

/** What was noted before the run failed; nothing where that can no longer be asked. */
const notedIf = (run: Run): Promise<WorkloadReport | undefined> =>
  run.guarded ? noted(run).catch(() => undefined) : Promise.resolve(undefined);

/** Runs nothing of a migration: what the database holds already is recorded. */
const isMark = ({ type }: Step): boolean =>
  type === 'baseline' || type === 'accept' || type === 'accept-later';

async function goBack(run: Run, ledger: Ledger, request: ConvergeRequest): Promise<Outcome> {
  const failed = request.failed ? await readFailed(run.db, request.namespace, request.failed) : null;
  const plan = planRollback(run.manifest, ledger, failed, request);
  run.kept.push(...plan.kept);
  run.warnings.push(...plan.warnings);
  const own = ledger.migrations.filter((row) => row.state === 'partial' && row.deployment === failed?.id);
  for (const row of own) {
    const why = await keepingErrors(run, row.name, () => tidyUnfinished(run, row));
    if (why) run.kept.push({ name: row.name, reason: why });
  }
  for (const step of plan.undo) {
    if (run.kept.some(({ name }) => name === step.name)) continue;
    await keepingErrors(run, step.name, () => undo(run, step));
  }
  for (const migration of plan.restore) {
    const step: Step = { type: 'apply', migration, from: 0, note: 'changed' };
    await keepingErrors(run, migration.name, () => runSteps(run, [step]));
  }
  return { status: 'done', report: reportOf(ledger, run) };
}

/** Whatever goes wrong while undoing, the migration stays and the report says so. */
async function keepingErrors<T>(run: Run, name: string, work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TrueupError) run.kept.push({ name, reason: error.info.message });
    else if (error instanceof NotYet) run.kept.push({ name, reason: error.progress });
    else throw error;
    return null;
  }
}
