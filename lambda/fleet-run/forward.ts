/** A deployment: all tenants are brought to what the folder says. */
import { type FleetMember, keys } from '../contract/fleet-run';
import type { Polled } from './context';
import { type Decision, decideForward, missingCanaries, newcomers, ROUNDS, runsOf } from './decide';
import { FleetError } from './error';
import { checkRoom, readMembers } from './list';
import type { Execution } from './outbound';
import { begin, recordedTargets, stateOf } from './run';
import { settled, stopRuns } from './stop';
import { statesText, toleratedText } from './words';

type Answer = Extract<Decision, { next: 'poll' | 'succeed' | 'fail' }>;

/** How long tenants in flight are waited for once time is up. */
const SETTLE_MS = 60_000;

export async function forward(polled: Polled): Promise<Answer> {
  const { plan, settings, outbound, elapsedMs, event } = polled;
  const runs = runsOf(event.RequestId);
  const newest = await newestOf(runs, polled);
  // The next poll would come too late to tell.
  const late = elapsedMs >= settings.timeoutMs - settings.queryIntervalMs;
  if (newest === null) {
    if (late) return tooLate(polled, { report: null });
    return beginRound(polled, 1).catch(saying('Nothing was changed.'));
  }
  const { round, execution } = newest;
  const run = runs[round - 1]!;
  const state = await stateOf(run, outbound.bucket);
  const decision = decideForward({ execution, state, late }, plan, round);
  if (decision.next === 'stop') return tooLate(polled, decision);
  if (decision.next !== 'look-again') return decision;
  const answer = done(await whole(polled, round, decision.report));
  if (late || round === ROUNDS) return answer;
  return lookAgain(polled, round, answer).catch(
    saying('Before success the list was read again; all tenants that it had before are migrated.'),
  );
}

/** @throws {Error} the same, and where it is a sentence, with one more */
const saying =
  (sentence: string) =>
  (error: unknown): never => {
    throw error instanceof FleetError ? error.and(sentence) : error;
  };

async function newestOf(
  runs: readonly string[],
  { outbound }: Polled,
): Promise<{ readonly round: number; readonly execution: Execution } | null> {
  let newest: { round: number; execution: Execution } | null = null;
  for (const [i, run] of runs.entries()) {
    const execution = await outbound.executions.describe(run);
    if (execution === null) break;
    newest = { round: i + 1, execution };
  }
  return newest;
}

async function beginRound(polled: Polled, round: number): Promise<Answer> {
  const { plan, outbound, event, request } = polled;
  // One that an earlier deployment did not wait for would work on the same tenants with other files.
  await stopRuns(polled, (name) => !name.startsWith(event.RequestId), 'a newer deployment began');
  const runs = runsOf(event.RequestId).slice(0, round);
  const run = runs.at(-1)!;
  // A run that Step Functions does not show yet may be at work already: it keeps the lists that it began with.
  const recorded = await recordedTargets([run], outbound.bucket);
  const fresh = recorded.length > 0 ? recorded : await newTargets(polled, runs.slice(0, -1));
  // For a rollback, before anything can have happened.
  await outbound.bucket.put(keys.targets(run), JSON.stringify(fresh));
  await outbound.bucket.put(keys.latest(request.manifestHash), JSON.stringify({ runs }));
  await begin(
    {
      run,
      work: 'look',
      migrates: true,
      members: fresh,
      request,
      canaries: plan.canaries.filter((name) => fresh.some((member) => member.name === name)),
      shares: plan.shares,
      tolerated: plan.tolerated - (await wrongIn(runs.slice(0, -1), outbound.bucket)),
    },
    outbound,
  );
  return { next: 'poll', progress: `begun for ${fresh.length} tenants` };
}

/** How many tenants these runs left behind: they are tolerated in all rounds together. */
async function wrongIn(runs: readonly string[], bucket: Polled['outbound']['bucket']): Promise<number> {
  let wrong = 0;
  for (const run of runs) wrong += (await stateOf(run, bucket))?.report.wrong ?? 0;
  return wrong;
}

/** Those of today's list that no run of this deployment had. */
async function newTargets(
  { plan, fleet, outbound }: Polled,
  before: readonly string[],
): Promise<FleetMember[]> {
  const members = await readMembers(plan, fleet.functions, outbound);
  const missing = missingCanaries(plan, members);
  if (missing !== null) throw new FleetError(missing);
  const fresh = newcomers(members, await recordedTargets(before, outbound.bucket));
  await checkRoom(plan, fresh, fleet.functions, outbound);
  return fresh;
}

/** Tenants that were made while the run was under way. @param answer where there are none */
async function lookAgain(polled: Polled, round: number, answer: Answer): Promise<Answer> {
  const { plan, fleet, outbound, event } = polled;
  const members = await readMembers(plan, fleet.functions, outbound);
  const known = await recordedTargets(runsOf(event.RequestId), outbound.bucket);
  return newcomers(members, known).length === 0 ? answer : beginRound(polled, round + 1);
}

const done = (report: Extract<Decision, { next: 'look-again' }>['report']): Answer => ({
  next: 'succeed',
  report,
  warnings: toleratedText(report),
});

/** What all rounds came to. */
async function whole(
  { event, outbound }: Polled,
  round: number,
  last: Extract<Decision, { next: 'look-again' }>['report'],
): Promise<typeof last> {
  let report = last;
  for (const run of runsOf(event.RequestId)
    .slice(0, round - 1)
    .reverse()) {
    const state = await stateOf(run, outbound.bucket);
    if (state === null) continue;
    const { targets, wrong, failures, waves } = state.report;
    const states = { ...state.report.states };
    for (const [name, count] of Object.entries(report.states)) states[name] = (states[name] ?? 0) + count;
    report = {
      ...report,
      targets: targets + report.targets,
      states,
      wrong: wrong + report.wrong,
      failures: [...failures, ...report.failures].slice(0, 20),
      waves: [...waves, ...report.waves],
    };
  }
  return report;
}

async function tooLate(
  polled: Polled,
  { report }: Pick<Extract<Decision, { next: 'stop' }>, 'report'>,
): Promise<Answer> {
  const { event, settings } = polled;
  await stopRuns(polled, (name) => name.startsWith(event.RequestId), 'the deployment ran out of time');
  const left = await settled(polled, Math.min(SETTLE_MS, settings.rollbackWaitMs));
  const minutes = Math.round(settings.timeoutMs / 6_000) / 10;
  const where = report === null ? 'not all tenants had been looked at' : statesText(report);
  return {
    next: 'fail',
    reason: `Not finished within ${minutes} minutes: ${where}${left === null ? '' : `; ${left}`}. What is done stays done; deploy again to continue.`,
    report,
  };
}
