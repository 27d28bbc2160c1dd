/**
 * What a stack's events say. CloudFormation does not tell a custom resource that it rolls back, nor that it stopped
 * waiting; its events do. Pure.
 */

/** An event of the stack itself or of our own resource; everybody else's are left out. */
export interface StackEvent {
  readonly of: 'stack' | 'resource';
  /** E.g. `UPDATE_ROLLBACK_IN_PROGRESS`. */
  readonly status: string;
  /**
   * CloudFormation's DetailedStatus, e.g. `CONFIGURATION_COMPLETE`: a step within the operation that the status names
   * (https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackEvent.html).
   * @default - none
   */
  readonly detail?: string;
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
 * What is told again is no news: a stack's event with the status of the one before it goes on with the same operation,
 * and our resource's second `UPDATE_COMPLETE` in a row ends no second request.
 * @param events oldest first
 */
export function withoutRepeats(events: readonly StackEvent[]): StackEvent[] {
  const before: { [of in StackEvent['of']]?: string } = {};
  return events.filter(({ of, status }) => {
    const repeated = before[of] === status;
    before[of] = status;
    return !repeated;
  });
}

/** Where its beginning is out of sight, a step within an operation would otherwise be taken for it. */
export const beginsOperation = ({ of, status, detail }: StackEvent): boolean =>
  of === 'stack' && detail === undefined && OPERATION_BEGINS.test(status);

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
  for (const event of withoutRepeats(events)) {
    const { of, status, atMs } = event;
    if (of === 'stack') {
      if (beginsOperation(event)) {
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
      if (event.detail === undefined) stackChangedAtMs = atMs;
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
