/** The `pg` transport: one session, and one message per call. */
import type { EventEmitter } from 'node:events';
import { type Client, Query, type QueryArrayResult, type QueryResult } from 'pg';
import { quoteIdentifier, quoteLiteral } from '../sql/quote';
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
  SHARED_SESSION,
  SqlError,
  StillRunningError,
  type Transaction,
  type Value,
} from './database';
import { withDeadline } from './deadline';
import { buildLockHolderSql, parseLockHolder } from './lock-holder';
import { makeConnectionLostError, translatePgError } from './pg-errors';
import {
  buildSetLocalSql,
  joinTransactions,
  locateFailedStatement,
  type SimpleQueryMessage,
} from './pg-message';
import { Pipeline } from './pg-pipeline';

/** Returns the client's connection, which pg's types do not declare. */
export const getWire = (client: Client) =>
  (client as unknown as { connection: EventEmitter & { stream: { destroy(): void } } }).connection;

type Result = QueryResult<Row> | QueryArrayResult;

export class PgDatabase implements Database {
  readonly capabilities: Capabilities = { transport: 'pg', session: true, maxStatementLength: null };
  private closed = false;
  /** An object, so that instances derived from this one (Object.create) share it. */
  private readonly reads: {
    /** Settles when the current user of the connection is done with it, for example {@link inReadOnlyTransaction}. */
    end: Promise<unknown>;
    /** The search path of a read-only connection, whose transactions leave no setting behind. */
    searchPath: string | null;
  } = { end: Promise.resolve(), searchPath: null };

  constructor(
    private readonly client: Client,
    /** Identifies the session that was opened, to detect that another one responds. */
    private readonly session: { readonly nonce: string; readonly pid: number },
    private readonly broken: () => Error | undefined,
    /** Settings of every transaction that may write. */
    private readonly always: Readonly<Record<string, string>>,
    /** Cancels the session's current statement over another connection. Never throws. */
    private readonly cancel: () => Promise<void>,
    /** The settings of each transaction of a read-only connection. Null if the connection can write. */
    private readonly readOnly: Readonly<Record<string, string>> | null = null,
  ) {}

  async query<R extends Row = Row>(
    sql: string,
    params?: readonly Value[],
    settings?: Readonly<Record<string, string>>,
  ): Promise<readonly R[]> {
    if (!settings && this.readOnly === null) return this.inTurn(() => this.queryPlainly<R>(sql, params));
    if (params === undefined || params.length === 0) {
      // One message, and so one round trip instead of three.
      const message = this.buildMessage([{ settings: settings ?? {}, statements: [sql] }], {});
      const results = await this.inTurn(() => this.sendMessage(message));
      return (results[message.parts[0]!.first + 1] as QueryResult<R>).rows;
    }
    if (this.readOnly !== null)
      return this.inReadOnlyTransaction(
        (reads) => reads.query<R>(sql, params),
        settings === undefined ? {} : { settings },
      );
    return this.inTurn(async () => {
      try {
        await this.send(() => this.client.query(`BEGIN;${buildSetLocalSql(settings!).join(';')}`));
        return await this.queryPlainly<R>(sql, params);
      } finally {
        // After an error, COMMIT ends the transaction too.
        if (!this.broken() && !this.closed) await this.send(() => this.client.query('COMMIT'));
      }
    });
  }

  private async queryPlainly<R extends Row>(sql: string, params?: readonly Value[]): Promise<readonly R[]> {
    const result = await this.send(() => this.client.query(sql, params && [...params]));
    return (result as QueryResult<R>).rows;
  }

  async queryEach(sql: string, params: readonly Value[], take: (row: Row) => void): Promise<void> {
    if (this.readOnly === null) await this.inTurn(() => this.queryEachPlainly(sql, params, take));
    else await this.inReadOnlyTransaction((reads) => reads.queryEach!(sql, params, take));
  }

