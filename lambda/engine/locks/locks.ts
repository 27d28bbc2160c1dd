/**
 * Determines the locks that a transaction acquires before its first change, and the time limit of each of its parts.
 * Pure.
 */

import { blocksWriters, keepStrongest, type LockMode } from '../../contract/locks';
import { quoteTextArray } from '../../sql/quote';
import {
  LOCK_HOLD_TIMEOUT_MS,
  LOCK_PHASE_MARGIN_MS,
  LOCK_PHASE_TIMEOUT_MS,
  LOCK_TIMEOUT_MS,
} from '../time/limits';

/** The locks that a statement takes, as the compiler determined them. */
export interface LockingStatement {
  readonly locks: readonly {
    readonly relation: string;
    readonly mode: LockMode;
    /** Whether the migration itself creates the relation, so that no other session can be using it. */
    readonly created?: boolean;
  }[];
}

type WantedLock = readonly [relation: string, mode: LockMode];

/** Returns the strongest lock needed on each existing relation, if writers would queue behind it. */
export function listLocksToTake(statements: readonly LockingStatement[]): WantedLock[] {
  const strongest = new Map<string, LockMode>();
  for (const { relation, mode, created } of statements.flatMap((s) => s.locks)) {
    if (created || !blocksWriters(mode)) continue;
    keepStrongest(strongest, relation, mode);
  }
  // All runners use the same order, so that two of them cannot deadlock.
  return [...strongest].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** All times in milliseconds. */
export interface LockPlan {
  readonly lockTimeoutMs: number;
  /** statement_timeout at the start; `null` for none. */
  readonly startMs: number | null;
  /** The statement that acquires the locks before the first change; `null` if there are none. */
  readonly take: string | null;
  /** How long the transaction may take from its first request for a lock. */
  readonly holdMs: number;
}

export interface MigrationLimits {
  readonly lockTimeoutMs?: number | undefined;
  readonly statementTimeoutMs?: number | undefined;
}

/** Plans the locks. @param own the limits that the file sets. @default - see time/limits.ts */
export function planLocks(statements: readonly LockingStatement[], own: MigrationLimits = {}): LockPlan {
  const locks = listLocksToTake(statements);
  const lockTimeoutMs = own.lockTimeoutMs ?? LOCK_TIMEOUT_MS;
  const holdMs = own.statementTimeoutMs ?? LOCK_HOLD_TIMEOUT_MS;
  if (locks.length === 0) {
    return { lockTimeoutMs, startMs: own.statementTimeoutMs ?? null, take: null, holdMs };
  }
  const startMs = Math.max(LOCK_PHASE_TIMEOUT_MS, lockTimeoutMs + LOCK_PHASE_MARGIN_MS);
  return {
    lockTimeoutMs,
    startMs,
    take: buildTakeLocksSql(locks, isTakenByFirst(statements, locks)),
    holdMs,
  };
}

/** Whether there is a single lock, and the first statement acquires it before anything else. */
function isTakenByFirst(
  statements: readonly LockingStatement[],
  [lock, ...others]: readonly WantedLock[],
): boolean {
  const [first] = listLocksToTake(statements.slice(0, 1));
  return others.length === 0 && first?.[0] === lock?.[0] && first?.[1] === lock?.[1];
}

const buildTakeLocksSql = (locks: readonly WantedLock[], alone: boolean): string => {
  const [relations, modes] = [0, 1].map((i) => quoteTextArray(locks.map((lock) => lock[i]!)));
  return `SELECT trueup._take_locks(${relations}, ${modes}, ${alone})`;
};
