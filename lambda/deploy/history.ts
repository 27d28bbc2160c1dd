/**
 * Reads a stack's history from its events. CloudFormation does not inform a custom resource that it rolls back, or
 * that it stopped waiting; the events show it. Pure.
 */

/** An event of the stack itself or of Trueup's resource. Events of other resources are left out. */
export interface StackEvent {
  readonly of: 'stack' | 'resource';
  /** Status, e.g. `UPDATE_ROLLBACK_IN_PROGRESS`. */
  readonly status: string;
  /**
   * CloudFormation's DetailedStatus, e.g. `CONFIGURATION_COMPLETE`: a step within the operation that the status names
   * (https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackEvent.html).
   * @default - none
   */
  readonly detail?: string;
  /** Why a request of Trueup's resource failed. @default - it did not fail */
  readonly reason?: string;
  readonly atMs: number;
}

export interface StackHistory {
  /** Whether the newest operation is included from its beginning, so that `results` is complete. */
  readonly whole: boolean;
  /**
   * Time at which the attempt began: with rollback disabled, several operations are one attempt. Null if it is not
   * known.
   */
  readonly attemptAtMs: number | null;
  /** Time at which the newest operation began to roll back; null if it does not roll back. */
  readonly rollbackAtMs: number | null;
  /** Results of the resource's requests before that, oldest first: `UPDATE_COMPLETE`, `CREATE_FAILED`, … */
  readonly results: readonly string[];
  /** Result of the resource's most recent request other than Delete, in any stack operation. */
  readonly lastResult: string | null;
  /**
   * Why the resource's newest request before the rollback failed, as CloudFormation reports it; null if it did not
   * fail.
   */
  readonly failure: string | null;
  /** Time at which the stack's own status last changed. */
  readonly stackChangedAtMs: number | null;
  /** Time at which a request of the resource last ended, according to CloudFormation. */
  readonly resourceEndedAtMs: number | null;
}

const OPERATION_START = /^(CREATE|UPDATE|IMPORT|DELETE)_IN_PROGRESS$/;
const ROLLBACK_START = /^(UPDATE_|IMPORT_)?ROLLBACK_IN_PROGRESS$/;
/** With rollback disabled, a failed stack keeps this status, and the next update continues the same attempt. */
const CONTINUED_ATTEMPT = /^(CREATE|UPDATE)_FAILED$/;
const RESOURCE_RESULT = /^(CREATE|UPDATE)_(COMPLETE|FAILED)$/;

/**
 * Removes repeated events. A stack's event with the same status as the one before it continues the same operation,
 * and the resource's second `UPDATE_COMPLETE` in a row does not end a second request.
 * @param events oldest first
 */
export function removeRepeats(events: readonly StackEvent[]): StackEvent[] {
  const before: { [of in StackEvent['of']]?: string } = {};
  return events.filter(({ of, status }) => {
    const repeated = before[of] === status;
    before[of] = status;
    return !repeated;
  });
}

/**
 * Whether the event begins an operation. A step within an operation has a detail. Without this test, a step would
 * count as the beginning if the actual beginning is not among the events.
 */
export const isOperationStart = ({ of, status, detail }: StackEvent): boolean =>
  of === 'stack' && detail === undefined && OPERATION_START.test(status);

/**
 * Reads the history.
 * @param events oldest first
 * @param exhausted whether there are no older events (CloudFormation keeps them for 90 days)
 */
export function readHistory(events: readonly StackEvent[], exhausted: boolean): StackHistory {
  let whole = false;
  let attemptAtMs: number | null = null;
  let rollbackAtMs: number | null = null;
  let results: string[] = [];
  let before: string | null = null;
  let stackChangedAtMs: number | null = null;
  let lastResult: string | null = null;
  let failure: string | null = null;
  let resourceEndedAtMs: number | null = null;
  for (const event of removeRepeats(events)) {
    const { of, status, atMs } = event;
    if (of === 'stack') {
      if (isOperationStart(event)) {
        if (before === null || !CONTINUED_ATTEMPT.test(before)) {
          results = [];
          failure = null;
          whole = before !== null || exhausted;
          attemptAtMs = atMs;
        }
        rollbackAtMs = null;
      } else if (ROLLBACK_START.test(status)) {
        // A second one is ContinueUpdateRollback: the same rollback of the same attempt.
        rollbackAtMs ??= atMs;
      }
      before = status;
      if (event.detail === undefined) stackChangedAtMs = atMs;
    } else {
      if (/_(COMPLETE|FAILED)$/.test(status)) resourceEndedAtMs = atMs;
      if (!RESOURCE_RESULT.test(status)) continue;
      lastResult = status;
      if (rollbackAtMs !== null) continue;
      results.push(status);
      failure = event.reason ?? null;
    }
  }
  return {
    whole,
    attemptAtMs,
    rollbackAtMs,
    results,
    lastResult,
    failure,
    stackChangedAtMs,
    resourceEndedAtMs,
  };
}

/**
 * Whether Trueup's resource had reported success in the attempt that is rolled back. One success is enough, since
 * resources that depend on it may have been updated then.
 */
export function readReportedSuccess(history: StackHistory): boolean | 'unknown' {
  if (history.results.some((status) => status.endsWith('_COMPLETE'))) return true;
  return history.whole && history.results.length > 0 ? false : 'unknown';
}
