/**
 * What a stack's events say. CloudFormation does not tell a custom resource that it rolls back, nor that it stopped
 * waiting; its events do. Pure.
 */

/** An event of the stack itself or of our own resource; everybody else's are left out. */
export interface StackEvent {
  readonly of: 'stack' | 'resource';
  /** E.g. `UPDATE_ROLLBACK_IN_PROGRESS`. */
  readonly status: string;
  readonly atMs: number;
}

export interface History {
  /** The newest operation is there from its beginning, so that `results` lacks none. */
  readonly whole: boolean;
  /** When that attempt began: with rollback disabled, several operations are one attempt. Null when it is not known. */
  readonly attemptAtMs: number | null;
  /** When the newest operation began to roll back; null when it does not. */
  readonly rollbackAtMs: number | null;
  /** How our resource's requests ended before that, oldest first: `UPDATE_COMPLETE`, `CREATE_FAILED`, … */
  readonly results: readonly string[];
  /** How the newest request of ours that was not a Delete ended, in whatever operation. */
  readonly lastResult: string | null;
  /** When the stack's own status last changed. */
  readonly stackChangedAtMs: number | null;
  /** When a request of ours last ended, as CloudFormation sees it. */
  readonly resourceEndedAtMs: number | null;
}

const OPERATION_BEGINS = /^(CREATE|UPDATE|IMPORT|DELETE)_IN_PROGRESS$/;
const ROLLBACK_BEGINS = /^(UPDATE_|IMPORT_)?ROLLBACK_IN_PROGRESS$/;
/** With rollback disabled a failed stack stays so, and the next update goes on with the same attempt. */
const GOES_ON = /^(CREATE|UPDATE)_FAILED$/;
const RESULT = /^(CREATE|UPDATE)_(COMPLETE|FAILED)$/;

/**
 * @param events oldest first
 * @param exhausted there are no older ones (CloudFormation keeps them for 90 days)
 */
export function readHistory(events: readonly StackEvent[], exhausted: boolean): History {
  let whole = false;
  let attemptAtMs: number | null = null;
  let rollbackAtMs: number | null = null;
  let results: string[] = [];
  let before: string | null = null;
  let stackChangedAtMs: number | null = null;
  let lastResult: string | null = null;
  let resourceEndedAtMs: number | null = null;
  for (const { of, status, atMs } of events) {
    if (of === 'stack') {
      if (OPERATION_BEGINS.test(status)) {
        if (before === null || !GOES_ON.test(before)) {
          results = [];
          whole = before !== null || exhausted;
          attemptAtMs = atMs;
        }
        rollbackAtMs = null;
      } else if (ROLLBACK_BEGINS.test(status)) {
        // A second one is ContinueUpdateRollback: the same rollback of the same attempt.
        rollbackAtMs ??= atMs;
      }
      before = status;
      stackChangedAtMs = atMs;
    } else {
      if (/_(COMPLETE|FAILED)$/.test(status)) resourceEndedAtMs = atMs;
      if (!RESULT.test(status)) continue;
      lastResult = status;
      if (rollbackAtMs === null) results.push(status);
    }
  }
  return { whole, attemptAtMs, rollbackAtMs, results, lastResult, stackChangedAtMs, resourceEndedAtMs };
}

/**
 * Whether our resource had reported success in the attempt that is rolled back. Once is enough: what depends on it may
 * have been updated then.
 */
export function reportedSuccess(history: History): boolean | 'unknown' {
  if (history.results.some((status) => status.endsWith('_COMPLETE'))) return true;
  return history.whole && history.results.length > 0 ? false : 'unknown';
}
