/** Handles a deployment: migrates all tenants to the state of the folder. */
import { type FleetMember, runObjectKeys } from '../contract/fleet-run';
import type { PollState } from './context';
import {
  decideForward,
  describeMissingCanaries,
  type FleetPollDecision,
  findAddedTenants,
  listRunNames,
  MAX_ROUNDS,
} from './decide';
import { FleetError } from './error';
import type { RunExecution } from './fleet-outbound';
import { checkHeadroom, readMembers } from './list';
import {
  describeMissing,
  describeStop,
  formatStates,
  listToleratedWarnings,
  ROLLBACK_FOLLOWS,
} from './messages';
import { findMissingTenants, removeMissingTenants } from './missing-tenants';
import { readRecordedTenants, readRunState, startRunExecution } from './run';
import { stopRunExecutions, waitUntilSettled } from './stop';

type PollAnswer = Extract<FleetPollDecision, { next: 'poll' | 'succeed' | 'fail' }>;

/** How long to wait, after the timeout, for tenants that are being migrated. */
const SETTLE_TIMEOUT_MS = 60_000;

export async function pollForward(polled: PollState): Promise<PollAnswer> {
  const { plan, settings, outbound, elapsedMs, event } = polled;
  const runs = listRunNames(event.RequestId);
  const newest = await findNewestRun(runs, polled);
  // The next poll would come too late to report the reason.
  const late = elapsedMs >= settings.timeoutMs - settings.queryIntervalMs;
  if (newest === null) {
    if (late) return stopLateRun(polled, { report: null });
    return beginRound(polled, 1).catch(rethrowWithSentence('Nothing was changed.'));
  }
  const { round, execution } = newest;
  const run = runs[round - 1]!;
  const state = await readRunState(run, outbound.bucket);
  const decision = decideForward({ execution, state, late }, plan, round);
  if (decision.next === 'stop') return stopLateRun(polled, decision);
  if (decision.next === 'poll' || decision.next === 'succeed' || state === null)
    return decision as PollAnswer;
  if (execution.status !== 'SUCCEEDED') return decision as PollAnswer;
  const why = decision.next === 'fail' ? decision.reason : 'All waves are done.';
  const gone = await findMissingTenants(polled, run).catch(rethrowWithSentence(why));
  const report = gone.length === 0 ? state.report : await removeMissingTenants(state, gone, outbound.bucket);
  if (report.stopped !== null) {
    // Nothing was changed yet, and the tenants that prevented the run no longer exist.
    if (gone.length > 0 && report.wrong <= state.maxFailures && round < MAX_ROUNDS && !late)
      return beginRound(polled, round + 1).catch(rethrowWithSentence('Nothing was changed.'));
    const reason = describeStop(report, plan.maxFailures, round)!;
    return { next: 'fail', reason, report };
  }
  if (report.wrong > state.maxFailures)
    return { next: 'fail', reason: describeMissing(report, plan.maxFailures), report };
  const answer = makeSuccess(await summarizeRounds(polled, round, report));
  if (late || round === MAX_ROUNDS) return answer;
  return rereadTenants(polled, round, answer).catch(
    rethrowWithSentence(
      'The list was read again before reporting success; all tenants that it had before are migrated.',
    ),
  );
}

/**
 * Rethrows an error. A {@link FleetError} gets another sentence.
 * @throws {Error}
 */
const rethrowWithSentence =
  (sentence: string) =>
  (error: unknown): never => {
    throw error instanceof FleetError ? error.and(sentence) : error;
  };

async function findNewestRun(
  runs: readonly string[],
  { outbound }: PollState,
): Promise<{ readonly round: number; readonly execution: RunExecution } | null> {
  let newest: { round: number; execution: RunExecution } | null = null;
  for (const [i, run] of runs.entries()) {
    const execution = await outbound.executions.describe(run);
    if (execution === null) break;
    newest = { round: i + 1, execution };
  }
  return newest;
}

async function beginRound(polled: PollState, round: number): Promise<PollAnswer> {
  const { plan, outbound, event, request } = polled;
  // A run that an earlier deployment did not wait for would migrate the same tenants with other files.
  await stopRunExecutions(polled, (name) => !name.startsWith(event.RequestId), 'a newer deployment began');
  const runs = listRunNames(event.RequestId).slice(0, round);
  const run = runs.at(-1)!;
  const before = await listRunsThatBegan(runs.slice(0, -1), outbound.bucket);
  // A run that Step Functions does not show yet may already be in progress, so it keeps the lists with which it started.
  const recorded = await readRecordedTenants([run], outbound.bucket);
  const fresh = recorded.length > 0 ? recorded : await listNewTenants(polled, before, round);
  // The list is stored for a rollback, before the run can change anything.
  await outbound.bucket.put(runObjectKeys.members(run), JSON.stringify(fresh));
  await outbound.bucket.put(runObjectKeys.latest(request.manifestHash), JSON.stringify({ runs }));
  await startRunExecution(
    {
      run,
      work: 'inspect',
      migrates: true,
      members: fresh,
      request,
      canaries: plan.canaries.filter((name) => fresh.some((member) => member.name === name)),
      shares: plan.shares,
      maxFailures: plan.maxFailures - (await countFailedTenants(before, outbound.bucket)),
    },
    outbound,
  );
  return { next: 'poll', progress: `begun for ${fresh.length} tenants` };
}

