/** What a folder of another migration tool holds, and what its ledger says of it. */

import type { Tool } from '../../lambda/engine/ledger/other-tools';
import type { LedgerRows, NamedFile } from '../../lambda/engine/plan/other-tools';
import type { Listing } from './listing';

/**
 * How the tool sends a file.
 * - `file`: its whole text at once, so that it is one transaction unless the text says otherwise
 * - `all pending`: all files of a run share one transaction
 * - `statement`: each statement is a transaction of its own
 */
export type TransactionRule = 'file' | 'all pending' | 'statement';

export interface Entry extends NamedFile {
  /** As the tool calls it, in its ledger or its journal. */
  readonly key: string;
  /** Relative to the folder. */
  readonly file: string;
  /** What it does, in the words of its name. */
  readonly words: string;
  /** Null where it is code, which only the tool can run. */
  readonly sql: string | null;
  /** What undoes it. @default - the tool has none */
  readonly down?: string;
  readonly transaction: TransactionRule;
  /** Lines of `sql` as it lies whose statements are left out, since they change the tool's own ledger. @default - none */
  readonly ledgerLines?: readonly number[];
  /** Applied again whenever it changes. @default false */
  readonly repeatable?: true;
  /** Of the file, as the ledger keeps it; several where the tool accepts several. @default - the tool keeps none */
  readonly hashes?: readonly string[];
  /** Milliseconds since the epoch, where the ledger knows the file by a time. */
  readonly when?: number;
}

export interface Passed {
  readonly file: string;
  readonly why: string;
}

export interface ToolFolder {
  /** In the order in which the tool applies them. */
  readonly entries: readonly Entry[];
  /** What the tool itself passes over, or what cannot be taken over. */
  readonly passed: readonly Passed[];
}

/**
 * What became of an entry, as the ledger says.
 * - `applied`: it was run
 * - `edited`: it was run, with another text than the file has now
 * - `stamped`: it was marked as applied, and not run by the tool
 * - `skipped`: the tool counts it as applied by its rule, and never ran it
 * - `failed`: it began, and its end was not recorded
 * - `pending`: it was not run
 */
export type State = 'applied' | 'edited' | 'stamped' | 'skipped' | 'failed' | 'pending';

/** They are in the database, as far as the ledger can be believed. */
export const isApplied = (state: State): boolean =>
  state === 'applied' || state === 'edited' || state === 'stamped';

export interface Judged {
  readonly entry: Entry;
  readonly state: State;
  /** A clause, where the state alone does not say it. */
  readonly why?: string;
}

export interface Judgement {
  readonly entries: readonly Judged[];
  /** Keys of rows that no file of the folder has. */
  readonly strangers: readonly string[];
}

export interface ReadOptions {
  /** What the tool is configured to replace in the files: Flyway's `${name}`. @default - nothing */
  readonly placeholders?: ReadonlyMap<string, string>;
}

export interface ToolRules {
  readonly tool: Tool;
  /** It runs code, not SQL: only what it made can be taken over. @default false */
  readonly code?: true;
  /** Schemas that are the tool's own. @default - none */
  readonly schemas?: readonly string[];
  /** @throws {AdoptProblem} */
  read(folder: Listing, options?: ReadOptions): ToolFolder;
  judge(rows: LedgerRows, entries: readonly Entry[]): Judgement;
}
