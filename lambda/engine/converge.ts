/**
 * Makes the database match the manifest of the code that was invoked. Called twice it does nothing the second time;
 * called by two at once, one works and the other waits its turn; cut anywhere, the next call goes on.
 */

import type { ConvergeRequest, Outcome } from '../contract/converge';
import type { Manifest } from '../contract/manifest';
import type { Database } from '../postgres/database';
import { pinned } from '../postgres/pinned';
import { applyPending } from './apply/forward';
import { type Asked, askElsewhere, unknownTo } from './elsewhere';
import { changesPromise, countLive, forgetAnswers, keepPromise, setPromise } from './guard/statements';
import { install, isOld } from './install';
import type { Ledger } from './ledger/ledger';
import { readLedger } from './ledger/read';
import { beginStatements, endStatements } from './ledger/rows';
import { lockOf, withRunnerLock } from './locks/runner-lock';
import { ended, onDatabase } from './on-database';
import { appliedElsewhere } from './plan/other-tools';
import { isForeign, obstacle, planForward } from './plan/plan';
import { renamedSince } from './plan/renamed';
import { reportOf } from './plan/report';
import { beginRun, type EngineContext, NotYet, Overtaken } from './run';
import { movesSchemas, pinSchemas, schemasOf } from './schemas';
import { RUNNER_PAUSE_MS, waitOrGiveUp } from './time/limits';
import { rollBack } from './undo/rollback';

/** Never throws for what a database, a ledger or a migration can do; the outcome says it. */
export async function converge(ctx: EngineContext, request: ConvergeRequest): Promise<Outcome> {
  return onDatabase(ctx, request, (db) => convergeOn(db, ctx, request));
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

  if (isOld(ledger)) {
    const stopped = await install(db, ctx, request, async (now) => {
      const step = await checkFirst(db, ctx, now, request, forward);
      return 'status' in step ? step : null;
    });
    if (stopped) return stopped;
  }
  return withRunnerLock(db, ctx, lockOf(request.namespace), async () => {
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
  const asked = await checkFirst(db, ctx, ledger, request, forward);
  if ('status' in asked) return asked;
  await db.execute([
    pinned([...beginStatements(request, manifest), ...keepPromise(ledger, request, manifest)]),
  ]);
  const run = beginRun(db, ctx, ledger, request, asked);
  const outcome = forward ? await applyPending(run, ledger, request) : await rollBack(run, ledger, request);
  if (outcome.status !== 'continue')
    await db.execute([
      pinned([...endOfPromise(ledger, request, manifest, outcome), ...endStatements(request, outcome)]),
    ]);
  return outcome;
}

/** What ends the request before it begins; else what other tools know of the folder. */
async function checkFirst(
  db: Database,
  ctx: EngineContext,
  ledger: Ledger,
  request: ConvergeRequest,
  forward: boolean,
): Promise<Outcome | Asked> {
  const { manifest } = ctx;
  const since = earlierAnswer(ledger, request) ?? refusedNow(ctx, ledger, request);
  if (since) return since;
  await pinSchemas(db, schemasOf(ledger, request), request.ownerRole ?? null);
  const steps = forward ? planForward(manifest, ledger, request).steps : [];
  const asked = await askElsewhere(db, manifest, ledger, request, steps);
  const twice =
    (forward ? await renamedSince(db, manifest, ledger, request) : null) ??
    appliedElsewhere(asked.elsewhere, unknownTo(ledger, steps, ['apply']));
  return twice ? ended(request, twice) : asked;
}

/** What the running application promises changes with the success of a deployment, and in the same commit. */
const endOfPromise = (
  ledger: Ledger,
  request: ConvergeRequest,
  manifest: Manifest,
  { status }: Outcome,
): string[] => [
  ...(ledger.promise == null ? [] : [forgetAnswers(request, status)]),
  ...(status === 'done' ? setPromise(ledger, request, manifest) : []),
  ...((ledger.promise == null && manifest.workload === undefined) || schemasOf(ledger, request) !== null
    ? []
    : [countLive(request)]),
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
  // Of two stacks that reach a new namespace at once, the later one is told whose it is.
  const waited = beganBefore(request, newest?.requestedAt ?? null) && !isForeign(ledger, request);
  if (newest && newest.id !== request.id && (deployment || waited)) {
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
  if (!forward || isOld(ledger)) return null;
  // An earlier slice of this request has left one, which has to be brought to its end.
  if (ledger.deployment !== null) return null;
  if (changesPromise(ledger, request, manifest) || movesSchemas(ledger, request)) return null;
  const plan = planForward(manifest, ledger, request);
  if (plan.errors[0] && request.owner === null) {
    return { status: 'failed', error: plan.errors[0], report: reportOf(ledger, null, plan) };
  }
  if (plan.steps.length > 0 || plan.errors.length > 0 || request.owner !== null) return null;
  return { status: 'done', report: reportOf(ledger, null, plan) };
}