  private async queryEachPlainly(
    sql: string,
    params: readonly Value[],
    take: (row: Row) => void,
  ): Promise<void> {
    let failed: { readonly error: unknown } | undefined;
    await this.send(
      () =>
        new Promise<void>((done, refused) => {
          const query = this.client.query(new Query<Row>(sql, [...params]));
          query.on('row', (row) => {
            try {
              if (!failed) take(row);
            } catch (error) {
              failed = { error };
            }
          });
          query.on('end', () => done());
          query.on('error', refused);
        }),
    );
    if (failed) throw failed.error;
  }

  async inReadOnlyTransaction<T>(
    work: (reads: Queryable) => Promise<T>,
    { settings = {}, snapshot = false }: ReadOptions = {},
  ): Promise<T> {
    const begin = `BEGIN ${snapshot ? 'ISOLATION LEVEL REPEATABLE READ ' : ''}READ ONLY`;
    const reads: Queryable = {
      capabilities: this.capabilities,
      query: (sql, params, given) => {
        // These settings would stay in effect for later queries of the transaction.
        if (given) throw new Error('settings are given with the transaction');
        return this.queryPlainly(sql, params);
      },
      queryEach: (sql, params, take) => this.queryEachPlainly(sql, params, take),
    };
    return this.inTurn(async () => {
      try {
        await this.send(() =>
          this.client.query(
            [begin, ...buildSetLocalSql({ ...this.settingsOfReads(), ...settings })].join(';'),
          ),
        );
        return await work(reads);
      } finally {
        // If the connection is lost, the original error is already being thrown.
        if (!this.broken() && !this.closed)
          await this.send(() => this.client.query('ROLLBACK')).catch(() => {});
      }
    });
  }

  /** Queues concurrent calls. Each has the connection to itself until it ends. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.reads.end.then(work);
    this.reads.end = result.catch(() => {});
    return result;
  }

  private settingsOfReads(): Readonly<Record<string, string>> {
    return {
      ...this.readOnly,
      ...(this.readOnly === null || this.reads.searchPath === null
        ? {}
        : { search_path: this.reads.searchPath }),
    };
  }

  private buildMessage(
    transactions: readonly Transaction[],
    always: Readonly<Record<string, string>>,
  ): SimpleQueryMessage {
    return this.readOnly === null
      ? joinTransactions(transactions, always)
      : joinTransactions(transactions, this.settingsOfReads(), true);
  }

  async setSearchPath(path: string | null): Promise<void> {
    if (this.readOnly !== null) this.reads.searchPath = path;
    else if (path === null) await this.query('RESET search_path');
    else await this.query("SELECT pg_catalog.set_config('search_path', $1, false)", [path]);
  }

  async reset(): Promise<void> {
    this.reads.searchPath = null;
    await this.inTurn(() => this.queryPlainly('DISCARD ALL'));
  }

  async execute(
    transactions: readonly Transaction[],
    options: ExecuteOptions = {},
  ): Promise<readonly (readonly number[])[]> {
    const message = this.buildMessage(transactions, this.always);
    const results = await this.inTurn(() => this.sendMessage(message, options.deadline));
    const rows = results.map((result) => result.rowCount ?? 0);
    return message.parts.map(({ first, statements }) => rows.slice(first + 1, first + 1 + statements.length));
  }

  /** @throws {SqlError} with the transaction and statement that failed */
  private async sendMessage(message: SimpleQueryMessage, deadline?: number): Promise<readonly Result[]> {
    let completed = 0;
    const count = (): void => {
      completed++;
    };
    const wire = getWire(this.client);
    wire.on('commandComplete', count);
    try {
      return (await this.send(() => this.client.query(message.text), deadline)) as unknown as Result[];
    } catch (error) {
      // A message with only one transaction may continue to run on the server. Of several transactions, those that have not begun must not start.
      if (error instanceof StillRunningError && message.parts.length > 1) await this.cancel();
      if (!(error instanceof SqlError)) throw error;
      const located = locateFailedStatement(error, message, completed);
      // The failed message leaves an aborted transaction open.
      await this.send(() => this.client.query('ROLLBACK'));
      throw located;
    } finally {
      wire.off('commandComplete', count);
    }
  }

