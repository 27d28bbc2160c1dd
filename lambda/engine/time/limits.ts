/** The time limits, pauses and attempts of the engine. */
import { setTimeout as sleep } from 'node:timers/promises';

/** How long one attempt waits for a lock that writers queue behind. The writers wait just as long. */
export const LOCK_TIMEOUT_MS = 500;
/** Limit for acquiring all such locks of one transaction. */
export const LOCK_PHASE_TIMEOUT_MS = 800;
/** Time for acquiring them in addition to a longer lock timeout that a file sets. */
export const LOCK_PHASE_MARGIN_MS = LOCK_PHASE_TIMEOUT_MS - LOCK_TIMEOUT_MS;
/** How long a transaction may hold such locks, over all its statements. */
export const LOCK_HOLD_TIMEOUT_MS = 5_000;
/**
 * PostgreSQL cancels an autovacuum that blocks another session once deadlock_timeout has passed; this margin gives it
 * time to stop.
 */
export const AUTOVACUUM_MARGIN_MS = 1_000;
/**
 * Lock timeout of CONCURRENTLY and VALIDATE. They block no other session while they wait, and lose their work when
 * they give up.
 */
export const LONG_LOCK_TIMEOUT_MS = 15 * 60_000;
/** A runner is idle only between two messages; one that has been idle for this long has lost its client. */
export const DEAD_RUNNER_MS = 60_000;
/**
 * Extra time for a message that is in progress at the deadline. Attempts to get a lock end within it, so only
 * statements that really take long are left to the server.
 */
export const GRACE_MS = 1_500;
/** This long after the deadline, everything in progress has ended or will never be answered. */
export const GIVE_UP_AFTER_MS = 2 * GRACE_MS;
/**
 * How long to wait for a database that does not answer. A paused Aurora cluster takes about 15 s to resume, a
 * failover about a minute.
 */
export const CONNECT_PATIENCE_MS = 60_000;
/** Minimum time for one attempt to connect, even shortly before the deadline: it may have to read a secret first. */
export const MIN_CONNECT_MS = 3_000;
/** The longest delay that setTimeout accepts; a longer one would fire at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;
/**
 * The longest pause between two attempts to get the runner lock, which is free as soon as the other runner ends.
 */
export const MAX_RUNNER_PAUSE_MS = 1_000;
/** How often the progress of an index build in another session is checked. */
export const BUILD_POLL_MS = 1_000;
/** The number of migrations per message grows while a message takes less than this. */
export const MAX_QUICK_MESSAGE_MS = 1_000;
/** Limit for one verify section in a run that only verifies. */
export const VERIFY_TIMEOUT_MS = 60_000;
/** Minimum time for a verify section, even shortly before the deadline. */
export const MIN_VERIFY_MS = 1_000;
/** Limit for planning the application's statements where no lock is held. */
export const PLANNING_BUDGET_MS = 30_000;
/** Limit for planning the statements that a pending file touches; `--guard-time` overrides it. */
export const DEFAULT_GUARD_TIME_MS = 30_000;
/**
 * The share of a slice's remaining time that planning may use. Reading the result and the steps that follow take time
 * too.
 */
export const PLANNING_SHARE = 0.6;
/** A manual run connects every second; one that has had no session for this long has lost its process. */
export const INTERRUPTED_AFTER_MS = 60_000;
/** CloudFormation waits at most an hour for a custom resource; after that, no further slice of a deployment comes. */
export const DEPLOYMENT_EXPIRES_AFTER_MS = 65 * 60_000;
/** How often an INVALID index is dropped and rebuilt before a person must intervene. */
export const MAX_INDEX_ATTEMPTS = 5;

/** Returns a pause in milliseconds: exponential backoff with full jitter, at least 100 ms. @param attempt from 1 */
function computeBackoffMs(attempt: number, maxMs = 5_000, random: () => number = Math.random): number {
  const ceiling = Math.min(maxMs, 200 * 2 ** Math.min(attempt, 16));
  return 100 + Math.floor(random() * Math.max(0, ceiling - 100));
}

/** Sleeps for one backoff pause. Returns false without sleeping if the pause would end after the deadline. */
export async function waitOrGiveUp(attempt: number, deadline: number, maxMs?: number): Promise<boolean> {
  const pause = computeBackoffMs(attempt, maxMs);
  if (Date.now() + pause >= deadline) return false;
  await sleep(pause);
  return true;
}
