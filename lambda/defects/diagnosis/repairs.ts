/** Which migrations repair a defect, and how they stand. */
import type { Manifest } from '../../engine/manifest';
import type { Status } from '../../engine/views';
import type { DefectKind, DefectObject, RepairingMigration } from '../defect';
import { partialPredicate } from '../names';
import { implies } from '../predicates';

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

/**
 * A migration may make the missing index, but a partial one: then the application's statement has to carry the predicate
 * as well, or it goes on failing. Null when there is nothing to say.
 */
export function predicateToAdd(
  { columns, detail }: DefectObject,
  repairing: readonly RepairingMigration[],
  { manifest }: KnownMigrations,
): string | null {
  const names = new Set(repairing.map(({ name }) => name));
  for (const { name, statements } of manifest.migrations.filter((each) => names.has(each.name))) {
    for (const { sql } of statements) {
      const predicate = partialPredicate(sql, columns);
      if (predicate === null || implies(detail, predicate) === 'implied') continue;
      return (
        `The index of ${name} is partial, so the application's statement has to change as well: ` +
        `ON CONFLICT (${columns.join(', ')}) WHERE ${predicate}.`
      );
    }
  }
  return null;
}