  async executeOutside(
    sql: string,
    settings: Readonly<Record<string, string>>,
    options: NonTransactionalOptions = {},
  ): Promise<void> {
    if (this.readOnly !== null) throw makeReadOnlyError();
    await this.inTurn(() => this.runOutside(sql, settings, options));
  }

  private async runOutside(
    sql: string,
    settings: Readonly<Record<string, string>>,
    options: NonTransactionalOptions,
  ): Promise<void> {
    const given = { ...this.always, ...settings };
    const names = Object.keys(given);
    const each = (line: (name: string) => string): string => names.map(line).join(';');
    if (names.length > 0) {
      await this.send(() =>
        this.client.query(each((name) => `SET ${quoteIdentifier(name)} = ${quoteLiteral(given[name]!)}`)),
      );
    }
    const pipeline = new Pipeline([sql, ...(options.after ?? [])]);
    try {
      await this.send(() => pipeline.run(this.client), options.deadline);
    } catch (error) {
      if (error instanceof SqlError) error.statement = pipeline.done;
      throw error;
    } finally {
      if (names.length > 0 && !this.broken() && !this.closed) {
        await this.send(() => this.client.query(each((name) => `RESET ${quoteIdentifier(name)}`))).catch(
          () => {},
        );
      }
    }
  }

  /**
   * Tries to take the lock, which belongs to a session. A pooler that shares sessions is detected, because its sessions
   * lack the setting that this connection sent at startup. The pid alone would not show it, since it also differs with
   * a pooler that keeps whole sessions. Nor would a setting made with SET, which is still found as long as no other
   * client uses the session.
   */
  async tryLock(key: bigint, shared?: bigint): Promise<boolean> {
    const own = 'pg_catalog.pg_try_advisory_lock($1::bigint)';
    // Takes both locks or neither: CASE evaluates in this order, and the first is released if the second is refused.
    const both = `CASE WHEN NOT pg_catalog.pg_try_advisory_lock_shared($4::bigint) THEN false
    WHEN ${own} THEN true ELSE NOT pg_catalog.pg_advisory_unlock_shared($4::bigint) END`;
    const rows = await this.query(
      `SELECT CASE WHEN pg_catalog.current_setting('trueup.nonce', true) OPERATOR(pg_catalog.=) $2::pg_catalog.text
  OR pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.=) $3::int
  THEN ${shared === undefined ? own : both} END AS locked`,
      [String(key), this.session.nonce, this.session.pid, ...(shared === undefined ? [] : [String(shared)])],
    );
    const { locked } = rows[0]!;
    if (locked !== null) return locked === true;
    throw new ConnectionLostError('a pooler shares the session with others', SHARED_SESSION);
  }

  async unlock(key: bigint, shared?: bigint): Promise<void> {
    const own = 'SELECT pg_catalog.pg_advisory_unlock($1::bigint)';
    if (shared === undefined) await this.query(own, [String(key)]);
    else
      await this.query(`${own}, pg_catalog.pg_advisory_unlock_shared($2::bigint)`, [
        String(key),
        String(shared),
      ]);
  }

  async lockHolder(key: bigint, shared?: bigint): Promise<LockHolder | null> {
    return parseLockHolder(await this.query(buildLockHolderSql(key, shared)));
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.client.end().catch(() => {});
  }

  /** Sends one message. At the deadline the socket is closed while the server continues. */
  private async send<T>(call: () => Promise<T>, deadline?: number): Promise<T> {
    const broken = this.broken();
    if (broken || this.closed) throw makeConnectionLostError(broken ?? new Error('the connection is closed'));
    try {
      return await withDeadline(deadline, call());
    } catch (error) {
      if (!(error instanceof StillRunningError)) throw translatePgError(error);
      this.closed = true;
      getWire(this.client).stream.destroy();
      throw error;
    }
  }
}
