/**
 * The runners' lock without a session: an open transaction that holds a transaction-level advisory lock. It uses the
 * try form, because the blocking one deadlocks with CREATE INDEX CONCURRENTLY.
 */

import { ConnectionLostError } from '../database';
import type { DataApiCalls } from './calls';
import { isTransactionEnded, translateDataApiError } from './errors';
import { buildLockMark } from './surviving-statements';

/** A lock that was confirmed within this time is not checked again. */
const LOCK_CHECK_INTERVAL_MS = 1_000;

/** Disables the settings that would end an idle transaction. transaction_timeout exists from PostgreSQL 17 on. */
const DISABLE_IDLE_TIMEOUTS_SQL = `(SELECT pg_catalog.count(pg_catalog.set_config(name, '0', true)) FROM pg_catalog.pg_settings
  WHERE name OPERATOR(pg_catalog.=) ANY ('{idle_in_transaction_session_timeout, transaction_timeout}'::pg_catalog.text[]))`;

/**
 * A statement that keeps the transaction alive. It is not a SELECT, whose portal, and with it its snapshot, may stay
 * open until the next statement [seen with the extended protocol]. SET takes no snapshot, and closes the previous
 * portal.
 */
const KEEP_ALIVE_SQL = "SET LOCAL application_name = 'trueup'";

const TRY_LOCK_SQL = 'pg_catalog.pg_try_advisory_xact_lock(CAST(:key AS pg_catalog.int8))';
/** If only the first lock is obtained, the transaction ends and releases it. */
const TRY_BOTH_LOCKS_SQL = `CASE WHEN pg_catalog.pg_try_advisory_xact_lock_shared(CAST(:shared AS pg_catalog.int8)) THEN ${TRY_LOCK_SQL} ELSE false END`;

export class TransactionLock {
  private queue: Promise<unknown> = Promise.resolve();
  private heldAt = Date.now();
  private lost: ConnectionLostError | undefined;
  private readonly timer: NodeJS.Timeout;

  private constructor(
    private readonly calls: DataApiCalls,
    private readonly transactionId: string,
    keepAliveMs: number,
    /** Prefix of every statement that is sent while the lock is held. */
    readonly mark: string,
  ) {
    // The service ends a transaction that is idle for three minutes, and its lock with it.
    this.timer = setInterval(() => void this.ask().catch(() => {}), keepAliveMs);
    this.timer.unref();
  }

  /** Takes the lock. Returns null if another session holds it. */
  static async take(
    calls: DataApiCalls,
    { key, shared }: { readonly key: bigint; readonly shared?: bigint | undefined },
    keepAliveMs: number,
  ): Promise<TransactionLock | null> {
    const transactionId = await calls.begin();
    try {
      // With a transaction-wide snapshot, this transaction would block CREATE INDEX CONCURRENTLY forever.
      await calls.execute({ transactionId, sql: 'SET TRANSACTION ISOLATION LEVEL READ COMMITTED' });
      const { records } = await calls.execute({
        transactionId,
        sql: `SELECT ${shared === undefined ? TRY_LOCK_SQL : TRY_BOTH_LOCKS_SQL} AS locked, ${DISABLE_IDLE_TIMEOUTS_SQL} AS settings`,
        parameters: Object.entries({ key, shared }).flatMap(([name, value]) =>
          value === undefined ? [] : [{ name, value: { stringValue: String(value) } }],
        ),
      });
      if (records?.[0]?.[0]?.booleanValue === true) {
        await calls.execute({ transactionId, sql: KEEP_ALIVE_SQL });
        return new TransactionLock(calls, transactionId, keepAliveMs, buildLockMark(key, shared));
      }
    } catch (error) {
      await calls.rollback(transactionId).catch(() => {});
      throw error;
    }
    await calls.rollback(transactionId).catch(() => {});
    return null;
  }

  /** @throws {ConnectionLostError} if the lock is known to be lost */
  assertHeld(): void {
    if (this.lost) throw this.lost;
  }

  /**
   * Checks that the lock is still held, unless that was confirmed a moment ago. @throws {ConnectionLostError} if it is lost
   */
  async ensureHeld(): Promise<void> {
    this.assertHeld();
    if (Date.now() - this.heldAt > LOCK_CHECK_INTERVAL_MS) await this.ask();
  }

  async release(): Promise<void> {
    clearInterval(this.timer);
    await this.queue.catch(() => {});
    if (!this.lost) await this.calls.rollback(this.transactionId);
  }

  /** Runs one check at a time, because the service rejects concurrent calls on one transaction. */
  private ask(): Promise<void> {
    const asked = this.queue
      .catch(() => {})
      .then(async () => {
        this.assertHeld();
        try {
          await this.calls.execute({ transactionId: this.transactionId, sql: KEEP_ALIVE_SQL });
          this.heldAt = Date.now();
        } catch (error) {
          const cause = translateDataApiError(error);
          // A short network failure does not mean that the lock is lost.
          if (!isTransactionEnded(error)) throw cause;
          this.lost = new ConnectionLostError(
            `the runner lock was lost with its transaction (${cause.message})`,
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
