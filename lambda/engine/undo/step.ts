/** Chooses the statements that undo a migration which a person named. Pure. */

import { TrueupError } from '../../contract/errors';
import { type Manifest, serializeRecordedDown, sha256 } from '../../contract/manifest';
import type { Ledger } from '../ledger/ledger';
import { parseRecordedDown, parseRecordedLimits, type UndoStep } from '../plan/rollback';

export interface RecordedDown {
  readonly down: string | null;
  /** SHA-256 of `down`, as the deployment that applied the migration recorded it. */
  readonly checksum: string | null;
  readonly settings: string | null;
}

/**
 * Returns the file's own down section if the file exists; otherwise the one in the ledger, if it is still the one
 * that was deployed.
 * @throws {TrueupError} if the migration cannot be undone
 */
export function makeUndoStep(
  manifest: Manifest,
  ledger: Ledger,
  name: string,
  recorded: RecordedDown | null,
): UndoStep {
  const row = ledger.migrations.find((m) => m.name === name);
  const migration = manifest.migrations.find((m) => m.name === name);
  if (!row || row.state === 'undone') {
    const known = ledger.migrations.filter((m) => m.state !== 'undone').map((m) => m.name);
    throw makeRefusal(
      `${name} is not applied`,
      known.length > 0
        ? `The newest applied migrations: ${known.slice(-10).join(', ')}.`
        : 'Nothing is applied.',
    );
  }
  const own = migration && migration.down.length > 0 ? serializeRecordedDown(migration.down) : null;
  const text = own ?? recorded?.down ?? null;
  if (text === null)
    throw makeRefusal(`${name} has no down section`, 'Write a new migration that undoes it.');
  if (own === null && sha256(text) !== recorded?.checksum) {
    throw makeRefusal(
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

const makeRefusal = (message: string, remedy: string): TrueupError =>
  new TrueupError({ code: 'undo', message, remedy });
