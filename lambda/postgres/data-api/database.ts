/**
 * The RDS Data API transport, which reaches Aurora without a VPC. There is no session: every call is one statement, and
 * may run on a different connection. docs/data-api.md explains the consequences.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecuteStatementResponse, RDSDataClientConfig } from '@aws-sdk/client-rds-data';
import {
  type Capabilities,
  ConnectionLostError,
  type Database,
  type ExecuteOptions,
  type LockHolder,
  makeReadOnlyError,
  type NonTransactionalOptions,
  type Queryable,
  type ReadOptions,
  type Row,
  SqlError,
  StillRunningError,
  type Transaction,
  type Value,
} from '../database';
import { withDeadline } from '../deadline';
import { buildLockHolderSql, buildMarkedBackendSql, parseLockHolder } from '../lock-holder';
import { type DataApiCall, DataApiCalls, type DataApiTarget } from './calls';
import { isStatementTimeout, isTransactionEnded, toDatabaseError, translateDataApiError } from './errors';
import { MAX_STATEMENT_LENGTH } from './limits';
import { TransactionLock } from './lock';
import { buildSetLocalSql, buildTransactionPrelude } from './settings';
import {
  assertChangesNoRows,
  assertStatementLength,
  buildLockMark,
  buildRivalPatterns,
  cancelMarkedStatement,
  MARK_ID_BYTES,
  parseStatementTimeout,
  readStatementTimeout,
  waitForMarkedStatement,
  waitForTransaction,
} from './surviving-statements';
import { parseRows, toNamedParameters, toSqlParameters } from './values';

export interface DataApiOptions extends DataApiTarget {
  /** Region, endpoint and credentials of the client. `maxAttempts` is always 1, because retries are decided here. */
  readonly clientConfig?: RDSDataClientConfig;
  /** How long each call waits for a paused or unavailable cluster, in milliseconds. @default - 60,000 ms */
  readonly patienceMs?: number;
  /**
   * How often the lock's transaction is used, in milliseconds. The service ends a transaction that is idle for 3
   * minutes. @default - 20,000 ms
   */
  readonly keepAliveMs?: number;
  /** Every transaction begins READ ONLY and is rolled back. @default false */
  readonly readOnly?: boolean;
}

/** Must come first, in the same call as the other settings of a query. */
const READ_ONLY_SETTINGS = { transaction_read_only: 'on' };

/**
 * Opens a connection. @throws {ConnectionLostError} whose `reason` is a SQLSTATE, a system error or the name of the
 * service's exception
 */
