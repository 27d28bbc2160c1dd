/** All waiting of the engine: how long, how often, until when. */
import { setTimeout as sleep } from 'node:timers/promises';

/** What one attempt waits for a lock that writers queue behind; they wait as long as we do. */
export const LOCK_TIMEOUT_MS = 500;
/** What all such locks of one transaction may take together. */
export const LOCK_PHASE_TIMEOUT_MS = 800;
/** What taking them may take beyond a longer wait that a file asks for. */
export const LOCK_PHASE_MARGIN_MS = LOCK_PHASE_TIMEOUT_MS - LOCK_TIMEOUT_MS;
/** How long a transaction may hold such a lock, all its statements together. */
export const HOLD_TIMEOUT_MS = 5_000;
/** So long after deadlock_timeout an autovacuum that is in the way has been told to stop, and has. */
export const OUTLAST_MARGIN_MS = 1_000;
/** CONCURRENTLY and VALIDATE hinder nobody while they wait, and lose their work when they give up. */
export const LONG_LOCK_TIMEOUT_MS = 15 * 60_000;
/** A runner is idle only between two messages; one that is idle for so long has no client any more. */
export const DEAD_RUNNER_MS = 60_000;
/**
 * A message that is under way at the deadline gets so much longer: lock attempts end by themselves within it, so only
 * what really takes long is left to the server.
 */
export const GRACE_MS = 1_500;
/** So long after the deadline everything that is still under way has ended, or will never be heard of. */
export const UNANSWERED_MS = 2 * GRACE_MS;
/** How long a database that does not answer is waited for: a paused Aurora takes about 15 s, a failover a minute. */
export const CONNECT_PATIENCE_MS = 60_000;
/** One attempt to connect gets as much even when the time is nearly up: it may have to read a secret first. */
export const SHORTEST_CONNECT_MS = 3_000;
/** What setTimeout takes; a longer one would end at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** The longest pause between two questions for the lock between runners: it is free as soon as the other one ends. */
export const RUNNER_PAUSE_MS = 1_000;
/** How often somebody else's build is asked how far it is. */
export const BUILD_POLL_MS = 1_000;
/** Messages of several migrations grow while they take less than this. */
export const QUICK_MESSAGE_MS = 1_000;
/** What one verify section may take, where proving is all that is done. */
export const VERIFY_TIMEOUT_MS = 60_000;
/** It has this much even when the time is nearly up. */
export const SHORTEST_VERIFY_MS = 1_000;
/** What planning the application's statements may take where no lock is held. */
export const PLANNING_BUDGET_MS = 30_000;
/** Of what is left of a slice: what the answers come to takes time too, and so does what follows. */
export const PLANNING_SHARE = 0.6;
/** How often an INVALID index is dropped and built again before a person has to look. */
export const INDEX_ATTEMPTS = 5;

/** Exponential backoff with full jitter, at least a tenth of a second. @param attempt from 1 */
export function backoffMs(attempt: number, maxMs = 5_000, random: () => number = Math.random): number {
  const ceiling = Math.min(maxMs, 200 * 2 ** Math.min(attempt, 16));
  return 100 + Math.floor(random() * Math.max(0, ceiling - 100));
}

/** Sleeps one backoff. False, at once, when it would end after the deadline. */
export async function waitOrGiveUp(attempt: number, deadline: number, maxMs?: number): Promise<boolean> {
  const pause = backoffMs(attempt, maxMs);
  if (Date.now() + pause >= deadline) return false;
  await sleep(pause);
  return true;
}
