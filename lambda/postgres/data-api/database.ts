/**
 * The RDS Data API transport: Aurora without a VPC. There is no session: every call may run on another connection, and
 * is one statement. docs/data-api.md says what follows from that.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RDSDataClientConfig } from '@aws-sdk/client-rds-data';
import {
  type Capabilities,
  ConnectionLost,
  type Database,
  type ExecuteOptions,
  type LockedBy,
  type OutsideOptions,
  type Row,
  SqlError,
  StillRunning,
  type Transaction,
  type Value,
} from '../database';
import { before } from '../deadline';
import { lockedBy, lockHolderQuery, markedQuery } from '../lock-holder';
import { DataApiCalls, type DataApiTarget } from './calls';
import { isTimeout, toOurs, transactionEnded, translate } from './errors';
import { MAX_STATEMENT_LENGTH } from './limits';
import { HeldLock } from './lock';
import {
  assertChangesNoRows,
  cancelMarked,
  checked,
  MARK_ID_BYTES,
  markOf,
  rivalForms,
  untilMarkedEnds,
  untilTransactionFree,
} from './outlived';
import { preludeOf, setLocal } from './settings';
import { namedParameters, parametersOf, rowsOf } from './values';

export interface DataApiOptions extends DataApiTarget {
  /** Region, endpoint, credentials. `maxAttempts` is always 1: what may be repeated is decided here. */
  readonly clientConfig?: RDSDataClientConfig;
  /** How long a paused or unavailable cluster is waited for in each call. @default - 60,000 ms */
  readonly patienceMs?: number;
  /** How often the lock's transaction is used, so that the service (after 3 minutes) keeps it. @default - 20,000 ms */
  readonly keepAliveMs?: number;
}

/** @throws {ConnectionLost} `reason` is a SQLSTATE, a system error or the name of the service's exception */
export async function connectDataApi(options: DataApiOptions): Promise<Database> {
  const calls = new DataApiCalls(options, options.patienceMs ?? 60_000, options.clientConfig);
  try {
    return new DataApiDatabase(calls, await preludeOf(calls), options.keepAliveMs ?? 20_000);
  } catch (error) {
    calls.destroy();
    const cause = translate(error);
    if (cause instanceof SqlError) throw new ConnectionLost(cause.message, cause.sqlstate, { cause });
    throw cause;
  }
}

class DataApiDatabase implements Database {
  readonly capabilities: Capabilities = {
    transport: 'data-api',
    session: false,
    maxStatementLength: MAX_STATEMENT_LENGTH,
  };
  private readonly id = randomBytes(MARK_ID_BYTES).toString('hex');
  private readonly locks = new Map<bigint, HeldLock>();
  private closed = false;

  constructor(
    private readonly calls: DataApiCalls,
    private readonly prelude: readonly string[],
    private readonly keepAliveMs: number,
  ) {}

  async query<R extends Row = Row>(
    sql: string,
    params: readonly Value[] = [],
    settings?: Readonly<Record<string, string>>,
  ): Promise<readonly R[]> {
    this.assertUsable();
    let transactionId: string | undefined;
    try {
      const parameters = parametersOf(params);
      const call =
        params.length > 0 ? { sql: namedParameters(checked(sql)), parameters } : { sql: checked(sql) };
      if (!settings) return rowsOf<R>(await this.calls.execute(call));
      transactionId = await this.calls.begin();
      for (const set of setLocal(settings)) await this.calls.execute({ sql: set, transactionId });
      const rows = rowsOf<R>(await this.calls.execute({ ...call, transactionId }));
      await this.calls.commit(transactionId);
      return rows;
    } catch (error) {
      if (transactionId) await this.calls.rollback(transactionId).catch(() => {});
      throw toOurs(error);
    }
  }

  async execute(
    transactions: readonly Transaction[],
    options: ExecuteOptions = {},
  ): Promise<readonly (readonly number[])[]> {
    const affected: (readonly number[])[] = [];
    for (const [index, transaction] of transactions.entries()) {
      await this.ensureLocksHeld();
      affected.push(await this.runTransaction(transaction, index, options.deadline));
    }
    return affected;
  }

