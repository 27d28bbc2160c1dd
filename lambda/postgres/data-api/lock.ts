/**
 * The lock between runners without a session: a transaction that is held open and holds a transaction-level advisory
 * lock. It is asked for with the form that never waits: the blocking one deadlocks with CREATE INDEX CONCURRENTLY.
 */

import { ConnectionLost } from '../database';
import type { DataApiCalls } from './calls';
import { transactionEnded, translate } from './errors';
import { markOf } from './outlived';

/** The lock was answered for within this time, so it is not asked again. */
const FRESH_MS = 1_000;

/** Server settings that would end an idle transaction; transaction_timeout exists from PostgreSQL 17 on. */
const STAY = `(SELECT pg_catalog.count(pg_catalog.set_config(name, '0', true)) FROM pg_catalog.pg_settings
  WHERE name OPERATOR(pg_catalog.=) ANY ('{idle_in_transaction_session_timeout, transaction_timeout}'::pg_catalog.text[]))`;

/**
 * Uses the transaction. Not a SELECT: until the next statement its portal may stay open, and its snapshot with it [seen
 * with the extended protocol]; SET takes none, and ends what went before.
 */
const LIGHT = "SET LOCAL application_name = 'trueup'";

const OWN = 'pg_catalog.pg_try_advisory_xact_lock(CAST(:key AS pg_catalog.int8))';
/** Where only the first is had, the transaction ends and gives it back. */
const BOTH = `CASE WHEN pg_catalog.pg_try_advisory_xact_lock_shared(CAST(:shared AS pg_catalog.int8)) THEN ${OWN} ELSE false END`;

export class HeldLock {
  private queue: Promise<unknown> = Promise.resolve();
  private heldAt = Date.now();
  private lost: ConnectionLost | undefined;
  private readonly timer: NodeJS.Timeout;

  private constructor(
    private readonly calls: DataApiCalls,
    private readonly transactionId: string,
    keepAliveMs: number,
    /** Begins every statement that is sent under it. */
    readonly mark: string,
  ) {
    // The service ends a transaction that is idle for three minutes, and with it the lock.
    this.timer = setInterval(() => void this.ask().catch(() => {}), keepAliveMs);
    this.timer.unref();
  }

  /** Null when somebody else has it. */
  static async take(
    calls: DataApiCalls,
    { key, shared }: { readonly key: bigint; readonly shared?: bigint | undefined },
    keepAliveMs: number,
  ): Promise<HeldLock | null> {
    const transactionId = await calls.begin();
    try {
      // With a snapshot of its own this transaction would keep CREATE INDEX CONCURRENTLY waiting for ever.
      await calls.execute({ transactionId, sql: 'SET TRANSACTION ISOLATION LEVEL READ COMMITTED' });
      const { records } = await calls.execute({
        transactionId,
        sql: `SELECT ${shared === undefined ? OWN : BOTH} AS locked, ${STAY} AS settings`,
        parameters: Object.entries({ key, shared }).flatMap(([name, value]) =>
          value === undefined ? [] : [{ name, value: { stringValue: String(value) } }],
        ),
      });
      if (records?.[0]?.[0]?.booleanValue === true) {
        await calls.execute({ transactionId, sql: LIGHT });
        return new HeldLock(calls, transactionId, keepAliveMs, markOf(key, shared));
      }
    } catch (error) {
      await calls.rollback(transactionId).catch(() => {});
      throw error;
    }
    await calls.rollback(transactionId).catch(() => {});
    return null;
  }

  /** @throws {ConnectionLost} when the lock is known to be gone */
  assertHeld(): void {
    if (this.lost) throw this.lost;
  }

  /** @throws {ConnectionLost} when the lock is gone; asks, unless it was answered for a moment ago */
  async ensureHeld(): Promise<void> {
    this.assertHeld();
    if (Date.now() - this.heldAt > FRESH_MS) await this.ask();
  }

  async release(): Promise<void> {
    clearInterval(this.timer);
    await this.queue.catch(() => {});
    if (!this.lost) await this.calls.rollback(this.transactionId);
  }

  /** One at a time: the service refuses parallel calls on one transaction. */
  private ask(): Promise<void> {
    const asked = this.queue
      .catch(() => {})
      .then(async () => {
        this.assertHeld();
        try {
          await this.calls.execute({ transactionId: this.transactionId, sql: LIGHT });
          this.heldAt = Date.now();
        } catch (error) {
          const cause = translate(error);
          // The network may fail for a moment without the lock being gone.
          if (!transactionEnded(error)) throw cause;
          this.lost = new ConnectionLost(
            `the lock between runners was lost with its transaction (${cause.message})`,
            '08006',
            { cause },
          );
          clearInterval(this.timer);
          throw this.lost;
        }
      });
    this.queue = asked;
    return asked;
  }
}
