/**
 * A defect kind: everything that is known of one failure, in one file of kinds/, named in index.ts. The pager and
 * docs/defects are derived from it, and its cases stand in test/defects/kinds under the same id. What it shares with
 * kinds that only an audit finds is a {@link Kind}.
 *
 * The log does not always tell two kinds apart: an id without default and a column that is NOT NULL too early raise the
 * same words. So what is counted and alarmed on is a {@link LogSignature}, kinds share one where PostgreSQL's words are
 * the same, and the diagnosis names the kind by asking the catalogue.
 */
import type { Doing, Repair } from '../contract/diagnosis';
import type { Check, Effect } from '../contract/effects';
import type { Kind } from './kind';
import type { DefectObject, ObjectThen } from './object';

export interface DefectKind extends Kind {
  /** SQLSTATEs of the errors it raises; empty where the server raises none of its own. */
  readonly sqlstates: readonly string[];
  /** The words in the log; null where it logs nothing that names it. */
  readonly log: LogSignature | null;
  /** How the catalogue shows it. */
  readonly catalogue: CatalogueQuery;
  /** What repairs it, for a person who was woken: words, and SQL that can be pasted. */
  readonly repair: (object: DefectObject) => Repair;
  /** A line of a verify section that proves the repair. */
  readonly verification: (object: DefectObject) => string;
  /** Whether a statement's effect is the repair of this object, or makes the defect; null when it is about something else. */
  readonly does: (effect: Effect, object: ObjectThen) => Doing | null;
  /** Whether a check of a verify section proves the repair, whoever made it. */
  readonly verifies: (check: Check, object: ObjectThen) => boolean;
  /** What the documentation shows. */
  readonly example: DefectExample;
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
  /**
   * `diagnosed`: the words are everyday, and a page goes out only where the catalogue names the defect behind them.
   * @default 'always'
   */
  readonly pagedWhen?: 'always' | 'diagnosed';
  /** What `trueup alarm-test` does to have one of these errors in the log. */
  readonly alarmTest: AlarmTest;
  /** No error matches two of them. */
  readonly messages: readonly LoggedMessage[];
}

export interface AlarmTest {
  /** Fails on the table of the test (signatures/alarm-test.ts), and writes nothing. */
  readonly statement: string;
  /** What PostgreSQL would log for it, where a log group is tried without its server. */
  readonly message: string;
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
