/** What a request is about, and whether CloudFormation still waits for it. Pure; decided anew before every slice. */
import type { Direction } from '../engine/request';
import { type History, reportedSuccess } from './history';

export interface Look {
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

export interface Situation {
  readonly direction: Direction;
  /** What the failed deployment's request had told CloudFormation; null when nothing failed that could be undone. */
  readonly reportedSuccess: boolean | 'unknown' | null;
  /** Never answer FAILED: it would leave the stack in UPDATE_ROLLBACK_FAILED or DELETE_FAILED. */
  readonly lenient: boolean;
  /**
   * - `wanted`: CloudFormation waits for it
   * - `unclear`: what CloudFormation says does not fit together yet; look again
   * - `overtaken`: cancelled, rolled back or replaced
   */
  readonly standing: 'wanted' | 'unclear' | 'overtaken';
}

/** How long events may lag behind the stack's status before we decide without them. */
const SETTLE_MS = 60_000;
/** Our clock and CloudFormation's may differ by this much. */
const CLOCK_SKEW_MS = 5_000;

export function assess(request: Pending, look: Look, nowMs: number): Situation {
  const { status, history } = look;
  const lenient = request.type === 'Delete' || (status?.includes('ROLLBACK') ?? false);
  if (status === null) {
    const direction = request.type === 'Create' ? 'forward' : 'unknown';
    return { direction, reportedSuccess: null, lenient, standing: 'wanted' };
  }
  const settled = nowMs - request.startedAtMs > SETTLE_MS;
  const about = request.type === 'Delete' ? ofDelete(status, history) : ofUpdate(status, history, settled);
  const standing = overtaken(request, look, settled) ?? (about.unclear ? 'unclear' : 'wanted');
  return { direction: about.direction, reportedSuccess: about.reportedSuccess, lenient, standing };
}

interface About {
  readonly direction: Direction;
  readonly reportedSuccess: boolean | 'unknown' | null;
  readonly unclear?: boolean;
}

/** Create too: one that arrives while the stack rolls back is late, and `overtaken` says so. */
function ofUpdate(status: string, history: History | null, settled: boolean): About {
  if (!status.includes('ROLLBACK')) return { direction: 'forward', reportedSuccess: null };
  const told = history ? reportedSuccess(history) : 'unknown';
  const lagging = history !== null && (history.rollbackAtMs === null || history.results.length === 0);
  return { direction: 'rollback', reportedSuccess: told, unclear: lagging && !settled };
}

/**
 * The stack's status does not tell a Delete after a failed Create: it is DELETE_IN_PROGRESS too when a stack is removed
 * that failed with rollback disabled. Our resource's own events do.
 */
function ofDelete(status: string, history: History | null): About {
  if (history?.lastResult === 'CREATE_FAILED') return { direction: 'rollback', reportedSuccess: false };
  if (!status.includes('ROLLBACK')) return { direction: 'forward', reportedSuccess: null };
  const created = history?.results.includes('CREATE_COMPLETE');
  return { direction: 'rollback', reportedSuccess: created ? true : 'unknown' };
}

/** While CloudFormation waits for one of our requests, neither the stack's status nor our resource's result changes. */
function overtaken(
  request: Pending,
  { status, history }: Look,
  settled: boolean,
): Situation['standing'] | null {
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
  return settled ? 'overtaken' : 'unclear';
}

/** CloudFormation sends no Create while it rolls back, and no Update while it deletes or cleans up. */
function fits(type: 'Create' | 'Update', status: string): boolean {
  if (/^DELETE_|_CLEANUP_/.test(status)) return false;
  return type === 'Update' || !status.includes('ROLLBACK');
}
