/**
 * A check for a problem that can also cause errors in the log: everything known about the problem, in one file of
 * kinds/ that is registered in index.ts. The pager and docs/defects are derived from it. Its test cases are in
 * test/defects/kinds under the same id. {@link FindingKind} has what it shares with checks that only an audit runs.
 *
 * The log does not always distinguish two problems: an id without a default and a column with a premature NOT NULL
 * cause the same error message. Metrics and alarms therefore count a {@link LogSignature}, which several checks share
 * if PostgreSQL's message is the same. The diagnosis then finds the check in the catalog.
 */
import type { ObjectChange, Repair } from '../contract/diagnosis';
import type { Effect, VerificationCall } from '../contract/effects';
import type { FindingKind } from './kind';
import type { DefectObject, HistoricalObject } from './object';

export interface DefectKind extends FindingKind {
  /** SQLSTATEs of the errors that it causes. Empty if it causes none of its own. */
  readonly sqlstates: readonly string[];
  /** Error messages in the log, or null if no logged message identifies the problem. */
  readonly log: LogSignature | null;
  /** Query that finds the problem in the catalog. */
  readonly catalog: CatalogQuery;
  /** Returns the repair for the person on call: an explanation, and SQL that can be pasted. */
  readonly repair: (object: DefectObject) => Repair;
  /** Returns a line of a verify section that verifies the repair. */
  readonly verification: (object: DefectObject) => string;
  /** Returns whether the effect of a statement repairs this object or causes the problem. null if it does neither. */
  readonly does: (effect: Effect, object: HistoricalObject) => ObjectChange | null;
  /** Whether an existing check of a verify section verifies the repair of this object. */
  readonly verifies: (check: VerificationCall, object: HistoricalObject) => boolean;
  /** Example for the documentation. */
  readonly example: DefectExample;
}

/** A read-only query on the catalog. */
export interface CatalogQuery {
  /**
   * SQL that returns {@link CatalogRow}s. `$1` is the name of a table and `$2` of a column or function. null means
   * all.
   */
  readonly sql: string;
  /** `defect`: each row is a finding. `evidence`: a person or the diagnosis compares the rows with a statement. */
  readonly rows: 'defect' | 'evidence';
  /** The cases that the query cannot detect, for the documentation and the page. null if it detects every case. */
  readonly blind: string | null;
}

/** A row of the query. Its names are quoted by the server, ready for SQL. */
export interface CatalogRow {
  /** `schema.table`. Empty if the object belongs to no table. */
  readonly table: string;
  /** Name of the column, index or constraint. */
  readonly object: string;
  /** Description of the problem, as a sentence. */
  readonly sentence: string;
}

export interface DefectExample {
  /** SQL that creates the problem. */
  readonly schema: string;
  /** Statement that fails because of the problem, or null if none does. */
  readonly statement: string | null;
  readonly object: DefectObject;
}

/** Error messages that share one metric and one alarm. */
export interface LogSignature {
  /** Id in kebab-case. It must not change, since it is part of metric and alarm names. */
  readonly id: string;
  readonly title: string;
  /**
   * When an error leads to a page. With `diagnosed`, only if the catalog shows that the schema causes it, since the
   * message is common in normal operation.
   * @default 'always'
   */
  readonly pagedWhen?: 'always' | 'diagnosed';
  /** Statement and message by which `trueup alarm-test` puts such an error into the log. */
  readonly alarmTest: AlarmTest;
  /** Messages of the signature. An error matches at most one of them. */
  readonly messages: readonly LoggedMessage[];
}

export interface AlarmTest {
  /** Statement that fails on the test's table (signatures/alarm-test.ts). It writes nothing. */
  readonly statement: string;
  /** Message that PostgreSQL would log for the statement. It is used to test a log group without its server. */
  readonly message: string;
}

/** One form of an error message, with lc_messages in English. */
export interface LoggedMessage {
  readonly sqlstate: string;
  /** Beginning of the message. */
  readonly begins: string;
  /** Further texts that the message contains. */
  readonly holds: readonly string[];
  /** Texts that the message must not contain. */
  readonly lacks: readonly string[];
  /**
   * Pattern of the whole message, without ` at character N`. Named groups: table, column, function, constraint, left,
   * right.
   */
  readonly pattern: RegExp;
}
