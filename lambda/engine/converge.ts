/**
 * Makes the database match the manifest of the code that was invoked. A second call does nothing. Of two concurrent
 * calls, one works and the other waits. After an interruption at any point, the next call continues.
 */

import type { ConvergeOutcome, ConvergeRequest } from '../contract/converge';
import type { Manifest } from '../contract/manifest';
import type { Database } from '../postgres/database';
import { makePinnedTransaction } from '../postgres/pinned-search-path';
import { applyPending } from './apply/forward';
import { type ForeignLedgerResult, listUnknownMigrations, readForeignLedgers } from './foreign-ledgers';
import {
  buildCountLiveSql,
  buildForgetAnswersSql,
  buildKeepWorkloadSql,
  buildSetWorkloadSql,
  changesWorkload,
} from './guard/guard-sql';
import { installLedger, isOutdated } from './install';
import type { Ledger, LedgerDeployment } from './ledger/ledger';
import { buildBeginSql, buildDeclaredRenameSql, buildEndSql, buildRenameSql } from './ledger/ledger-rows';
import { readLedger } from './ledger/read';
import { getNamespaceLock, withRunnerLock } from './locks/runner-lock';
import { makeFailedOutcome, onDatabase, withOwnerRole } from './on-database';
import { findAppliedElsewhereError } from './plan/other-tools';
import { findPreconditionError, isForeignOwner, listRenamesToVerify, planForward } from './plan/plan';
import { applyPlannedRenames, applyRenames, type FileRename, planRenames } from './plan/renamed-files';
import { checkRenamedNamespace } from './plan/renamed-namespace';
import { buildReport } from './plan/run-report';
import { beginRun, ConcurrentRunnerError, DeadlineReachedError, type EngineContext } from './run';
import { changesSharedSchemas, pinSchemas, refuseTenantWithoutSchema, resolveSchemas } from './search-path';
import { MAX_RUNNER_PAUSE_MS, waitOrGiveUp } from './time/limits';
import { rollBack } from './undo/rollback';

/**
 * Converges the database. Failures of the database, the ledger or a migration are returned as outcomes and never
 * thrown.
 */
export async function converge(ctx: EngineContext, request: ConvergeRequest): Promise<ConvergeOutcome> {
  return onDatabase(ctx, request, (db) => convergeDatabase(db, ctx, withOwnerRole(db, request)));
}

async function convergeDatabase(
  db: Database,
  ctx: EngineContext,
  asked: ConvergeRequest,
): Promise<ConvergeOutcome> {
  const { manifest } = ctx;
  const ledger = await readLedger(db, asked.namespace, asked.id, asked.ownerRole ?? null);
  if (ctx.begun) ctx.begun.at ??= ledger.readAt;
  const earlier = findEarlierOutcome(ledger, asked);
  if (earlier) return earlier;
  // The first slice determined the direction.
  const request = { ...asked, direction: ledger.deployment?.direction ?? asked.direction };
  const forward = request.direction !== 'rollback' && !request.remove;
  const refused = findPreconditionError(manifest, ledger, request);
  if (refused) return makeFailedOutcome(request, refused);
  if (request.remove && !request.failed) return { status: 'done', report: buildReport(ledger, null) };
  const idle = findUnchangedOutcome(ctx, ledger, request, forward);
  if (idle) return idle;

  if (isOutdated(ledger)) {
    const stopped = await installLedger(db, ctx, request, async (now) => {
      const step = await checkBeforeRun(db, ctx, now, request, forward);
      return 'status' in step ? step : null;
    });
    if (stopped) return stopped;
  }
  return withRunnerLock(db, ctx, getNamespaceLock(request.namespace), async () => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await convergeUnderLock(db, ctx, request, forward);
      } catch (error) {
        if (!(error instanceof ConcurrentRunnerError)) throw error;
        await pauseForOtherRunner(ctx, error, attempt);
      }
    }
  });
}

/**
 * Does the work while holding the lock. The ledger is read again, because another runner may have worked until now.
 */
