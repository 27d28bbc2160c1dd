/** Which migrations repair a defect, and how they stand. */
import type { Manifest } from '../../engine/manifest';
import type { Status } from '../../engine/views';
import type { DefectKind, DefectObject, RepairingMigration } from '../defect';

export interface KnownMigrations {
  readonly manifest: Manifest;
  /** Null where the ledger could not be read. */
  readonly status: Status | null;
}

export function repairingMigrations(
  kind: DefectKind,
  object: DefectObject,
  { manifest, status }: KnownMigrations,
): readonly RepairingMigration[] {
  return manifest.migrations
    .filter((migration) =>
      kind.covers(
        {
          statements: migration.statements.map((statement) => statement.sql),
          verify: migration.verify.map((query) => query.sql),
        },
        object,
      ),
    )
    .map(({ name }) => ({
      name,
      state:
        status === null
          ? 'unknown'
          : (status.migrations.find((each) => each.name === name)?.state ?? 'pending'),
    }));
}
