/**
 * Decides what a rollback undoes. CloudFormation first restores the old code and then calls it, so this code meets a
 * newer database and has none of the new files. The undo SQL therefore comes from the ledger, and only SQL that
 * matches the manifest hash which CloudFormation itself passes back is run. In doubt, everything stays. Pure.
 */

import type { ConvergeRequest, KeptMigration } from '../../contract/converge';
import type { LockMode } from '../../contract/locks';
import { hashManifestEntries, type Manifest, type Migration, sha256 } from '../../contract/manifest';
import type { Ledger, LedgerMigration, UndoableDeployment } from '../ledger/ledger';
import type { MigrationLimits } from '../locks/locks';
import { resolveCurrentName } from './renamed-files';

export interface RecordedDownStatement {
  readonly execution: 'transaction' | 'separate' | 'non-transactional';
  readonly sql: string;
  readonly command: string;
  readonly locks: readonly { readonly relation: string; readonly mode: LockMode }[];
  readonly line: number;
}

export interface UndoStep {
  readonly name: string;
  readonly statements: readonly RecordedDownStatement[];
  /** The limits that the file sets. */
  readonly limits: MigrationLimits;
  /** Whether it stopped half way, so that some of what `down` removes may never have been created. */
  readonly partial: boolean;
}

export interface RollbackPlan {
  readonly undo: readonly UndoStep[];
  readonly kept: readonly KeptMigration[];
  /** Repeatables that are restored from this code's own files. */
  readonly restore: readonly Migration[];
  /** Warnings about applied migrations of older deployments that this code does not contain. */
  readonly warnings: readonly string[];
}

/** Parses the `settings` of a manifest entry. */
export function parseRecordedLimits(settings: string): MigrationLimits {
  const [lockTimeoutMs, statementTimeoutMs] = JSON.parse(settings) as (number | null)[];
  return { lockTimeoutMs: lockTimeoutMs ?? undefined, statementTimeoutMs: statementTimeoutMs ?? undefined };
}

/** Reverses {@link serializeRecordedDown}. */
export function parseRecordedDown(text: string): RecordedDownStatement[] {
  type Recorded = [RecordedDownStatement['execution'], string, string, [string, LockMode][], number];
  return (JSON.parse(text) as Recorded[]).map(([execution, sql, command, locks, line]) => ({
    execution,
    sql,
    command,
    locks: locks.map(([relation, mode]) => ({ relation, mode })),
    line,
  }));
}

export function planRollback(
  manifest: Manifest,
  ledger: Ledger,
  failed: UndoableDeployment | null,
  request: ConvergeRequest,
): RollbackPlan {
  const own = new Map(request.remove ? [] : manifest.migrations.map((m) => [m.name, m]));
  const rows = ledger.migrations.filter((row) => row.state !== 'undone');
  const ahead = rows.filter((row) => !own.has(row.name) && (failed === null || row.deployment === failed.id));
  const reason = findReasonToKeepAll(failed, request);
  const warnings = rows
    .filter((row) => !request.remove && !own.has(row.name) && !ahead.includes(row))
    .map(({ name }) => `${name} is applied, but its file is missing; it stays applied`);
  if (reason !== null) {
    return { undo: [], restore: [], kept: ahead.map(({ name }) => ({ name, reason })), warnings };
  }
  const undo: UndoStep[] = [];
  const kept: KeptMigration[] = [];
  for (const row of ahead.reverse()) {
    const step = planUndo(row, failed!, ledger);
    if ('reason' in step) kept.push(step);
    else undo.push(step);
  }
  const restore = rows
    .filter((row) => row.kind === 'repeatable' && row.deployment === failed!.id)
    .map((row) => own.get(row.name))
    .filter((m) => m !== undefined);
  return { undo, kept, restore, warnings };
}

function findReasonToKeepAll(failed: UndoableDeployment | null, request: ConvergeRequest): string | null {
  if (request.direction !== 'rollback') return 'it is not known whether this is a rollback';
  if (!request.failed) return 'it is not known which deployment failed';
  if (failed === null) return 'the newest deployment in the ledger is not the one that failed';
  if (request.failed.reportedSuccess !== false && !request.rollbackAfterSuccess) {
    return request.failed.reportedSuccess === 'unknown'
      ? 'it is not known whether the new application is already running'
      : 'the schema was ready before something else failed, so the new application may be running';
  }
  if (hashManifestEntries(failed.entries) !== request.failed.manifestHash) {
    return "the ledger's entries of the failed deployment do not produce the manifest hash that CloudFormation names";
  }
  return null;
}

function planUndo(
  row: LedgerMigration,
  failed: UndoableDeployment,
  { renames }: Ledger,
): UndoStep | KeptMigration {
  const { name } = row;
  if (row.kind === 'repeatable')
    return { name, reason: 'it is a repeatable migration that the older code does not have' };
  // The file may have been renamed since.
  const entry =
    failed.entries.find((e) => e.name === name) ??
    failed.entries.find((e) => resolveCurrentName(e.name, renames) === name);
  if (!entry) return { name, reason: 'the failed deployment did not record it' };
  if (entry.down === null) return { name, reason: 'it has no down section' };
  if (entry.class !== 'versioned/automatic') {
    return { name, reason: `its down section runs only when a person names it: trueup down ${name}` };
  }
  const recorded = failed.downs[name] ?? null;
  if (recorded === null) return { name, reason: 'it existed before; the deployment only recorded it' };
  if (sha256(recorded) !== entry.down) {
    return { name, reason: 'its down section in the ledger has changed since the deployment' };
  }
  const limits = parseRecordedLimits(entry.settings);
  return { name, statements: parseRecordedDown(recorded), limits, partial: row.state === 'partial' };
}