async function convergeUnderLock(
  db: Database,
  ctx: EngineContext,
  request: ConvergeRequest,
  forward: boolean,
): Promise<ConvergeOutcome> {
  const { manifest } = ctx;
  const found = await readLedger(db, request.namespace, request.id, request.ownerRole ?? null);
  const asked = await checkBeforeRun(db, ctx, found, request, forward);
  if ('status' in asked) return asked;
  const { renames, statements } = namesToRecord(manifest, found, request, forward);
  const ledger = applyRenames(found, renames, request.id);
  await db.execute([
    makePinnedTransaction([
      ...buildBeginSql(request, manifest),
      ...statements,
      ...buildKeepWorkloadSql(ledger, request, manifest),
    ]),
  ]);
  const run = beginRun(db, ctx, ledger, request, asked);
  const outcome = forward ? await applyPending(run, ledger, request) : await rollBack(run, ledger, request);
  if (outcome.status !== 'continue')
    await db.execute([
      makePinnedTransaction([
        ...buildWorkloadSuccessSql(ledger, request, manifest, outcome),
        ...buildEndSql(request, outcome),
      ]),
    ]);
  return outcome;
}

/**
 * Returns the statements that record renamed and declared files together with the request. A refused run records
 * none, and a Delete has no files. A name whose text must be verified is recorded with that text.
 */
function namesToRecord(
  manifest: Manifest,
  ledger: Ledger,
  request: ConvergeRequest,
  forward: boolean,
): { readonly renames: readonly FileRename[]; readonly statements: readonly string[] } {
  const { namespace, id, declared } = request;
  if (request.remove) return { renames: [], statements: [] };
  const plan = forward
    ? planForward(manifest, ledger, request)
    : { ...planRenames(manifest, ledger, request), errors: [], steps: [] };
  if (plan.errors.length > 0) return { renames: [], statements: [] };
  const toVerify = listRenamesToVerify(plan.steps);
  const renames = plan.renames.filter((rename) => !toVerify.includes(rename));
  const isLater = declared && !plan.renames.some(({ to }) => to === declared.name);
  return {
    renames,
    statements: [
      ...buildRenameSql(namespace, id, renames),
      ...(isLater ? buildDeclaredRenameSql(namespace, id, declared, ledger) : []),
    ],
  };
}

/**
 * Returns the outcome if the request ends before it begins; otherwise what the ledgers of other tools say about the
 * folder.
 */
async function checkBeforeRun(
  db: Database,
  ctx: EngineContext,
  ledger: Ledger,
  request: ConvergeRequest,
  forward: boolean,
): Promise<ConvergeOutcome | ForeignLedgerResult> {
  const { manifest } = ctx;
  const since = findEarlierOutcome(ledger, request) ?? findRefusal(ctx, ledger, request);
  if (since) return since;
  if (forward) await refuseTenantWithoutSchema(db, ledger, request);
  await pinSchemas(db, resolveSchemas(ledger, request), request.ownerRole ?? null);
  const steps = forward ? planForward(manifest, ledger, request).steps : [];
  const named = applyPlannedRenames(manifest, ledger, request);
  const asked = await readForeignLedgers(db, manifest, named, request, steps);
  const twice =
    (forward ? await checkRenamedNamespace(db, manifest, ledger, request) : null) ??
    findAppliedElsewhereError(asked.elsewhere, listUnknownMigrations(named, steps, ['apply']));
  if (twice) return makeFailedOutcome(request, twice);
  return {
    ...asked,
    warnings: [...asked.warnings, ...(forward ? listLoginWarnings(db, ledger, request) : [])],
  };
}

/**
 * Returns warnings about the login of a stack's deployment: those that the login brings with it, or that it has the
 * master user's privileges until a run has completed.
 */
function listLoginWarnings(
  { login }: Database,
  { server, completed }: Ledger,
  { owner }: ConvergeRequest,
): string[] {
  if (owner === null) return [];
  if (login) return [...login.warnings];
  return server.isMaster === true && completed !== true
    ? [
        `the login ${server.role} has the privileges of the server's master user; Trueup needs fewer (docs/deploying.md)`,
      ]
    : [];
}