  private async runTransaction(
    { settings = {}, statements }: Transaction,
    transaction: number,
    deadline: number | undefined,
  ): Promise<number[]> {
    const affected: number[] = [];
    let statement = 0;
    let transactionId: string | undefined;
    try {
      transactionId = await this.calls.begin();
      for (const sql of [...this.prelude, ...setLocal(settings)])
        await this.calls.execute({ sql, transactionId });
      for (; statement < statements.length; statement++) {
        affected.push(await this.runInTransaction(checked(statements[statement]!), transactionId, deadline));
      }
      await this.calls.commit(transactionId);
      return affected;
    } catch (error) {
      // The service has ended it already if a statement failed.
      if (transactionId) await this.calls.rollback(transactionId).catch(() => {});
      const ours = toOurs(error, this.mark.length);
      if (!(ours instanceof SqlError)) throw ours;
      // A deferred constraint fails at the commit. It belongs to the last statement.
      const last = Math.max(0, statements.length - 1);
      throw Object.assign(ours, { transaction, statement: Math.min(statement, last) });
    }
  }

  /** Rows affected. A statement that outlives its call is waited for; its transaction is busy until it ends. */
  private async runInTransaction(
    sql: string,
    transactionId: string,
    deadline: number | undefined,
  ): Promise<number> {
    const call = this.calls.execute({ sql: this.mark + sql, transactionId, continueAfterTimeout: true });
    try {
      const answer = await before(deadline, call);
      return answer.records?.length || answer.numberOfRecordsUpdated || 0;
    } catch (error) {
      if (error instanceof StillRunning) await cancelMarked(this, this.mark, call);
      if (!isTimeout(error)) throw error;
    }
    if (!(await untilTransactionFree(this.calls, transactionId, deadline))) {
      await cancelMarked(this, this.mark, call);
      throw new StillRunning('the time budget is spent');
    }
    // It succeeded, or its transaction would be gone; but the answer that never came had the number of rows.
    assertChangesNoRows(sql);
    return 0;
  }

  async executeOutside(
    sql: string,
    _settings: Readonly<Record<string, string>>,
    options: OutsideOptions = {},
  ): Promise<void> {
    await this.ensureLocksHeld();
    try {
      const call = this.calls.execute({ sql: this.mark + checked(sql), continueAfterTimeout: true });
      await before(options.deadline, call);
    } catch (error) {
      if (!isTimeout(error)) {
        const ours = toOurs(error, this.mark.length);
        throw ours instanceof SqlError ? Object.assign(ours, { statement: 0 }) : ours;
      }
      await untilMarkedEnds(this, this.mark, options.deadline);
      throw new ConnectionLost(
        'the statement took longer than the 45 seconds that the Data API waits; it has ended since, how is not known',
        '08007',
        { cause: error },
      );
    }
    if (options.after === undefined) return;
    try {
      await this.runTransaction({ statements: options.after }, 0, undefined);
    } catch (error) {
      if (error instanceof SqlError) error.statement = 1 + (error.statement ?? 0);
      throw error;
    }
  }

  async tryLock(key: bigint, shared?: bigint): Promise<boolean> {
    this.assertUsable();
    if (this.locks.has(key)) return true;
    let lock: HeldLock | null;
    try {
      lock = await HeldLock.take(this.calls, { key, shared }, this.keepAliveMs);
    } catch (error) {
      throw toOurs(error);
    }
    if (!lock) return false;
    this.locks.set(key, lock);
    // The holder before us may have died and left a statement that still runs: its lock went, its work did not.
    const leftOver = await this.query(markedQuery(...rivalForms(key, shared)));
    if (leftOver.length === 0) return true;
    await this.unlock(key);
    return false;
  }

  async unlock(key: bigint): Promise<void> {
    const lock = this.locks.get(key);
    this.locks.delete(key);
    await lock?.release().catch((error: unknown) => {
      if (!transactionEnded(error)) throw translate(error);
    });
  }

  async lockHolder(key: bigint, shared?: bigint): Promise<LockedBy | null> {
    const atWork = lockedBy(await this.query(markedQuery(...rivalForms(key, shared))));
    return atWork ?? lockedBy(await this.query(lockHolderQuery(key, shared)));
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    const released = Promise.allSettled([...this.locks.values()].map((lock) => lock.release()));
    this.locks.clear();
    await Promise.race([released, sleep(5_000, undefined, { ref: false })]);
    this.calls.destroy();
  }

  private assertUsable(): void {
    if (this.closed) throw new ConnectionLost('the connection is closed');
    for (const lock of this.locks.values()) lock.assertHeld();
  }

  private async ensureLocksHeld(): Promise<void> {
    this.assertUsable();
    for (const lock of this.locks.values()) await lock.ensureHeld();
  }

  /** Begins every statement that changes something, so that it is found in pg_stat_activity whoever runs it. */
  private get mark(): string {
    const [lock] = this.locks.values();
    return `${lock?.mark ?? markOf(0n)}${this.id}*/ `;
  }
}