export async function connectDataApi(options: DataApiOptions): Promise<Database> {
  const calls = new DataApiCalls(options, options.patienceMs ?? 60_000, options.clientConfig);
  try {
    const { keepAliveMs = 20_000, readOnly = false } = options;
    return new DataApiDatabase(calls, await buildTransactionPrelude(calls), keepAliveMs, readOnly);
  } catch (error) {
    calls.destroy();
    const cause = translateDataApiError(error);
    if (cause instanceof SqlError) throw new ConnectionLostError(cause.message, cause.sqlstate, { cause });
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
  private readonly locks = new Map<bigint, TransactionLock>();
  private closed = false;

  constructor(
    private readonly calls: DataApiCalls,
    private readonly prelude: readonly string[],
    private readonly keepAliveMs: number,
    private readonly readOnly: boolean,
  ) {}

  async query<R extends Row = Row>(
    sql: string,
    params: readonly Value[] = [],
    settings?: Readonly<Record<string, string>>,
  ): Promise<readonly R[]> {
    return this.queryUnder<R>(this.readOnly ? { ...READ_ONLY_SETTINGS, ...settings } : settings, sql, params);
  }

  /** Runs a query, in a single call if there are no settings. */
  private async queryUnder<R extends Row>(
    settings: Readonly<Record<string, string>> | undefined,
    sql: string,
    params: readonly Value[] = [],
  ): Promise<readonly R[]> {
    this.assertUsable();
    let transactionId: string | undefined;
    try {
      const call = this.buildCall(sql, params);
      if (!settings) return parseRows<R>(await this.calls.execute(call));
      transactionId = await this.calls.begin();
      for (const set of buildSetLocalSql(settings)) await this.calls.execute({ sql: set, transactionId });
      const rows = parseRows<R>(await this.calls.execute({ ...call, transactionId }));
      if (this.readOnly) await this.calls.rollback(transactionId);
      else await this.calls.commit(transactionId);
      return rows;
    } catch (error) {
      if (transactionId) await this.calls.rollback(transactionId).catch(() => {});
      throw toDatabaseError(error);
    }
  }

  async inReadOnlyTransaction<T>(
    work: (reads: Queryable) => Promise<T>,
    { settings = {} }: ReadOptions = {},
  ): Promise<T> {
    this.assertUsable();
    let transactionId: string | undefined;
    let failure: Error | undefined;
    const run = async (sql: string, params: readonly Value[] = []): Promise<ExecuteStatementResponse> => {
      // An error ends the transaction. A later call would only report that the transaction no longer exists.
      if (failure) throw failure;
      const call = this.buildCall(sql, params);
      try {
        transactionId ??= await this.calls.begin();
        return await this.calls.execute({ ...call, transactionId });
      } catch (error) {
        failure = toDatabaseError(error);
        throw failure;
      }
    };
    try {
      for (const set of buildSetLocalSql({ ...READ_ONLY_SETTINGS, ...settings })) await run(set);
      return await work({
        capabilities: this.capabilities,
        query: async <R extends Row>(
          sql: string,
          params?: readonly Value[],
          given?: Readonly<Record<string, string>>,
        ) => {
          if (given) throw new Error('settings are given with the transaction');
          return parseRows<R>(await run(sql, params));
        },
      });
    } finally {
      if (transactionId) await this.calls.rollback(transactionId).catch(() => {});
    }
  }

  private buildCall(sql: string, params: readonly Value[]): DataApiCall {
    return params.length > 0
      ? { sql: toNamedParameters(assertStatementLength(sql)), parameters: toSqlParameters(params) }
      : { sql: assertStatementLength(sql) };
  }

  async setSearchPath(): Promise<void> {}

  async reset(): Promise<void> {}

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
    let limitMs = parseStatementTimeout(settings.statement_timeout);
    try {
      transactionId = await this.calls.begin();
      const first = this.readOnly ? ['SET TRANSACTION READ ONLY'] : [];
      for (const sql of [...first, ...this.prelude, ...buildSetLocalSql(settings)])
        await this.calls.execute({ sql, transactionId });
      for (; statement < statements.length; statement++) {
        const sql = assertStatementLength(statements[statement]!);
        affected.push(await this.runInTransaction(sql, transactionId, { deadline, limitMs }));
        limitMs = readStatementTimeout(sql) ?? limitMs;
      }
      if (this.readOnly) await this.calls.rollback(transactionId);
      else await this.calls.commit(transactionId);
      return affected;
    } catch (error) {
      // If a statement failed, the service has already ended the transaction.
      if (transactionId) await this.calls.rollback(transactionId).catch(() => {});
      const ours = toDatabaseError(error, this.mark.length);
      if (!(ours instanceof SqlError)) throw ours;
      // A deferred constraint fails at COMMIT. The error is assigned to the last statement.
      const last = Math.max(0, statements.length - 1);
      throw Object.assign(ours, { transaction, statement: Math.min(statement, last) });
    }
  }

  /**
   * Runs a statement and returns the number of affected rows. If it outlives its call, waits until it ends, as its
   * transaction is busy until then.
   */
  private async runInTransaction(
    sql: string,
    transactionId: string,
    {
      deadline,
      limitMs = 0,
    }: { readonly deadline: number | undefined; readonly limitMs: number | undefined },
  ): Promise<number> {
    const began = Date.now();
    const call = this.calls.execute({ sql: this.mark + sql, transactionId, continueAfterTimeout: true });
    try {
      const answer = await withDeadline(deadline, call);
      return answer.records?.length || answer.numberOfRecordsUpdated || 0;
    } catch (error) {
      if (error instanceof StillRunningError) await cancelMarkedStatement(this, this.mark, call);
      if (!isStatementTimeout(error)) throw error;
    }
    const accepts = await waitForTransaction(this.calls, transactionId, deadline).catch((error: unknown) => {
      // The statement's own error was in the lost response.
      if (isTransactionEnded(error) && limitMs > 0 && Date.now() - began >= limitMs)
        throw new SqlError(`canceling statement due to statement timeout (${limitMs} ms)`, '57014');
      throw error;
    });
    if (!accepts) {
      await cancelMarkedStatement(this, this.mark, call);
      throw new StillRunningError('the time budget ran out');
    }
    // The statement succeeded, as its transaction still exists. The number of rows was in the lost response.
    assertChangesNoRows(sql);
    return 0;
  }

  async executeOutside(
    sql: string,
    _settings: Readonly<Record<string, string>>,
    options: NonTransactionalOptions = {},
  ): Promise<void> {
    if (this.readOnly) throw makeReadOnlyError();
    await this.ensureLocksHeld();
    try {
      const call = this.calls.execute({
        sql: this.mark + assertStatementLength(sql),
        continueAfterTimeout: true,
      });
      await withDeadline(options.deadline, call);
    } catch (error) {
      if (!isStatementTimeout(error)) {
        const ours = toDatabaseError(error, this.mark.length);
        throw ours instanceof SqlError ? Object.assign(ours, { statement: 0 }) : ours;
      }
      await waitForMarkedStatement(this, this.mark, options.deadline);
      throw new ConnectionLostError(
        'the statement took longer than the 45 seconds that the Data API waits; it has ended since, but its outcome is not known',
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
    let lock: TransactionLock | null;
    try {
      lock = await TransactionLock.take(this.calls, { key, shared }, this.keepAliveMs);
    } catch (error) {
      throw toDatabaseError(error);
    }
    if (!lock) return false;
    this.locks.set(key, lock);
    // The previous holder may have died: its lock was released, but its last statement may still be running.
    const leftOver = await this.query(buildMarkedBackendSql(...buildRivalPatterns(key, shared)));
    if (leftOver.length === 0) return true;
    await this.unlock(key);
    return false;
  }

  async unlock(key: bigint): Promise<void> {
    const lock = this.locks.get(key);
    this.locks.delete(key);
    await lock?.release().catch((error: unknown) => {
      if (!isTransactionEnded(error)) throw translateDataApiError(error);
    });
  }

  async lockHolder(key: bigint, shared?: bigint): Promise<LockHolder | null> {
    const atWork = parseLockHolder(
      await this.query(buildMarkedBackendSql(...buildRivalPatterns(key, shared))),
    );
    return atWork ?? parseLockHolder(await this.query(buildLockHolderSql(key, shared)));
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
    if (this.closed) throw new ConnectionLostError('the connection is closed');
    for (const lock of this.locks.values()) lock.assertHeld();
  }

  private async ensureLocksHeld(): Promise<void> {
    this.assertUsable();
    for (const lock of this.locks.values()) await lock.ensureHeld();
  }

  /**
   * A prefix of every statement that changes something. It makes the statement findable in pg_stat_activity, whichever
   * runner sent it.
   */
  private get mark(): string {
    const [lock] = this.locks.values();
    return `${lock?.mark ?? buildLockMark(0n)}${this.id}*/ `;
  }
}
