/** Which locks a transaction takes before its first change, and how long each part of it may last. Pure. */

import { blocksWriters, keepStrongest, type LockMode } from '../../contract/locks';
import { quoteTextArray } from '../../sql/quote';
import {
  HOLD_TIMEOUT_MS,
  LOCK_PHASE_MARGIN_MS,
  LOCK_PHASE_TIMEOUT_MS,
  LOCK_TIMEOUT_MS,
} from '../time/limits';

/** What a statement locks, as the compiler found it. */
export interface Locking {
  readonly locks: readonly {
    readonly relation: string;
    readonly mode: LockMode;
    /** The migration itself makes it, so nobody else can be using it. */
    readonly created?: boolean;
  }[];
}

type WantedLock = readonly [relation: string, mode: LockMode];

/** The strongest lock wanted on each relation that others may be using, where writers would queue behind it. */
export function locksToTake(statements: readonly Locking[]): WantedLock[] {
  const strongest = new Map<string, LockMode>();
  for (const { relation, mode, created } of statements.flatMap((s) => s.locks)) {
    if (created || !blocksWriters(mode)) continue;
    keepStrongest(strongest, relation, mode);
  }
  // One order for everybody, so that two runners cannot take them crosswise.
  return [...strongest].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Milliseconds throughout. */
export interface LockPlan {
  readonly lockTimeoutMs: number;
  /** statement_timeout at the start; null for none. */
  readonly startMs: number | null;
  /** Takes the locks before the first change; null where there are none. */
  readonly take: string | null;
  /** How long the transaction may take from the moment at which it asks for the first lock. */
  readonly holdMs: number;
}

export interface OwnLimits {
  readonly lockTimeoutMs?: number | undefined;
  readonly statementTimeoutMs?: number | undefined;
}

/** @param own what the file asks for. @default - see time/limits.ts */
export function lockPlan(statements: readonly Locking[], own: OwnLimits = {}): LockPlan {
  const locks = locksToTake(statements);
  const lockTimeoutMs = own.lockTimeoutMs ?? LOCK_TIMEOUT_MS;
  const holdMs = own.statementTimeoutMs ?? HOLD_TIMEOUT_MS;
  if (locks.length === 0) {
    return { lockTimeoutMs, startMs: own.statementTimeoutMs ?? null, take: null, holdMs };
  }
  const startMs = Math.max(LOCK_PHASE_TIMEOUT_MS, lockTimeoutMs + LOCK_PHASE_MARGIN_MS);
  return { lockTimeoutMs, startMs, take: takeLocks(locks, takenByFirst(statements, locks)), holdMs };
}

/** One lock, and the first statement takes it as its first act. */
function takenByFirst(statements: readonly Locking[], [lock, ...others]: readonly WantedLock[]): boolean {
  const [first] = locksToTake(statements.slice(0, 1));
  return others.length === 0 && first?.[0] === lock?.[0] && first?.[1] === lock?.[1];
}

const takeLocks = (locks: readonly WantedLock[], alone: boolean): string => {
  const [relations, modes] = [0, 1].map((i) => quoteTextArray(locks.map((lock) => lock[i]!)));
  return `SELECT trueup._take_locks(${relations}, ${modes}, ${alone})`;
};
