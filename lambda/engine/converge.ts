/**
 * Makes the database match the manifest of the code that was invoked. Called twice it does nothing the second time;
 * called by two at once, one works and the other waits its turn; cut anywhere, the next call goes on.
 */
import { ConnectionLost, type Database, StillRunning } from '../postgres/database';
import { runSteps } from './apply';
import { afterBaseline } from './baseline';
import { type ErrorInfo, TrueupError } from './errors';
import { isTransient, unexpected } from './failures';
import { type Ledger, readFailed, readLedger } from './ledger';
import { beginStatements, endStatements } from './ledger-rows';
import { needsInstall, RUNNER_LOCK } from './ledger-schema';
import { obstacle, planForward, type Step } from './plan';
import { reportOf } from './report';
import type { ConvergeRequest, Outcome } from './request';
import { waitOrGiveUp } from './retry';
import { planRollback } from './rollback';
import { beginRun, type EngineContext, NotYet, type Run } from './run';
import { acquireRunnerLock } from './runner-lock';
import { answeredInTime, closeInTime } from './silence';
import { tidyUnfinished, undo } from './undo';

const CONNECT_PATIENCE_MS = 30_000;

/** Never throws for what a database, a ledger or a migration can do; the outcome says it. */
export async function converge(ctx: EngineContext, request: ConvergeRequest): Promise<Outcome> {
  return onDatabase(ctx, request, (db) => convergeOn(db, ctx, request));
}

/** Connects, waits for a database that starts or restarts, and begins again after a lost connection. */
export async function onDatabase(
  ctx: EngineContext,
  request: ConvergeRequest,
  work: (db: Database) => Promise<Outcome>,
): Promise<Outcome> {
  const patience = ctx.connectPatienceMs ?? CONNECT_PATIENCE_MS;
  let giveUp = Date.now() + patience;
  for (let attempt = 1; ; attempt++) {
    let db: Database | undefined;
    try {
      db = await ctx.connect();
      giveUp = Date.now() + patience;
      return await answeredInTime(db, ctx.deadline, work);
    } catch (error) {
      if (error instanceof NotYet) return notYet(error.progress, error.waitingFor);
      if (error instanceof StillRunning) return notYet('the server goes on with a statement that takes long');
      const info = unexpected(error);
      if (!(error instanceof ConnectionLost) || !isTransient(error)) return ended(request, info);
      ctx.progress?.({ type: 'waiting', for: 'database', message: info.message });
      if (await waitOrGiveUp(attempt, Math.min(giveUp, ctx.deadline))) continue;
      return giveUp < ctx.deadline ? ended(request, info) : notYet(info.message, info);
    } finally {
      await closeInTime(db);
    }
  }
}

const EMPTY = reportOf(null, null);

const notYet = (progress: string, waitingFor?: ErrorInfo): Outcome => ({
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
  let ledger = await readLedger(db, asked.namespace, asked.id, asked.ownerRole ?? null);
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

  await acquireRunnerLock(db, ctx);
  try {
    ledger = await readLedger(db, request.namespace, request.id, request.ownerRole ?? null);
    const since = earlierAnswer(ledger, request) ?? refusedNow(ctx, ledger, request);
    if (since) return since;
    await db.execute([{ statements: beginStatements(ledger, request, manifest) }]);
    const run = beginRun(db, ctx, ledger, request);
    const outcome = forward ? await goForward(run, ledger, request) : await goBack(run, ledger, request);
    if (outcome.status !== 'continue') await db.execute([{ statements: endStatements(request, outcome) }]);
    return outcome;
  } finally {
    await db.unlock(RUNNER_LOCK).catch(() => {});
  }
}

/** The same request again: it is answered as before. One that a newer request has replaced stops. */
function earlierAnswer(ledger: Ledger, request: ConvergeRequest): Outcome | null {
  const { deployment, newest } = ledger;
  if (deployment && deployment.outcome !== 'running' && deployment.result) return deployment.result;
  if (newest && newest.id !== request.id && (deployment || beganBefore(request, newest.requestedAt))) {
    return ended(request, {
      code: 'busy',
      message: 'a newer request has taken over; this one stopped',
      remedy: 'Nothing is to be done: what the newer one reports holds.',
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
  manifest: EngineContext['manifest'],
  ledger: Ledger,
  request: ConvergeRequest,
  forward: boolean,
): Outcome | null {
  if (!forward || ledger.version === null || needsInstall(ledger.version, ledger.verification)) return null;
  // An earlier slice of this request has left one, which has to be brought to its end.
  if (ledger.deployment !== null) return null;
  const plan = planForward(manifest, ledger, request);
  if (plan.errors[0] && request.owner === null) {
    return { status: 'failed', error: plan.errors[0], report: reportOf(ledger, null, plan) };
  }
  if (plan.steps.length > 0 || plan.errors.length > 0 || request.owner !== null) return null;
  return { status: 'done', report: reportOf(ledger, null, plan) };
}

async function goForward(run: Run, ledger: Ledger, request: ConvergeRequest): Promise<Outcome> {
  const plan = planForward(run.manifest, ledger, request);
  const failed = (error: ErrorInfo): Outcome => ({
    status: 'failed',
    error,
    report: reportOf(ledger, run, plan),
  });
  if (plan.errors[0]) return failed(plan.errors[0]);
  try {
    await runSteps(
      run,
      plan.steps.filter(({ type }) => type === 'baseline'),
    );
    const rest = afterBaseline(run, ledger, request, plan.steps);
    if ('code' in rest) return failed(rest);
    await runSteps(run, rest);
    return { status: 'done', report: reportOf(ledger, run, plan) };
  } catch (error) {
    if (error instanceof TrueupError) return failed(error.info);
    if (error instanceof NotYet)
      return { ...notYet(error.progress, error.waitingFor), report: reportOf(ledger, run, plan) };
    throw error;
  }
}

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
