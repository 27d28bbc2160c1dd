/** Logged errors that are looked up in the database, and the resulting diagnoses. */

/** The logged errors of one error pattern on one object. Contains no row data. */
export interface LoggedError {
  readonly signature: string;
  readonly sqlstate: string;
  /** The server's primary message, which names objects and never values. */
  readonly message: string;
  /** The log group in which it was found. */
  readonly logGroup: string;
  /** Empty if an application logged the error. */
  readonly database: string;
  readonly user: string;
  readonly table: string | null;
  readonly column: string | null;
  /** As the message names it, without its schema. @default - none is named */
  readonly constraint?: string | null;
  /** Literals are replaced by `?`; `null` if the server does not log statements. */
  readonly statement: string | null;
  readonly count: number;
  /** Number of later commands in the same transactions that the server rejected with 25P02. */
  readonly aborted: number;
  /** ISO times of the first and last error. */
  readonly first: string;
  readonly last: string;
}

/** An error that the pager sends to the query function to be diagnosed. */
export type DiagnosisRequest = Pick<
  LoggedError,
  'signature' | 'database' | 'user' | 'table' | 'column' | 'constraint' | 'message' | 'statement'
> & {
  /** ISO time of the last of these errors. @default - not known; nothing is reported about events after the errors */
  readonly last?: string;
};

/**
 * The verdict from the current catalog.
 * - `schema`: the schema lacks something that the statement needs
 * - `application`: the schema is as it should be, and the statement has to change
 * - `not-reproduced`: nothing in the catalog explains the error, because it was repaired or has another cause. The
 *   catalog stores no times, so it cannot tell which.
 */
export type DiagnosisVerdict = 'schema' | 'application' | 'not-reproduced';

export interface Repair {
  readonly words: string;
  /** Statements to run in this order, each with its semicolon; empty if no SQL repairs the error. */
  readonly sql: readonly string[];
  /** Whether a person must make a decision before any of the SQL is run; `words` says which. @default false */
  readonly decision?: boolean;
}

export interface Diagnosis {
  /** Id of the check; `null` if the catalog does not show which of the error pattern's checks applies. */
  readonly kind: string | null;
  /** The case within the check, e.g. `no-index`; `null` if it has only one. */
  readonly case: string | null;
  /** `null` if the catalog was not read, or does not explain the error. */
  readonly verdict: DiagnosisVerdict | null;
  /** The object concerned, with names as the server quotes them: `public.orders.id`, `public.orders (a, b)`. */
  readonly subject: string | null;
  /** Sentences about what the catalog shows. Empty if the database did not answer. */
  readonly cause: readonly string[];
  readonly repair: Repair;
  /** Migrations that affect the object, with their states; `null` if none were searched. */
  readonly migrations: readonly RepairingMigration[] | null;
  /** Sentences about what could not be checked, and why. */
  readonly notChecked: readonly string[];
  /** A query that returns no rows once the repair is done. @default - there is none */
  readonly check?: string | null;
  /** @default - none, or the ledger could not be read */
  readonly deployment?: LastDeployment | null;
}

/** The newest deployment in the ledger of the namespace that answered. Times are ISO times. */
export interface LastDeployment {
  /** `running`, `done` or `failed`. */
  readonly outcome: string;
  readonly startedAt: string;
  readonly finishedAt: string | null;
}

/** The effect of a migration on the object of a finding: `makes` is the repair, and `takes-away` causes the finding. */
export type ObjectChange = 'makes' | 'takes-away';

export interface RepairingMigration {
  readonly name: string;
  /** The migration's state as in the status, e.g. `pending`; `unknown` if the ledger could not be read. */
  readonly state: string;
  /** ISO time. @default - not applied, or not known */
  readonly appliedAt?: string | null;
  /** `takes-away` if it causes the finding. @default 'makes' */
  readonly does?: ObjectChange;
  /** Whether it was applied after the last of the errors. @default - one of the two times is not known */
  readonly afterErrors?: boolean;
  /** A later migration that removes what this one creates. @default - there is none */
  readonly undoneBy?: string;
}
