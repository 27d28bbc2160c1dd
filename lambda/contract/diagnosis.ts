/** What is asked of the database about logged errors, and what it answers. */

/** Errors of one signature on one object, out of the log. No row data. */
export interface LoggedError {
  readonly signature: string;
  readonly sqlstate: string;
  /** The server's primary message: it names objects, never values. */
  readonly message: string;
  /** Where it was found. */
  readonly logGroup: string;
  /** Empty when an application logged it. */
  readonly database: string;
  readonly user: string;
  readonly table: string | null;
  readonly column: string | null;
  /** As the message names it, without its schema. @default - it names none */
  readonly constraint?: string | null;
  /** Literals replaced by `?`; null when the server does not log statements. */
  readonly statement: string | null;
  readonly count: number;
  /** Later commands of the same transactions that were refused with 25P02. */
  readonly aborted: number;
  /** ISO times. */
  readonly first: string;
  readonly last: string;
}

/** What the pager asks `migrate` to look up. */
export type DiagnosisQuestion = Pick<
  LoggedError,
  'signature' | 'database' | 'user' | 'table' | 'column' | 'constraint' | 'message' | 'statement'
> & {
  /** ISO time of the last of these errors. @default - not known: nothing is said of what came after it */
  readonly last?: string;
};

/**
 * What the catalogue, as it is now, says of the error.
 * - `schema`: the schema is not what the statement needs
 * - `application`: the schema is as it should be, and the statement has to change
 * - `not-reproduced`: nothing in the catalogue explains the error: it was repaired, or it came from elsewhere. Which of
 *   them, the catalogue cannot tell, since it keeps no times.
 */
export type Verdict = 'schema' | 'application' | 'not-reproduced';

export interface Repair {
  readonly words: string;
  /** Statements to run in this order, each with its semicolon; empty where no SQL repairs it. */
  readonly sql: readonly string[];
  /** A person has to decide something before any of the SQL is run; the words say what. @default - false */
  readonly decision?: boolean;
}

export interface Diagnosis {
  /** Id of the kind; null where the catalogue does not tell which of the signature's kinds it is. */
  readonly kind: string | null;
  /** Which of a kind's cases, e.g. `no-index`; null where it has only one. */
  readonly case: string | null;
  /** Null where the catalogue was not asked, or has nothing to say. */
  readonly verdict: Verdict | null;
  /** What it is about, names as the server quotes them: `public.orders.id`, `public.orders (a, b)`. */
  readonly subject: string | null;
  /** What the catalogue says, sentences. Empty when the database did not answer. */
  readonly cause: readonly string[];
  readonly repair: Repair;
  /** Migrations that are about it, and how they stand; null where none were looked through. */
  readonly migrations: readonly RepairingMigration[] | null;
  /** What could not be looked up, and why. */
  readonly unseen: readonly string[];
  /** A query that returns no row once the repair is done. @default - there is none */
  readonly check?: string | null;
  /** @default - none, or the ledger could not be read */
  readonly deployment?: LastDeployment | null;
}

/** The newest in the ledger of the namespace that answered. Times are ISO. */
export interface LastDeployment {
  /** `running`, `done` or `failed`. */
  readonly outcome: string;
  readonly startedAt: string;
  readonly finishedAt: string | null;
}

/** What a migration does to the object of a defect: the repair, or the defect. */
export type Doing = 'makes' | 'takes-away';

export interface RepairingMigration {
  readonly name: string;
  /** A migration's state as in the status, e.g. `pending`; `unknown` where the ledger could not be read. */
  readonly state: string;
  /** ISO time. @default - not applied, or not known */
  readonly appliedAt?: string | null;
  /** `takes-away`: it is what makes the defect. @default 'makes' */
  readonly does?: Doing;
  /** Whether it was applied after the last of the errors. @default - one of the two times is not known */
  readonly afterErrors?: boolean;
  /** A later one that takes away again what this one makes. @default - none does */
  readonly undoneBy?: string;
}
