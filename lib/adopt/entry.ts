/** Types for a folder of another migration tool, and for what the tool's ledger records about each of its files. */

import type { LedgerTool } from '../../lambda/engine/ledger/other-tools';
import type { LedgerRows, NamedFile } from '../../lambda/engine/plan/other-tools';
import type { FolderListing } from './listing';

/**
 * How the tool groups the statements of its files into transactions.
 * - `file`: sends the whole file as one message, which is one transaction unless the file contains BEGIN or COMMIT
 * - `all pending`: runs all pending files in one transaction
 * - `statement`: runs each statement in its own transaction
 */
export type TransactionRule = 'file' | 'all pending' | 'statement';

export interface MigrationEntry extends NamedFile {
  /** Identifier of the file in the tool's ledger or journal. */
  readonly key: string;
  /** Path relative to the folder. */
  readonly file: string;
  /** Description taken from the file's name, such as `add orders`. */
  readonly words: string;
  /** SQL of the migration; `null` if the migration is code, which only the tool can run. */
  readonly sql: string | null;
  /**
   * SQL that reverts the migration.
   * @default - the tool has no such SQL for this file
   */
  readonly down?: string;
  readonly transaction: TransactionRule;
  /**
   * Line numbers of the statements that were removed from `sql` because they change the tool's own ledger.
   * @default - none
   */
  readonly ledgerLines?: readonly number[];
  /**
   * Whether the tool applies the file again whenever it changes.
   * @default false
   */
  readonly repeatable?: true;
  /**
   * Checksums of the file in the form that the ledger stores; more than one if the tool accepts several.
   * @default - the tool stores no checksum
   */
  readonly hashes?: readonly string[];
  /** Time in milliseconds since the epoch, set only if the ledger identifies the file by a time. */
  readonly when?: number;
}

export interface SkippedFile {
  readonly file: string;
  readonly why: string;
}

export interface ToolFolder {
  /** Migrations in the order in which the tool applies them. */
  readonly entries: readonly MigrationEntry[];
  /** Files that the tool itself ignores, or that cannot be converted. */
  readonly passed: readonly SkippedFile[];
}

/**
 * State of an entry according to the ledger.
 * - `applied`: the tool ran it
 * - `edited`: the tool ran it, but the file has changed since
 * - `stamped`: it was marked as applied without being run by the tool
 * - `skipped`: the tool's rule counts it as applied, but it never ran
 * - `failed`: it started, and the ledger does not record that it finished
 * - `pending`: it has not run
 */
export type EntryState = 'applied' | 'edited' | 'stamped' | 'skipped' | 'failed' | 'pending';

/** Whether the migration's changes should be in the database, if the ledger is correct. */
export const isApplied = (state: EntryState): boolean =>
  state === 'applied' || state === 'edited' || state === 'stamped';

export interface EntryStatus {
  readonly entry: MigrationEntry;
  readonly state: EntryState;
  /** Explanation of the state, as a clause, where the state needs one. */
  readonly why?: string;
}

export interface LedgerStatus {
  readonly entries: readonly EntryStatus[];
  /** Keys of ledger rows for which the folder has no file. */
  readonly strangers: readonly string[];
}

export interface ReadOptions {
  /**
   * Values of the placeholders that the tool replaces in its files, such as Flyway's `${name}`.
   * @default - no placeholder is replaced
   */
  readonly placeholders?: ReadonlyMap<string, string>;
}

export interface ToolRules {
  readonly tool: LedgerTool;
  /**
   * Whether its migrations are code instead of SQL. Only the resulting schema can then be adopted.
   * @default false
   */
  readonly code?: true;
  /**
   * Schemas that belong to the tool itself.
   * @default - none
   */
  readonly schemas?: readonly string[];
  /** @throws {AdoptProblem} */
  read(folder: FolderListing, options?: ReadOptions): ToolFolder;
  judge(rows: LedgerRows, entries: readonly MigrationEntry[]): LedgerStatus;
}
