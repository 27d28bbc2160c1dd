/** What follows from a run's state: an answer, or the next poll. Pure. */
import type { FleetMember, FleetPlan, RunReport, RunState } from '../contract/fleet-run';
import type { Execution } from './outbound';
import { placeOf } from './run';
import { failuresText, statesText, stoppedText } from './words';

export type Decision =
  | { readonly next: 'poll'; readonly progress: string }
  | ({
      readonly next: 'succeed';
      readonly report: RunReport | null;
      readonly warnings: readonly string[];
    } & End)
  | ({ readonly next: 'fail'; readonly reason: string; readonly report: RunReport | null } & End)
  /** Before success the list is read again. */
  | { readonly next: 'look-again'; readonly report: RunReport }
  /** Time is up: the run is stopped first. */
  | { readonly next: 'stop'; readonly report: RunReport | null };

interface End {
  /** Step Functions counts it as failed, and an alarm of its own tells of that. @default - it is not */
  readonly broke?: true;
}
const brokenAs = ({ status }: Execution): End => (status === 'FAILED' ? { broke: true } : {});

/** So often is the list read in a deployment: tenants that were made meanwhile are brought up. */
export const ROUNDS = 3;
/** Names of a request's executions, one a round. */
export const runsOf = (request: string): string[] =>
  Array.from({ length: ROUNDS }, (_, i) => (i === 0 ? request : `${request}-${i + 1}`));

export interface Seen {
  readonly execution: Execution;
  /** After the last wave that ended; null before the first has. */
  readonly state: RunState | null;
  readonly late: boolean;
}

export function decideForward({ execution, state, late }: Seen, plan: FleetPlan, round: number): Decision {
  const report = state?.report ?? null;
  if (execution.status === 'RUNNING') {
    if (plan.waitFor === 'canary' && state && canariesAreThrough(state)) {
      const warning = `The canaries are at version; the run ${state.run} goes on with ${[state.name, ...state.waves.map(({ name }) => name)].join(', ')}. \`trueup status --fleet --stack\` shows how it ends`;
      return { next: 'succeed', report: state.report, warnings: [warning] };
    }
    if (late) return { next: 'stop', report };
    return {
      next: 'poll',
      progress: state ? `${statesText(state.report)}; wave ${state.name}` : 'looking at all tenants',
    };
  }
  if (execution.status !== 'SUCCEEDED' || state === null || report === null) {
    const why = execution.error ?? 'no result was left';
    return {
      next: 'fail',
      reason: `Step Functions ended the run as ${execution.status} (${why}). ${report === null ? '' : `${statesText(report)}. `}What is done stays done; deploy again to continue.`,
      report,
      ...brokenAs(execution),
    };
  }
  const stopped = stoppedText(report, plan.tolerated, round);
  if (stopped !== null) return { next: 'fail', reason: stopped, report };
  return { next: 'look-again', report };
}

/** All have been looked at, and no canary is left to migrate. */
const canariesAreThrough = ({ wave, name, go, report }: RunState): boolean =>
  wave >= 1 && go && name !== 'canary' && report.stopped === null;

/** A rollback or Delete never fails: it says what it left. */
export function decideBackward({ execution, state, late }: Seen): Decision {
  const report = state?.report ?? null;
  if (execution.status === 'RUNNING')
    return late ? { next: 'stop', report } : { next: 'poll', progress: 'undoing' };
  if (execution.status === 'SUCCEEDED' && report !== null)
    return {
      next: 'succeed',
      report,
      warnings: report.wrong === 0 ? [] : [`not undone: ${failuresText(report)}`],
    };
  return {
    next: 'succeed',
    report,
    warnings: [
      `Step Functions ended the rollback as ${execution.status} (${execution.error ?? 'no result was left'}): what it did not reach is kept`,
    ],
    ...brokenAs(execution),
  };
}

/** Those that were not there when the list was read before. */
export function newcomers(now: readonly FleetMember[], before: readonly FleetMember[]): FleetMember[] {
  const known = new Set(before.map(placeOf));
  return now.filter((member) => !known.has(placeOf(member)));
}

/** Canaries that the list lacks. @returns null where it has them all */
export function missingCanaries(plan: FleetPlan, members: readonly FleetMember[]): string | null {
  const names = new Set(members.map(({ name }) => name));
  const missing = plan.canaries.filter((name) => !names.has(name));
  return missing.length === 0
    ? null
    : `${missing.join(', ')} ${missing.length === 1 ? 'is a canary and is' : 'are canaries and are'} not in the list of ${members.length} targets. Name targets that are there in \`canary\`.`;
}
