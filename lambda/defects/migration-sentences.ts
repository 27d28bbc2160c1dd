/** Describes how migrations relate to a finding, in sentences that only use the files and the ledger. */
import type { Diagnosis, RepairingMigration } from '../contract/diagnosis';

export function describeMigrations({
  kind,
  verdict,
  migrations,
  repair: { sql },
}: Pick<Diagnosis, 'kind' | 'verdict' | 'migrations' | 'repair'>): readonly string[] {
  if (kind === null || migrations === null) return [];
  // Nothing is missing in the schema, so no applied migration has removed it.
  const nothingMissing = verdict === 'application' || verdict === 'not-reproduced';
  if (migrations.every(({ does }) => does === 'takes-away')) {
    const wanted =
      nothingMissing || sql.length === 0
        ? []
        : ['No migration in the deployed code addresses this: write one.'];
    return [...migrations.map((migration) => describeMigration(migration, nothingMissing)), ...wanted];
  }
  return migrations.map((migration) => describeMigration(migration, nothingMissing));
}

function describeMigration(migration: RepairingMigration, nothingMissing: boolean): string {
  const { name, does, undoneBy } = migration;
  if (does === 'takes-away')
    return isApplied(migration)
      ? `Migration ${name} removes it, and is applied${describeApplicationTime(migration)}.`
      : `Migration ${name} removes it; ${migration.state === 'unknown' ? UNKNOWN_STATE : `it is not applied (${migration.state})`}.`;
  if (undoneBy !== undefined)
    return `Migration ${name} creates it, and ${undoneBy} removes it again: deploying them repairs nothing.`;
  if (migration.state === 'unknown') return `Migration ${name} addresses this; ${UNKNOWN_STATE}.`;
  const what = nothingMissing && isApplied(migration) ? 'is about this object and' : 'addresses this and';
  return `Migration ${name} ${what} ${describeState(migration, nothingMissing)}`;
}

const UNKNOWN_STATE = 'the ledger could not be read, so it is not known whether it is applied';

const isApplied = ({ state }: RepairingMigration): boolean =>
  ['applied', 'unverified', 'superseded', 'edited'].includes(state);

function describeState(migration: RepairingMigration, nothingMissing: boolean): string {
  const { state } = migration;
  if (isApplied(migration)) {
    const applied = `is applied${state === 'applied' ? '' : ` (${state})`}${describeApplicationTime(migration)}`;
    // The schema has what the migration creates. Another sentence of the page names the actual cause.
    return nothingMissing
      ? `${applied}: the schema has what it creates.`
      : `${applied}, but what it creates is not in the catalog. \`trueup verify\` shows details.`;
  }
  if (state === 'partial') return 'stopped half way: deploy again to continue.';
  return `is not applied (${state}): deploy it.`;
}

/** Returns when the migration was applied, which only the ledger knows. */
const describeApplicationTime = ({ appliedAt, afterErrors }: RepairingMigration): string =>
  appliedAt == null || afterErrors === undefined
    ? ''
    : ` since ${appliedAt.slice(0, 19).replace('T', ' ')} UTC, ${afterErrors ? 'after' : 'before'} the last of these errors`;
