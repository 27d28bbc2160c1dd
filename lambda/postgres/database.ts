/**
 * The interface to a database, limited to what the engine needs. Two transports implement it, `pg` and the RDS Data
 * API, and both pass test/postgres/contract.ts. Their differences are declared in {@link Capabilities}.
 */

export interface Capabilities {
  readonly transport: 'pg' | 'data-api';
  /** Whether all calls share one session, so that settings and advisory locks outlive a statement. */
  readonly session: boolean;
  /** Maximum length of a statement in characters, or null if there is no limit. */
  readonly maxStatementLength: number | null;
}

/** One transaction. Its statements are sent in order and committed together. */
export interface Transaction {
  /** Server settings for this transaction only, by name. @default - none */
  readonly settings?: Readonly<Record<string, string>>;
  readonly statements: readonly string[];
}

/** Queries of a database, or of one of its transactions, which takes no settings for a single query. */
export type Queryable = Pick<Database, 'capabilities' | 'query' | 'queryEach'>;

export interface ReadOptions {
  /** Server settings for this transaction only, by name. @default - none */
  readonly settings?: Readonly<Record<string, string>>;
  /** Whether all queries see the database as it was at the first one. @default false */
  readonly snapshot?: boolean;
}

export type Value = string | number | boolean | null | readonly string[];
export type Row = Readonly<Record<string, unknown>>;

export interface LockHolder {
  readonly pid: number;
  /** The role that logged in. Empty if the server does not reveal it. */
  readonly user: string;
  /** Whether this session may terminate that one. */
  readonly mayEnd: boolean;
  readonly applicationName: string;
  /** The state in pg_stat_activity: `active`, `idle`, …. */
  readonly state: string;
  /** Milliseconds since the state changed. */
  readonly stateAgeMs: number;
  /** Start time in ISO format. Together with the pid it uniquely identifies a backend. */
  readonly backendStart: string;
  /** The first keywords of its statement, e.g. `CREATE INDEX CONCURRENTLY`, but never the whole query. */
  readonly command: string;
  /**
   * Progress according to pg_stat_progress_create_index, e.g. `building index: scanning table, 41 %`. Null if there is
   * none.
   */
  readonly progress: string | null;
}

export interface ExecuteOptions {
  /**
   * Time in milliseconds since the epoch at which the call throws {@link StillRunningError} while the server continues. Of
   * several transactions, the current one is rolled back and the later ones do not start.
   */
  readonly deadline?: number;
}

export interface NonTransactionalOptions extends ExecuteOptions {
  /**
   * Statements that run immediately afterwards in one transaction. If the transport has a session, the server receives
   * them before the statement begins, so they run even if the client disconnects in the meantime.
   */
  readonly after?: readonly string[];
}

/** Facts about the login role that the code that opened the connection knows. */
export interface LoginFacts {
  /** The role that migrations run as by default, or null for the login itself. */
  readonly ownerRole: string | null;
  /** Warnings to report after a successful deployment. */
  readonly warnings: readonly string[];
}

export interface Database {
  readonly capabilities: Capabilities;
  /** Facts about the login role. @default - only what the server reports */
  readonly login?: LoginFacts;

  /**
   * Runs one statement with `$1` parameters.
   * @param settings settings for this statement only, which then runs in its own transaction. @default - none
   * @throws {SqlError}
   */
  query<R extends Row = Row>(
    sql: string,
    params?: readonly Value[],
    settings?: Readonly<Record<string, string>>,
  ): Promise<readonly R[]>;

  /**
   * Runs one statement and passes its rows on as they arrive, so that they are never all in memory.
   * @default - the transport only returns complete results
   * @throws {SqlError}
   * @throws whatever `take` threw, after the statement has ended
   */
  queryEach?(sql: string, params: readonly Value[], take: (row: Row) => void): Promise<void>;

  /**
   * Reads in one transaction that cannot write and is rolled back. With a session, queries that are not the transaction's wait for its
   * end.
   * @throws whatever `work` throws
   */
  inReadOnlyTransaction<T>(work: (reads: Queryable) => Promise<T>, options?: ReadOptions): Promise<T>;

  /**
   * Sets the search path for subsequent statements; null restores the login's default. Does nothing without a session,
   * where settings are passed with each transaction.
   */
  setSearchPath(path: string | null): Promise<void>;

  /** Resets the session to its initial state, without advisory locks, prepared statements or settings. */
  reset(): Promise<void>;

  /**
   * Runs transactions one after another. Each one commits before the next begins, and after an error no later one runs.
   * `pg` sends all of them as one message, so that no lock is held during a client round trip.
   * @returns the number of rows affected by each statement, in order
   * @throws {SqlError} with `transaction` and `statement` set
   */
  execute(
    transactions: readonly Transaction[],
    options?: ExecuteOptions,
  ): Promise<readonly (readonly number[])[]>;

  /**
   * Runs one non-transactional statement, with the given settings if the transport has a session.
   * @throws {SqlError} with `statement` 0 for the statement itself, and higher numbers for `after`
   */
  executeOutside(
    sql: string,
    settings: Readonly<Record<string, string>>,
    options?: NonTransactionalOptions,
  ): Promise<void>;

  /**
   * Tries to take the runners' advisory lock, without waiting. Returns false if another session holds it.
   * @param shared a second lock, taken in shared mode together with other runners. A session that takes only this lock,
   * exclusively, keeps all of them out. @default - none
   */
  tryLock(key: bigint, shared?: bigint): Promise<boolean>;
  /** Releases the lock. @param shared the shared lock that was taken with it */
  unlock(key: bigint, shared?: bigint): Promise<void>;
  /**
   * Returns a session that holds `key`, or holds `shared` exclusively, or null if there is none. Of several, it is the
   * one that has been idle longest.
   */
  lockHolder(key: bigint, shared?: bigint): Promise<LockHolder | null>;

  /** Closes the connection. Never throws, and may be called twice. */
  close(): Promise<void>;
}

/**
 * An error of the server for a statement. `message` is the server's own text: pass it through `safeServerMessage`
 * before showing it.
 */
export class SqlError extends Error {
  override readonly name = 'SqlError';
  /** Zero-based index of the transaction in the call. */
  transaction?: number;
  /** Zero-based index of the statement in the transaction. */
  statement?: number;
  constructor(
    message: string,
    readonly sqlstate: string,
    /** Zero-based offset in the failing statement, in characters, if the server reports one. */
    readonly position?: number,
    /** The function in the server's source that reported the error. The Data API does not provide it. */
    readonly routine?: string,
  ) {
    super(message);
  }
}

/** Builds the error for a non-transactional statement on a read-only connection, worded like the server's own errors. */
export const makeReadOnlyError = (): SqlError =>
  new SqlError('cannot execute a non-transactional statement in a read-only session', '25006');

/** Value of {@link ConnectionLostError.reason} if the responding session is not the one that was opened. */
export const SHARED_SESSION = 'SHARED_SESSION';

/** The connection was lost or could not be opened. Whether the last statement ran is unknown. */
export class ConnectionLostError extends Error {
  override readonly name = 'ConnectionLostError';
  constructor(
    message: string,
    /** SQLSTATE or system error (`ECONNREFUSED`), if known. */
    readonly reason?: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The deadline passed first. The server continues with the statement, and this connection is abandoned. */
export class StillRunningError extends Error {
  override readonly name = 'StillRunningError';
}
