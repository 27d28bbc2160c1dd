/**
 * Decides what a rollback undoes. CloudFormation restores the old code first and then calls it, so this code meets a
 * newer database and has none of the new files: the undo SQL comes from the ledger, and only what the manifest hash
 * that CloudFormation itself hands back can vouch for is run. In doubt everything stays. Pure.
 */

import type { ConvergeRequest, Kept } from '../../contract/converge';
import type { LockMode } from '../../contract/locks';
import { hashOf, type Manifest, type Migration, sha256 } from '../../contract/manifest';
import type { Ledger, LedgerMigration, UndoableDeployment } from '../ledger/ledger';
import type { OwnLimits } from '../locks/locks';

export interface RecordedStatement {
  readonly execution: 'transaction' | 'separate' | 'outside';
  readonly sql: string;
  readonly command: string;
  readonly locks: readonly { readonly relation: string; readonly mode: LockMode }[];
  readonly line: number;
}

export interface UndoStep {
  readonly name: string;
  readonly statements: readonly RecordedStatement[];
  /** What the file asks for. */
  readonly limits: OwnLimits;
  /** It stopped half way: some of what `down` removes may never have been made. */
  readonly partial: boolean;
}

export interface RollbackPlan {
  readonly undo: readonly UndoStep[];
  readonly kept: readonly Kept[];
  /** Repeatables that come back from this code's own files. */
  readonly restore: readonly Migration[];
  /** What older deployments left that this code does not know. */
  readonly warnings: readonly string[];
}

/** Of a manifest entry's `settings`. */
export function parseRecordedLimits(settings: string): OwnLimits {
  const [lockTimeoutMs, statementTimeoutMs] = JSON.parse(settings) as (number | null)[];
  return { lockTimeoutMs: lockTimeoutMs ?? undefined, statementTimeoutMs: statementTimeoutMs ?? undefined };
}

/** Reverses {@link recordedDown}. */
export function parseRecordedDown(text: string): RecordedStatement[] {
  type Recorded = [RecordedStatement['execution'], string, string, [string, LockMode][], number];
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
  const reason = reasonToKeepAll(failed, request);
  const warnings = rows
    .filter((row) => !request.remove && !own.has(row.name) && !ahead.includes(row))
    .map(({ name }) => `${name} is applied, but its file is gone; it stays applied`);
  if (reason !== null) {
    return { undo: [], restore: [], kept: ahead.map(({ name }) => ({ name, reason })), warnings };
  }
  const undo: UndoStep[] = [];
  const kept: Kept[] = [];
  for (const row of ahead.reverse()) {
    const step = undoOf(row, failed!);
    if ('reason' in step) kept.push(step);
    else undo.push(step);
  }
  const restore = rows
    .filter((row) => row.kind === 'repeatable' && row.deployment === failed!.id)
    .map((row) => own.get(row.name))
    .filter((m) => m !== undefined);
  return { undo, kept, restore, warnings };
}

function reasonToKeepAll(failed: UndoableDeployment | null, request: ConvergeRequest): string | null {
  if (request.direction !== 'rollback') return 'it is not known whether this is a rollback';
  if (!request.failed) return 'it is not known which deployment failed';
  if (failed === null) return 'the newest deployment in the ledger is not the one that failed';
  if (request.failed.reportedSuccess !== false && !request.undoAfterSuccess) {
    return request.failed.reportedSuccess === 'unknown'
      ? 'it is not known whether the new application is already running'
      : 'the schema was ready before something else failed, so the new application may be running';
  }
  if (hashOf(failed.entries) !== request.failed.manifestHash) {
    return 'what the ledger recorded of the failed deployment does not give the manifest hash that CloudFormation names';
  }
  return null;
}

function undoOf(row: LedgerMigration, failed: UndoableDeployment): UndoStep | Kept {
  const { name } = row;
  if (row.kind === 'repeatable')
    return { name, reason: 'a repeatable that the older code does not have stays' };
  const entry = failed.entries.find((e) => e.name === name);
  if (!entry) return { name, reason: 'the failed deployment did not record it' };
  if (entry.down === null) return { name, reason: 'it has no down section' };
  if (entry.class !== 'versioned/automatic') {
    return { name, reason: `its down runs only by name: trueup down ${name}` };
  }
  const recorded = failed.downs[name] ?? null;
  if (recorded === null) return { name, reason: 'it existed before; the deployment only recorded it' };
  if (sha256(recorded) !== entry.down) {
    return { name, reason: 'its down section in the ledger has changed since the deployment' };
  }
  const limits = parseRecordedLimits(entry.settings);
  return { name, statements: parseRecordedDown(recorded), limits, partial: row.state === 'partial' };
}
