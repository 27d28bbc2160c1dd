/**
 * What the engine needs of a database, and no more. Two transports implement it, `pg` and the RDS Data API; both pass
 * test/postgres/contract.ts. Differences are declared in {@link Capabilities}, never guessed.
 */

export interface Capabilities {
  readonly transport: 'pg' | 'data-api';
  /** One session for all calls: settings and advisory locks outlive a statement. */
  readonly session: boolean;
  /** Longest statement in characters; null when there is no limit. */
  readonly maxStatementLength: number | null;
}

/** One transaction: its statements are sent in order and committed together. */
export interface Transaction {
  /** Server settings for this transaction alone, by name. @default - none */
  readonly settings?: Readonly<Record<string, string>>;
  readonly statements: readonly string[];
}

export type Value = string | number | boolean | null | readonly string[];
export type Row = Readonly<Record<string, unknown>>;

export interface LockedBy {
  readonly pid: number;
  readonly applicationName: string;
  /** `active`, `idle`, … as in pg_stat_activity. */
  readonly state: string;
  /** Milliseconds since the state changed. */
  readonly stateAgeMs: number;
  /** ISO time; with the pid it names one backend for ever. */
  readonly backendStart: string;
  /** First words of what it runs, e.g. `CREATE INDEX CONCURRENTLY`; never a whole query. */
  readonly command: string;
  /** From pg_stat_progress_create_index, e.g. `building index: scanning table, 41 %`; null when there is none. */
  readonly progress: string | null;
}

export interface ExecuteOptions {
  /**
   * Milliseconds since the epoch; at this moment the call throws {@link StillRunning} and leaves the server to go on. Of
   * several transactions the one under way is undone, and none after it begins.
   */
  readonly deadline?: number;
}

export interface OutsideOptions extends ExecuteOptions {
  /**
   * What follows at once, in one transaction. Where the transport has a session the server has it in its hands before
   * the statement begins: it follows also when the client has gone meanwhile.
   */
  readonly after?: readonly string[];
}

export interface Database {
  readonly capabilities: Capabilities;

  /**
   * One statement with `$1` parameters.
   * @param settings for this statement alone; it then has a transaction of its own. @default - none
   * @throws {SqlError}
   */
  query<R extends Row = Row>(
    sql: string,
    params?: readonly Value[],
    settings?: Readonly<Record<string, string>>,
  ): Promise<readonly R[]>;

  /**
   * One statement whose rows are handed over as they come: nobody holds all of them at once.
   * @default - the transport has answers as a whole
   * @throws {SqlError}
   * @throws whatever `take` threw, once the statement has ended
   */
  queryEach?(sql: string, params: readonly Value[], take: (row: Row) => void): Promise<void>;

  /**
   * Runs transactions one after another; each is committed before the next begins, and after an error nothing later
   * runs. `pg` sends all of them as one message, so that no lock is held while a client thinks.
   * @returns rows affected by each statement, in order
   * @throws {SqlError} with `transaction` and `statement` set
   */
  execute(
    transactions: readonly Transaction[],
    options?: ExecuteOptions,
  ): Promise<readonly (readonly number[])[]>;

  /**
   * One statement outside a transaction block, under these settings where the transport has a session.
   * @throws {SqlError} with `statement` 0 for the statement itself, higher for what comes after it
   */
  executeOutside(
    sql: string,
    settings: Readonly<Record<string, string>>,
    options?: OutsideOptions,
  ): Promise<void>;

  /**
   * The lock between runners; never waits. The answer is false when somebody else holds it.
   * @param shared held beside it, together with others; whoever holds this one alone keeps all of them out. @default - none
   */
  tryLock(key: bigint, shared?: bigint): Promise<boolean>;
  /** @param shared as it was taken */
  unlock(key: bigint, shared?: bigint): Promise<void>;
  /** Who is in the way: holds `key`, or `shared` alone; null when nobody is any more. The one that is idle for longest first. */
  lockHolder(key: bigint, shared?: bigint): Promise<LockedBy | null>;

  /** Ends the connection; never throws, may be called twice. */
  close(): Promise<void>;
}

/** The server refused a statement. `message` is the server's own: pass it through `safeServerMessage` before showing it. */
export class SqlError extends Error {
  override readonly name = 'SqlError';
  /** Index of the transaction in the call, from 0. */
  transaction?: number;
  /** Index of the statement in the transaction, from 0. */
  statement?: number;
  constructor(
    message: string,
    readonly sqlstate: string,
    /** Offset in characters in the failing statement, from 0, where the server gives one. */
    readonly position?: number,
    /** The function in the server's source that reported it; the Data API does not hand it on. */
    readonly routine?: string,
  ) {
    super(message);
  }
}

/** {@link ConnectionLost.reason}: what answers is not the session that was opened. */
export const SHARED_SESSION = 'SHARED_SESSION';

/** The connection is gone, or never came about. Whether the last statement ran is not known. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
  constructor(
    message: string,
    /** SQLSTATE or system error (`ECONNREFUSED`), where known. */
    readonly reason?: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The deadline came first; the server goes on with the statement, and this connection is given up. */
export class StillRunning extends Error {
  override readonly name = 'StillRunning';
}
