/** What a request is about, and whether CloudFormation still waits for it. Pure; decided anew before every slice. */
import type { Direction, FailedDeployment } from '../contract/converge';
import { type History, reportedSuccess } from './history';

export interface StackState {
  /** Null when CloudFormation did not say. */
  readonly status: string | null;
  /** Null when the events could not be read. */
  readonly history: History | null;
}

export interface Pending {
  readonly type: 'Create' | 'Update' | 'Delete';
  /** When `onEvent` saw the request. */
  readonly startedAtMs: number;
}

/** The deployment that failed, as far as the stack's events tell: its manifest is named by the request's event. */
export type FailedAttempt = Omit<FailedDeployment, 'manifestHash'>;

export interface Classification {
  readonly direction: Direction;
  /** What is rolled back; null when nothing is, or when it is not known. */
  readonly failed: FailedAttempt | null;
  /** Never answer FAILED: it would leave the stack in UPDATE_ROLLBACK_FAILED or DELETE_FAILED. */
  readonly lenient: boolean;
  /**
   * - `wanted`: CloudFormation waits for it
   * - `unclear`: what CloudFormation says does not fit together yet; look again
   * - `overtaken`: cancelled, rolled back or replaced
   */
  readonly relevance: 'wanted' | 'unclear' | 'overtaken';
}

/** How long events may lag behind the stack's status before we decide without them. */
const EVENT_LAG_MS = 60_000;
/** Our clock and CloudFormation's may differ by this much. */
const CLOCK_SKEW_MS = 5_000;

export function classifyRequest(request: Pending, stack: StackState, nowMs: number): Classification {
  const { status, history } = stack;
  const lenient = request.type === 'Delete' || (status?.includes('ROLLBACK') ?? false);
  if (status === null) {
    const direction = request.type === 'Create' ? 'forward' : 'unknown';
    return { direction, failed: null, lenient, relevance: 'wanted' };
  }
  const eventsAreIn = nowMs - request.startedAtMs > EVENT_LAG_MS;
  const about =
    request.type === 'Delete' ? ofDelete(status, history) : ofUpdate(status, history, eventsAreIn);
  const relevance = overtaken(request, stack, eventsAreIn) ?? (about.unclear ? 'unclear' : 'wanted');
  return { direction: about.direction, failed: about.failed, lenient, relevance };
}

interface About {
  readonly direction: Direction;
  readonly failed: FailedAttempt | null;
  readonly unclear?: boolean;
}

const FORWARD: About = { direction: 'forward', failed: null };

function backward(history: History | null, told: FailedAttempt['reportedSuccess']): About {
  const began = history?.attemptAtMs ?? null;
  const failed =
    began === null ? null : { reportedSuccess: told, since: new Date(began - CLOCK_SKEW_MS).toISOString() };
  return { direction: 'rollback', failed };
}

/** Create too: one that arrives while the stack rolls back is late, and `overtaken` says so. */
function ofUpdate(status: string, history: History | null, eventsAreIn: boolean): About {
  if (!status.includes('ROLLBACK')) return FORWARD;
  const lagging = history !== null && (history.rollbackAtMs === null || history.results.length === 0);
  const about = backward(history, history ? reportedSuccess(history) : 'unknown');
  return { ...about, unclear: lagging && !eventsAreIn };
}

/**
 * The stack's status does not tell a Delete after a failed Create: it is DELETE_IN_PROGRESS too when a stack is removed
 * that failed with rollback disabled. Our resource's own events do.
 */
function ofDelete(status: string, history: History | null): About {
  if (history?.lastResult === 'CREATE_FAILED') return backward(history, false);
  if (!status.includes('ROLLBACK')) return FORWARD;
  const created = history?.results.includes('CREATE_COMPLETE');
  return backward(history, created ? true : 'unknown');
}

/** While CloudFormation waits for one of our requests, neither the stack's status nor our resource's result changes. */
function overtaken(
  request: Pending,
  { status, history }: StackState,
  eventsAreIn: boolean,
): Classification['relevance'] | null {
  const { startedAtMs, type } = request;
  if (history) {
    const { rollbackAtMs, stackChangedAtMs, resourceEndedAtMs } = history;
    // No skew here: in doubt a rollback that is taken for overtaken keeps everything, and succeeds.
    if (type !== 'Delete' && rollbackAtMs !== null && rollbackAtMs > startedAtMs) return 'overtaken';
    const latest = Math.max(stackChangedAtMs ?? 0, resourceEndedAtMs ?? 0);
    if (latest > startedAtMs + CLOCK_SKEW_MS) return 'overtaken';
  }
  if (status?.endsWith('_IN_PROGRESS')) {
    return type !== 'Delete' && !fits(type, status) ? 'overtaken' : null;
  }
  return eventsAreIn ? 'overtaken' : 'unclear';
}

/** CloudFormation sends no Create while it rolls back, and no Update while it deletes or cleans up. */
function fits(type: 'Create' | 'Update', status: string): boolean {
  if (/^DELETE_|_CLEANUP_/.test(status)) return false;
  return type === 'Update' || !status.includes('ROLLBACK');
}
