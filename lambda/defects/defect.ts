/**
 * A defect kind: everything that is known of one failure, in one file. Alarms, the pager, the audit and docs/defects
 * are derived from it; a new file in this folder, named in index.ts, adds the kind everywhere.
 *
 * The log does not always tell two kinds apart: an id without default and a column that is NOT NULL too early raise the
 * same words. So what is counted and alarmed on is a {@link LogSignature}, kinds share one where PostgreSQL's words are
 * the same, and the diagnosis names the kind by asking the catalogue.
 */
import type { Database } from '../postgres/database';

export interface DefectKind {
  /** Stable, kebab-case: the documentation's file name and what a page is about. */
  readonly id: string;
  readonly title: string;
  /** SQLSTATEs of the errors it raises; empty where the server raises none of its own. */
  readonly sqlstates: readonly string[];
  /** The words in the log; null where it logs nothing that names it. */
  readonly log: LogSignature | null;
  /** One sentence: what it does to the application. */
  readonly impact: string;
  /** A paragraph: how a database comes to be like this. */
  readonly origin: string;
  /** How the catalogue shows it. */
  readonly catalogue: CatalogueQuery;
  /** What repairs it, for a person who was woken: words, and SQL that can be pasted. */
  readonly repair: (object: DefectObject) => Repair;
  /** A line of a verify section that proves the repair. */
  readonly verification: (object: DefectObject) => string;
  /** Whether a migration repairs this object, as far as the text of its statements and verify queries tells. */
  readonly covers: (migration: MigrationText, object: DefectObject) => boolean;
  /** What the documentation shows. */
  readonly example: DefectExample;
}

export interface MigrationText {
  readonly statements: readonly string[];
  readonly verify: readonly string[];
}

/** Read only. */
export interface CatalogueQuery {
  /** `$1` is a table's name and `$2` a column's (or a function's), each null for all. Returns {@link CatalogueRow}s. */
  readonly sql: string;
  /** `defect`: each row is one. `evidence`: a person, or the diagnosis, compares the rows with a statement. */
  readonly rows: 'defect' | 'evidence';
  /** What it cannot see, for the documentation and the page; null when it sees everything. */
  readonly blind: string | null;
}

/** Names are quoted by the server, ready for SQL. */
export interface CatalogueRow {
  /** `schema.table`; empty where the object belongs to no table. */
  readonly table: string;
  /** A column's name, or the index's or constraint's. */
  readonly object: string;
  /** What is wrong, a sentence. */
  readonly sentence: string;
}

/** What a defect is about. Names are ready for SQL. */
export interface DefectObject {
  readonly table: string | null;
  readonly column: string | null;
  /** Conflict target, or the columns of a key. */
  readonly columns: readonly string[];
  /** An index, a constraint or a function. */
  readonly name: string | null;
  /** Predicate of a partial index; type of a column; whatever the kind's repair needs. */
  readonly detail: string | null;
}

export const NO_OBJECT: DefectObject = { table: null, column: null, columns: [], name: null, detail: null };

export interface Repair {
  readonly words: string;
  /** Statements, each with its semicolon; empty where no SQL repairs it. */
  readonly sql: readonly string[];
}

export interface DefectExample {
  /** Makes the defect. */
  readonly schema: string;
  /** Fails because of it; null where nothing does. */
  readonly statement: string | null;
  readonly object: DefectObject;
}

/** What PostgreSQL logs: one metric and one alarm each. */
export interface LogSignature {
  /** Stable, kebab-case: part of metric and alarm names. */
  readonly id: string;
  readonly title: string;
  /** No error matches two of them. */
  readonly messages: readonly LoggedMessage[];
}

/** One wording of an error, with lc_messages in English. */
export interface LoggedMessage {
  readonly sqlstate: string;
  /** The message begins with this. */
  readonly begins: string;
  /** And holds these further on. */
  readonly holds: readonly string[];
  /** And has none of these. */
  readonly lacks: readonly string[];
  /** The whole message, without ` at character N`. Named groups: table, column, function, constraint, left, right. */
  readonly pattern: RegExp;
}

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
  'signature' | 'database' | 'user' | 'table' | 'column' | 'message' | 'statement'
>;

export interface Diagnosis {
  /** Id of the kind; null where the catalogue does not tell which of the signature's kinds it is. */
  readonly kind: string | null;
  /** Which of a kind's cases, e.g. `no-index`; null where it has only one. */
  readonly case: string | null;
  /** What it is about, names as the server quotes them: `public.orders.id`, `public.orders (a, b)`. */
  readonly subject: string | null;
  /** What the catalogue says, sentences. Empty when the database did not answer. */
  readonly cause: readonly string[];
  readonly repair: Repair;
  /** Migrations that are about it, and how they stand; null where none were looked through. */
  readonly migrations: readonly RepairingMigration[] | null;
  /** What could not be looked up, and why. */
  readonly unseen: readonly string[];
}

export interface RepairingMigration {
  readonly name: string;
  /** A migration's state as in the status, e.g. `pending`; `unknown` where the ledger could not be read. */
  readonly state: string;
}

/** Looks into the catalogue, read only. */
export type Diagnose = (db: Database, question: DiagnosisQuestion) => Promise<Diagnosis>;