/** Leaves out runs that changed nothing because of tenants that no longer exist. */
async function listRunsThatBegan(
  runs: readonly string[],
  bucket: PollState['outbound']['bucket'],
): Promise<readonly string[]> {
  const began: string[] = [];
  for (const run of runs)
    if ((await readRunState(run, bucket))?.report.stopped !== 'blocked') began.push(run);
  return began;
}

/** Returns the number of tenants that failed in these runs. The failure limit applies to all rounds together. */
async function countFailedTenants(
  runs: readonly string[],
  bucket: PollState['outbound']['bucket'],
): Promise<number> {
  let wrong = 0;
  for (const run of runs) wrong += (await readRunState(run, bucket))?.report.wrong ?? 0;
  return wrong;
}

/** Returns the tenants of the current list that no run of this deployment had. */
async function listNewTenants(
  { plan, fleet, outbound }: PollState,
  before: readonly string[],
  round: number,
): Promise<FleetMember[]> {
  const members = await readMembers(plan, fleet.functions, outbound);
  // In a later round, canaries may be missing that existed in the first round.
  const missing = round === 1 ? describeMissingCanaries(plan, members) : null;
  if (missing !== null) throw new FleetError(missing);
  const fresh = findAddedTenants(members, await readRecordedTenants(before, outbound.bucket));
  await checkHeadroom(plan, fresh, fleet.functions, outbound);
  return fresh;
}

/**
 * Begins another round if tenants were created during the run.
 * @param answer returned if there are none
 */
async function rereadTenants(polled: PollState, round: number, answer: PollAnswer): Promise<PollAnswer> {
  const { plan, fleet, outbound, event } = polled;
  const members = await readMembers(plan, fleet.functions, outbound);
  const runs = await listRunsThatBegan(listRunNames(event.RequestId).slice(0, round), outbound.bucket);
  const known = await readRecordedTenants(runs, outbound.bucket);
  return findAddedTenants(members, known).length === 0 ? answer : beginRound(polled, round + 1);
}

const makeSuccess = (report: Extract<FleetPollDecision, { next: 'look-again' }>['report']): PollAnswer => ({
  next: 'succeed',
  report,
  warnings: listToleratedWarnings(report),
});

/** Combines the reports of all rounds. */
async function summarizeRounds(
  { event, outbound }: PollState,
  round: number,
  last: Extract<FleetPollDecision, { next: 'look-again' }>['report'],
): Promise<typeof last> {
  let report = last;
  for (const run of listRunNames(event.RequestId)
    .slice(0, round - 1)
    .reverse()) {
    const state = await readRunState(run, outbound.bucket);
    if (state === null || state.report.stopped === 'blocked') continue;
    const { tenantCount, wrong, failures, waves } = state.report;
    const states = { ...state.report.states };
    for (const [name, count] of Object.entries(report.states)) states[name] = (states[name] ?? 0) + count;
    report = {
      ...report,
      tenantCount: tenantCount + report.tenantCount,
      states,
      wrong: wrong + report.wrong,
      failures: [...failures, ...report.failures].slice(0, 20),
      waves: [...waves, ...report.waves],
    };
  }
  return report;
}

async function stopLateRun(
  polled: PollState,
  { report }: Pick<Extract<FleetPollDecision, { next: 'stop' }>, 'report'>,
): Promise<PollAnswer> {
  const { event, settings } = polled;
  await stopRunExecutions(
    polled,
    (name) => name.startsWith(event.RequestId),
    'the deployment ran out of time',
  );
  const left = await waitUntilSettled(polled, Math.min(SETTLE_TIMEOUT_MS, settings.rollbackWaitMs));
  const minutes = Math.round(settings.timeoutMs / 6_000) / 10;
  const where = report === null ? 'not all tenants had been inspected' : formatStates(report);
  return {
    next: 'fail',
    reason: `Not finished within ${minutes} minutes: ${where}${left === null ? '' : `; ${left}`}. ${ROLLBACK_FOLLOWS}`,
    report,
  };
}
