/** The `pg` transport: one session, one message a call. */
import type { EventEmitter } from 'node:events';
import { type Client, Query, type QueryArrayResult, type QueryResult } from 'pg';
import { quoteIdentifier, quoteLiteral } from '../sql/quote';
import {
  type Capabilities,
  ConnectionLost,
  type Database,
  type ExecuteOptions,
  type LockedBy,
  type OutsideOptions,
  type Row,
  SHARED_SESSION,
  SqlError,
  StillRunning,
  type Transaction,
  type Value,
} from './database';
import { before } from './deadline';
import { lockedBy, lockHolderQuery } from './lock-holder';
import { lost, translate } from './pg-errors';
import { joinTransactions, locate, type Message, setLocal } from './pg-message';
import { Pipeline } from './pg-pipeline';

/** The connection below a client, which pg's types do not know. */
export const wireOf = (client: Client) =>
  (client as unknown as { connection: EventEmitter & { stream: { destroy(): void } } }).connection;

type Result = QueryResult<Row> | QueryArrayResult;

export class PgDatabase implements Database {
  readonly capabilities: Capabilities = { transport: 'pg', session: true, maxStatementLength: null };
  private closed = false;

  constructor(
    private readonly client: Client,
    /** By these the server that answers is known as the one that the connection was made to. */
    private readonly session: { readonly nonce: string; readonly pid: number },
    private readonly broken: () => Error | undefined,
    /** In force for whatever changes something. */
    private readonly always: Readonly<Record<string, string>>,
    /** Ends what the session is at, over another connection. Never throws. */
    private readonly cancel: () => Promise<void>,
  ) {}

  async query<R extends Row = Row>(
    sql: string,
    params?: readonly Value[],
    settings?: Readonly<Record<string, string>>,
  ): Promise<readonly R[]> {
    if (settings) return this.queryUnder<R>(settings, sql, params);
    const result = await this.send(() => this.client.query(sql, params && [...params]));
    return (result as QueryResult<R>).rows;
  }

  async queryEach(sql: string, params: readonly Value[], take: (row: Row) => void): Promise<void> {
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

  private async queryUnder<R extends Row>(
    settings: Readonly<Record<string, string>>,
    sql: string,
    params?: readonly Value[],
  ): Promise<readonly R[]> {
    if (params === undefined || params.length === 0) {
      // One message, so one round trip instead of three.
      const message = joinTransactions([{ settings, statements: [sql] }]);
      const results = await this.sendMessage(message);
      return (results[message.parts[0]!.first + 1] as QueryResult<R>).rows;
    }
    try {
      await this.send(() => this.client.query(`BEGIN;${setLocal(settings).join(';')}`));
      return await this.query<R>(sql, params);
    } finally {
      // After an error COMMIT ends the transaction as well.
      if (!this.broken() && !this.closed) await this.send(() => this.client.query('COMMIT'));
    }
  }

  async execute(
    transactions: readonly Transaction[],
    options: ExecuteOptions = {},
  ): Promise<readonly (readonly number[])[]> {
    const message = joinTransactions(transactions, this.always);
    const results = await this.sendMessage(message, options.deadline);
    const rows = results.map((result) => result.rowCount ?? 0);
    return message.parts.map(({ first, statements }) => rows.slice(first + 1, first + 1 + statements.length));
  }

  /** @throws {SqlError} located in the message */
  private async sendMessage(message: Message, deadline?: number): Promise<readonly Result[]> {
    let completed = 0;
    const count = (): void => {
      completed++;
    };
    const wire = wireOf(this.client);
    wire.on('commandComplete', count);
    try {
      return (await this.send(() => this.client.query(message.text), deadline)) as unknown as Result[];
    } catch (error) {
      // One transaction goes on in the server. Of several, those that have not begun yet never shall.
      if (error instanceof StillRunning && message.parts.length > 1) await this.cancel();
      if (!(error instanceof SqlError)) throw error;
      const located = locate(error, message, completed);
      // The failed message leaves its transaction open and aborted.
      await this.send(() => this.client.query('ROLLBACK'));
      throw located;
    } finally {
      wire.off('commandComplete', count);
    }
  }

  async executeOutside(
    sql: string,
    settings: Readonly<Record<string, string>>,
    options: OutsideOptions = {},
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
   * The lock is a session's. A pooler that shares sessions gives away that it does: none of those that it keeps has the
   * setting that came with this connection. The pid is that of another one there, but so it is where whole sessions are
   * pooled; and a setting made by SET is found again as long as nobody else asks.
   */
  async tryLock(key: bigint, shared?: bigint): Promise<boolean> {
    const own = 'pg_catalog.pg_try_advisory_lock($1::bigint)';
    // Both or none: CASE goes on in this order, and what was had of the first is given back with the second refused.
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
    throw new ConnectionLost('a pooler shares the session with others', SHARED_SESSION);
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

  async lockHolder(key: bigint, shared?: bigint): Promise<LockedBy | null> {
    return lockedBy(await this.query(lockHolderQuery(key, shared)));
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.client.end().catch(() => {});
  }

  /** Sends one message; at the deadline the socket is cut and the server left to go on. */
  private async send<T>(call: () => Promise<T>, deadline?: number): Promise<T> {
    const broken = this.broken();
    if (broken || this.closed) throw lost(broken ?? new Error('the connection is closed'));
    try {
      return await before(deadline, call());
    } catch (error) {
      if (!(error instanceof StillRunning)) throw translate(error);
      this.closed = true;
      wireOf(this.client).stream.destroy();
      throw error;
    }
  }
}
