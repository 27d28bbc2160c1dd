/** Decides from a run's state: an answer, or the next poll. Pure. */
import type { FleetMember, FleetPlan, RunReport, RunState } from '../contract/fleet-run';
import type { RunExecution } from './fleet-outbound';
import { describeStop, formatFailures, formatStates, ROLLBACK_FOLLOWS } from './messages';
import { buildMemberKey } from './run';

export type FleetPollDecision =
  | { readonly next: 'poll'; readonly progress: string }
  | ({
      readonly next: 'succeed';
      readonly report: RunReport | null;
      readonly warnings: readonly string[];
    } & RunEnd)
  | ({ readonly next: 'fail'; readonly reason: string; readonly report: RunReport | null } & RunEnd)
  /** The run succeeded. The list is read again before success is reported. */
  | { readonly next: 'look-again'; readonly report: RunReport }
  /** Time is up. The run is stopped before the answer. */
  | { readonly next: 'stop'; readonly report: RunReport | null };

interface RunEnd {
  /** Whether the execution itself failed. Step Functions has its own alarm on that. @default - it did not */
  readonly broke?: true;
}
const toRunEnd = ({ status }: RunExecution): RunEnd => (status === 'FAILED' ? { broke: true } : {});

/** How often a deployment reads the list, so that tenants that were created meanwhile are migrated. */
export const MAX_ROUNDS = 3;
/** Returns the names of a request's executions, one for each round. */
export const listRunNames = (request: string): string[] =>
  Array.from({ length: MAX_ROUNDS }, (_, i) => (i === 0 ? request : `${request}-${i + 1}`));

export interface ObservedRun {
  readonly execution: RunExecution;
  /** The state after the last wave that ended; null before the first wave has ended. */
  readonly state: RunState | null;
  readonly late: boolean;
}

export function decideForward(
  { execution, state, late }: ObservedRun,
  plan: FleetPlan,
  round: number,
): FleetPollDecision {
  const report = state?.report ?? null;
  if (execution.status === 'RUNNING') {
    if (plan.waitFor === 'canary' && state && areCanariesDone(state)) {
      const warning = `The canaries are up to date; run ${state.run} continues with waves ${[state.name, ...state.waves.map(({ name }) => name)].join(', ')}. \`trueup status --fleet --stack\` shows its result`;
      return { next: 'succeed', report: state.report, warnings: [warning] };
    }
    if (late) return { next: 'stop', report };
    return {
      next: 'poll',
      progress: state ? `${formatStates(state.report)}; wave ${state.name}` : 'inspecting all tenants',
    };
  }
  if (execution.status !== 'SUCCEEDED' || state === null || report === null) {
    const why = execution.error ?? 'no result was left';
    return {
      next: 'fail',
      reason: `Step Functions ended the run as ${execution.status} (${why}). ${report === null ? '' : `${formatStates(report)}. `}${ROLLBACK_FOLLOWS}`,
      report,
      ...toRunEnd(execution),
    };
  }
  const stopped = describeStop(report, plan.maxFailures, round);
  if (stopped !== null) return { next: 'fail', reason: stopped, report };
  return { next: 'look-again', report };
}

/** Whether all tenants were inspected, and no canary is left to migrate. */
const areCanariesDone = ({ wave, name, go, report }: RunState): boolean =>
  wave >= 1 && go && name !== 'canary' && report.stopped === null;

/** Decides about a rollback or Delete. It never fails, but reports what it did not undo. */
export function decideBackward({ execution, state, late }: ObservedRun): FleetPollDecision {
  const report = state?.report ?? null;
  if (execution.status === 'RUNNING')
    return late ? { next: 'stop', report } : { next: 'poll', progress: 'undoing' };
  if (execution.status === 'SUCCEEDED' && report !== null)
    return {
      next: 'succeed',
      report,
      warnings: report.wrong === 0 ? [] : [`not undone: ${formatFailures(report)}`],
    };
  return {
    next: 'succeed',
    report,
    warnings: [
      `Step Functions ended the rollback as ${execution.status} (${execution.error ?? 'no result was left'}): migrations of tenants that it did not reach are kept`,
    ],
    ...toRunEnd(execution),
  };
}

/** Returns the tenants that were not in the list when it was read before. */
export function findAddedTenants(now: readonly FleetMember[], before: readonly FleetMember[]): FleetMember[] {
  const known = new Set(before.map(buildMemberKey));
  return now.filter((member) => !known.has(buildMemberKey(member)));
}

/** Describes canaries that the list lacks. @returns null if it has all of them */
export function describeMissingCanaries(plan: FleetPlan, members: readonly FleetMember[]): string | null {
  // An empty list that reaches this point is one that may be empty.
  if (members.length === 0) return null;
  const names = new Set(members.map(({ name }) => name));
  const missing = plan.canaries.filter((name) => !names.has(name));
  return missing.length === 0
    ? null
    : `${missing.join(', ')} ${missing.length === 1 ? 'is a canary and is' : 'are canaries and are'} not in the list of ${members.length} tenants. Name tenants of the list in \`canary\`.`;
}
