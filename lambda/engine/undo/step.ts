/** Which statements undo a migration that a person names, and where they come from. Pure. */

import { TrueupError } from '../../contract/errors';
import { type Manifest, recordedDown, sha256 } from '../../contract/manifest';
import type { Ledger } from '../ledger/ledger';
import { parseRecordedDown, parseRecordedLimits, type UndoStep } from '../plan/rollback';

export interface RecordedDown {
  readonly down: string | null;
  /** SHA-256 of it, as the deployment that applied the migration recorded it. */
  readonly checksum: string | null;
  readonly settings: string | null;
}

/**
 * The file's own down where the file is there; else what the ledger recorded, if it is still what was deployed.
 * @throws {TrueupError} what stands against undoing it
 */
export function stepFor(
  manifest: Manifest,
  ledger: Ledger,
  name: string,
  recorded: RecordedDown | null,
): UndoStep {
  const row = ledger.migrations.find((m) => m.name === name);
  const migration = manifest.migrations.find((m) => m.name === name);
  if (!row || row.state === 'undone') {
    const known = ledger.migrations.filter((m) => m.state !== 'undone').map((m) => m.name);
    throw refusal(
      `${name} is not applied`,
      known.length > 0 ? `Applied are: ${known.slice(-10).join(', ')}.` : 'Nothing is applied.',
    );
  }
  const own = migration && migration.down.length > 0 ? recordedDown(migration.down) : null;
  const text = own ?? recorded?.down ?? null;
  if (text === null) throw refusal(`${name} has no down section`, 'Write a new migration that undoes it.');
  if (own === null && sha256(text) !== recorded?.checksum) {
    throw refusal(
      `the down section of ${name} in the ledger is not the one that was deployed`,
      'Restore its file from version control, so that the down section comes from there, or undo it manually.',
    );
  }
  return {
    name,
    statements: parseRecordedDown(text),
    limits: own && migration ? migration.settings : parseRecordedLimits(recorded?.settings ?? '[]'),
    partial: row.state === 'partial',
  };
}

const refusal = (message: string, remedy: string): TrueupError =>
  new TrueupError({ code: 'undo', message, remedy });
