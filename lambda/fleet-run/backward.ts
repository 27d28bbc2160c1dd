/**
 * Handles a rollback or Delete: stops the runs, waits for tenants that are being migrated, and undoes each tenant's
 * migrations by the rules of rollback.
 */
import { runObjectKeys } from '../contract/fleet-run';
import { shortenToBytes } from '../deploy/reason';
import type { PollState } from './context';
import { decideBackward, type FleetPollDecision } from './decide';
import {
  EMPTY_REPORT,
  getRunOrigin,
  mergeMembers,
  readRunState,
  readTouchedTenants,
  startRunExecution,
} from './run';
import { stopRunExecutions, waitUntilSettled } from './stop';

type PollAnswer = Extract<FleetPollDecision, { next: 'poll' | 'succeed' | 'fail' }>;

/** Maximum length of a reason, so that the warnings after it are not cut off. */
const MAX_REASON_BYTES = 150;

/** Polls a rollback. Never fails. */
export async function pollBackward(polled: PollState): Promise<PollAnswer> {
  const { event, outbound, settings, elapsedMs, request } = polled;
  const run = event.RequestId;
  const execution = await outbound.executions.describe(run);
  if (execution === null) {
    const left = await stopAllRuns(polled);
    if (!request.failed) {
      const report = request.remove ? EMPTY_REPORT : null;
      const unknown = request.remove
        ? []
        : ['it is not known which deployment failed, so everything is kept'];
      return { next: 'succeed', report, warnings: [...unknown, ...(left === null ? [] : [left])] };
    }
    return beginUndo(polled, request.failed.manifestHash, left);
  }
  const state = await readRunState(run, outbound.bucket);
  const late = elapsedMs >= settings.timeoutMs - settings.queryIntervalMs;
  const decision = decideBackward({ execution, state, late });
  if (decision.next === 'poll') return decision;
  if (decision.next === 'stop')
    await stopRunExecutions(polled, (name) => name === run, 'the rollback ran out of time');
  const known = JSON.parse((await outbound.bucket.get(runObjectKeys.warnings(run))) ?? '[]') as string[];
  if (decision.next === 'succeed') return { ...decision, warnings: [...known, ...decision.warnings] };
  const cut = 'out of time: migrations of the remaining tenants are kept';
  return { next: 'succeed', report: decision.report, warnings: [...known, cut] };
}

/**
 * Stops all runs.
 * @returns a sentence about runners that are still working after the whole time, or null
 */
async function stopAllRuns(polled: PollState): Promise<string | null> {
  const { event, settings } = polled;
  await stopRunExecutions(polled, (name) => name !== event.RequestId, 'the stack is rolled back or deleted');
  return waitUntilSettled(polled, settings.rollbackWaitMs);
}

async function beginUndo(polled: PollState, failedHash: string, left: string | null): Promise<PollAnswer> {
  const { plan, outbound, event, request } = polled;
  const latest = await outbound.bucket.get(runObjectKeys.latest(failedHash));
  const runs = latest === null ? [] : (JSON.parse(latest) as { runs: string[] }).runs;
  const unread: string[] = [];
  const byHand = await findManualRuns(polled, failedHash).catch((error: Error): string[] => {
    unread.push(describeUnknownRuns(error));
    return [];
  });
  const servers = Object.keys(plan.servers);
  const touched = await Promise.all(
    [...runs, ...byHand].map((run) => readTouchedTenants(run, servers, outbound.bucket)),
  );
  const members = mergeMembers(...touched).filter(({ server }) => Object.hasOwn(plan.servers, server));
  const warnings = [...(left === null ? [] : [left]), ...unread];
  // A run records its tenants before it begins.
  if (members.length === 0) return { next: 'succeed', report: EMPTY_REPORT, warnings };
  // The warning is stored now, and reported at the end.
  await outbound.bucket.put(runObjectKeys.warnings(event.RequestId), JSON.stringify(unread));
  await startRunExecution(
    { run: event.RequestId, work: 'undo', migrates: false, members, request },
    outbound,
  );
  return { next: 'poll', progress: `undoing in ${members.length} tenants` };
}

/**
 * Returns the runs of `trueup up --tenant` with the failed deployment's code that were started while it was under
 * way.
 */
async function findManualRuns({ outbound, request }: PollState, failedHash: string): Promise<string[]> {
  const since = request.failed?.since ?? null;
  if (since === null) return [];
  const names = await outbound.executions.startedSince(Date.parse(since));
  const found: string[] = [];
  for (const name of names.filter((each) => getRunOrigin(each) === 'up')) {
    const state = await readRunState(name, outbound.bucket);
    if (state?.request.manifestHash === failedHash) found.push(name);
  }
  return found;
}

const describeUnknownRuns = ({ message }: Error): string =>
  `what \`trueup up --tenant\` did during the failed deployment was not checked, and is kept (${shortenToBytes(message, MAX_REASON_BYTES).replace(/\.$/, '')})`;
