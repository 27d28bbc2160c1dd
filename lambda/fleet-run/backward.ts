/** A rollback or Delete: runs are stopped, tenants in flight waited for, and each tenant undone by the rules of rollback. */
import { type FleetMember, keys } from '../contract/fleet-run';
import { shorten } from '../deploy/reason';
import type { Polled } from './context';
import { type Decision, decideBackward } from './decide';
import { readMembers } from './list';
import { begin, EMPTY_REPORT, recordedTargets, stateOf, together } from './run';
import { settled, stopRuns } from './stop';

type Answer = Extract<Decision, { next: 'poll' | 'succeed' | 'fail' }>;

/** Of a reason, so that what else is to be said is not cut off. */
const WHY_BYTES = 150;

/** Never fails. */
export async function backward(polled: Polled): Promise<Answer> {
  const { event, outbound, settings, elapsedMs, request } = polled;
  const run = event.RequestId;
  const execution = await outbound.executions.describe(run);
  if (execution === null) {
    const left = await stopAll(polled);
    if (!request.failed) {
      const report = request.remove ? EMPTY_REPORT : null;
      const unknown = request.remove
        ? []
        : ['it is not known which deployment failed, so everything is kept'];
      return { next: 'succeed', report, warnings: [...unknown, ...(left === null ? [] : [left])] };
    }
    return beginUndo(polled, request.failed.manifestHash, left);
  }
  const state = await stateOf(run, outbound.bucket);
  const late = elapsedMs >= settings.timeoutMs - settings.queryIntervalMs;
  const decision = decideBackward({ execution, state, late });
  if (decision.next === 'poll') return decision;
  if (decision.next === 'stop')
    await stopRuns(polled, (name) => name === run, 'the rollback ran out of time');
  const known = JSON.parse((await outbound.bucket.get(keys.warnings(run))) ?? '[]') as string[];
  if (decision.next === 'succeed') return { ...decision, warnings: [...known, ...decision.warnings] };
  const cut = 'out of time: what was not reached is kept';
  return { next: 'succeed', report: decision.report, warnings: [...known, cut] };
}

/** @returns who is still at work, after all that time */
async function stopAll(polled: Polled): Promise<string | null> {
  const { event, settings } = polled;
  await stopRuns(polled, (name) => name !== event.RequestId, 'the stack is rolled back or deleted');
  return settled(polled, settings.rollbackWaitMs);
}

async function beginUndo(polled: Polled, failedHash: string, left: string | null): Promise<Answer> {
  const { plan, fleet, outbound, event, request } = polled;
  const latest = await outbound.bucket.get(keys.latest(failedHash));
  const warnings = left === null ? [] : [left];
  // A run writes down its targets before it begins.
  if (latest === null) return { next: 'succeed', report: EMPTY_REPORT, warnings };
  const { runs } = JSON.parse(latest) as { runs: string[] };
  if (await onlyLooked(runs, outbound.bucket)) return { next: 'succeed', report: EMPTY_REPORT, warnings };
  const recorded = await recordedTargets(runs, outbound.bucket);
  const unread: string[] = [];
  const today = await readMembers(plan, fleet.functions, outbound).catch((error: Error): FleetMember[] => {
    unread.push(notToday(error));
    return [];
  });
  const all = together(recorded, today);
  const members = all.filter(({ server }) => Object.hasOwn(plan.servers, server));
  if (members.length === 0)
    return { next: 'succeed', report: EMPTY_REPORT, warnings: [...warnings, ...unread] };
  // It is known now, and told at the end.
  await outbound.bucket.put(keys.warnings(event.RequestId), JSON.stringify(unread));
  await begin({ run: event.RequestId, work: 'undo', migrates: false, members, request }, outbound);
  return { next: 'poll', progress: `undoing in ${members.length} tenants` };
}

/** Each run stopped before it changed anything: no tenant is to be asked, and none gets a ledger that it never had. */
async function onlyLooked(runs: readonly string[], bucket: Polled['outbound']['bucket']): Promise<boolean> {
  const states = await Promise.all(runs.map((run) => stateOf(run, bucket)));
  return states.every((state) => state?.report.stopped === 'blocked');
}

const notToday = ({ message }: Error): string =>
  `today's list of targets could not be used, so only tenants on the failed deployment's list were undone (${shorten(message, WHY_BYTES).replace(/\.$/, '')})`;