/** Records the new guaranteed workload if the deployment succeeds, in the same commit as its outcome. */
const buildWorkloadSuccessSql = (
  ledger: Ledger,
  request: ConvergeRequest,
  manifest: Manifest,
  { status }: ConvergeOutcome,
): string[] => [
  ...(ledger.runningWorkload == null ? [] : [buildForgetAnswersSql(request, status)]),
  ...(status === 'done' ? buildSetWorkloadSql(ledger, request, manifest) : []),
  ...((ledger.runningWorkload == null && manifest.workload === undefined) ||
  resolveSchemas(ledger, request) !== null
    ? []
    : [buildCountLiveSql(request)]),
];

/**
 * Waits while another runner is working although this one holds the lock. The caller then reads what that runner did,
 * and does the rest.
 */
async function pauseForOtherRunner(
  ctx: EngineContext,
  { message }: ConcurrentRunnerError,
  attempt: number,
): Promise<void> {
  ctx.progress?.({ type: 'waiting', for: 'runner', message });
  if (await waitOrGiveUp(attempt, ctx.deadline, MAX_RUNNER_PAUSE_MS)) return;
  throw new DeadlineReachedError(message, {
    code: 'busy',
    message,
    remedy: 'Wait for it to end, and deploy again.',
  });
}

/** Returns the recorded outcome of a repeated request. A request that a newer one has replaced stops. */
function findEarlierOutcome(ledger: Ledger, request: ConvergeRequest): ConvergeOutcome | null {
  const { deployment, newest } = ledger;
  if (deployment && deployment.outcome !== 'running' && deployment.result) return deployment.result;
  // When two stacks use a new namespace at the same time, the later one gets the error that names the owner instead.
  const waited = hasStartedBefore(request, newest?.requestedAt ?? null) && !isForeignOwner(ledger, request);
  if (newest && newest.id !== request.id && (deployment || waited) && !isSameRequest(newest, request)) {
    return makeFailedOutcome(request, {
      code: 'busy',
      message: 'a newer request has taken over; this one stopped',
      remedy: 'Nothing to do: the newer request reports the result.',
    });
  }
  return null;
}

/**
 * Whether a newer request applies the same files, so that this one need not stop. When several people or machines
 * apply the same files at once, each continues until everything is applied. This does not hold for requests of a
 * stack, or for those that undo something.
 */
const isSameRequest = (newest: LedgerDeployment, request: ConvergeRequest): boolean =>
  newest.byHand === true &&
  newest.appliesAll === true &&
  request.owner === null &&
  request.direction !== 'rollback' &&
  !request.remove &&
  !request.baselineOnly &&
  newest.manifestHash === request.manifestHash &&
  (newest.workload ?? null) === (request.workload ?? null);

/**
 * Whether the request began before the other one. It may have waited for the lock while, for example, a rollback ran;
 * it is then out of date, although it never began.
 */
const hasStartedBefore = ({ startedAt }: ConvergeRequest, other: string | null): boolean =>
  typeof startedAt === 'string' && other !== null && startedAt < other;

function findRefusal(ctx: EngineContext, ledger: Ledger, request: ConvergeRequest): ConvergeOutcome | null {
  const refused = findPreconditionError(ctx.manifest, ledger, request);
  return refused ? makeFailedOutcome(request, refused) : null;
}

/**
 * Returns the outcome if everything is in place. A manual run is then not recorded; requests of a stack always are.
 */
function findUnchangedOutcome(
  { manifest, begun }: EngineContext,
  ledger: Ledger,
  request: ConvergeRequest,
  forward: boolean,
): ConvergeOutcome | null {
  if (!forward || isOutdated(ledger)) return null;
  // Such a row must be completed: an earlier slice of this request left it, or a process that died.
  if (ledger.deployment !== null || ledger.hasOpen) return null;
  if (changesWorkload(ledger, request, manifest) || changesSharedSchemas(ledger, request)) return null;
  const plan = planForward(manifest, ledger, request);
  if (plan.errors[0] && request.owner === null) {
    return { status: 'failed', error: plan.errors[0], report: buildReport(ledger, null, plan) };
  }
  const isIdle = plan.steps.length === 0 && plan.renames.length === 0 && !request.declared;
  if (!isIdle || plan.errors.length > 0 || request.owner !== null) return null;
  return { status: 'done', report: buildReport(ledger, null, plan, begun?.at) };
}
