/**
 * Determines what a request is about, and whether CloudFormation still waits for it. Pure. It is determined again
 * before every slice.
 */
import type { Direction, FailedDeployment } from '../contract/converge';
import { readReportedSuccess, type StackHistory } from './history';

export interface StackState {
  /** Null if CloudFormation did not answer. */
  readonly status: string | null;
  /** Null if the events could not be read. */
  readonly history: StackHistory | null;
}

export interface DeployEvent {
  readonly type: 'Create' | 'Update' | 'Delete';
  /** Time at which `onEvent` received the request. */
  readonly startedAtMs: number;
}

/** The deployment that failed, according to the stack's events. Its manifest is in the request's event. */
export type FailedAttempt = Omit<FailedDeployment, 'manifestHash'>;

export interface Classification {
  readonly direction: Direction;
  /** The attempt that is rolled back; null if there is none, or if it is not known. */
  readonly failed: FailedAttempt | null;
  /**
   * Whether the request must never be answered with FAILED, which would leave the stack in UPDATE_ROLLBACK_FAILED or
   * DELETE_FAILED.
   */
  readonly lenient: boolean;
  /**
   * Whether CloudFormation still waits for the request.
   * - `wanted`: it does
   * - `unclear`: its answers contradict each other; read them again later
   * - `overtaken`: the request was cancelled, rolled back or replaced
   */
  readonly relevance: 'wanted' | 'unclear' | 'overtaken';
}

/** How long events may lag behind the stack's status before the decision is made without them. */
const EVENT_LAG_MS = 60_000;
/** Maximum difference between this machine's clock and CloudFormation's. */
const CLOCK_SKEW_MS = 5_000;

export function classifyRequest(request: DeployEvent, stack: StackState, nowMs: number): Classification {
  const { status, history } = stack;
  const lenient = request.type === 'Delete' || (status?.includes('ROLLBACK') ?? false);
  if (status === null) {
    const direction = request.type === 'Create' ? 'forward' : 'unknown';
    return { direction, failed: null, lenient, relevance: 'wanted' };
  }
  const eventsArrived = nowMs - request.startedAtMs > EVENT_LAG_MS;
  const about =
    request.type === 'Delete'
      ? classifyDelete(status, history)
      : classifyUpdate(status, history, eventsArrived);
  const relevance =
    classifyOvertaken(request, stack, eventsArrived) ?? (about.unclear ? 'unclear' : 'wanted');
  return { direction: about.direction, failed: about.failed, lenient, relevance };
}

interface RequestDirection {
  readonly direction: Direction;
  readonly failed: FailedAttempt | null;
  readonly unclear?: boolean;
}

const FORWARD_DIRECTION: RequestDirection = { direction: 'forward', failed: null };

function classifyRollback(
  history: StackHistory | null,
  told: FailedAttempt['reportedSuccess'],
): RequestDirection {
  const began = history?.attemptAtMs ?? null;
  const failed =
    began === null ? null : { reportedSuccess: told, since: new Date(began - CLOCK_SKEW_MS).toISOString() };
  return { direction: 'rollback', failed };
}

/**
 * Classifies a Create or an Update. A Create that arrives while the stack rolls back is too late, and
 * `classifyOvertaken` reports it.
 */
function classifyUpdate(
  status: string,
  history: StackHistory | null,
  eventsArrived: boolean,
): RequestDirection {
  if (!status.includes('ROLLBACK')) return FORWARD_DIRECTION;
  const lagging = history !== null && (history.rollbackAtMs === null || history.results.length === 0);
  const about = classifyRollback(history, history ? readReportedSuccess(history) : 'unknown');
  return { ...about, unclear: lagging && !eventsArrived };
}

/**
 * Classifies a Delete. The stack's status does not distinguish a Delete after a failed Create: it is also
 * DELETE_IN_PROGRESS when a stack is deleted that failed with rollback disabled. The events of Trueup's resource show
 * the difference.
 */
function classifyDelete(status: string, history: StackHistory | null): RequestDirection {
  if (history?.lastResult === 'CREATE_FAILED') return classifyRollback(history, false);
  if (!status.includes('ROLLBACK')) return FORWARD_DIRECTION;
  const created = history?.results.includes('CREATE_COMPLETE');
  return classifyRollback(history, created ? true : 'unknown');
}

/**
 * Returns whether the request was overtaken, or null if it was not. While CloudFormation waits for a request, neither
 * the stack's status nor the result of Trueup's resource changes.
 */
function classifyOvertaken(
  request: DeployEvent,
  { status, history }: StackState,
  eventsArrived: boolean,
): Classification['relevance'] | null {
  const { startedAtMs, type } = request;
  if (history) {
    const { rollbackAtMs, stackChangedAtMs, resourceEndedAtMs } = history;
    // No skew is allowed for here: a rollback that is wrongly taken for overtaken keeps everything, and succeeds.
    if (type !== 'Delete' && rollbackAtMs !== null && rollbackAtMs > startedAtMs) return 'overtaken';
    const latest = Math.max(stackChangedAtMs ?? 0, resourceEndedAtMs ?? 0);
    if (latest > startedAtMs + CLOCK_SKEW_MS) return 'overtaken';
  }
  if (status?.endsWith('_IN_PROGRESS')) {
    return type !== 'Delete' && !matchesStatus(type, status) ? 'overtaken' : null;
  }
  return eventsArrived ? 'overtaken' : 'unclear';
}

/**
 * Whether the stack's status allows such a request. CloudFormation sends no Create while it rolls back, and no Update
 * while it deletes or cleans up.
 */
function matchesStatus(type: 'Create' | 'Update', status: string): boolean {
  if (/^DELETE_|_CLEANUP_/.test(status)) return false;
  return type === 'Update' || !status.includes('ROLLBACK');
}
