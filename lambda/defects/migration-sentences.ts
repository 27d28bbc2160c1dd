/** What the migrations have to do with a defect, in sentences: only what the files and the ledger say. */
import type { Diagnosis, RepairingMigration } from '../contract/diagnosis';

export function migrationSentences({
  kind,
  verdict,
  migrations,
  repair: { sql },
}: Pick<Diagnosis, 'kind' | 'verdict' | 'migrations' | 'repair'>): readonly string[] {
  if (kind === null || migrations === null) return [];
  // Nothing is missing in the schema, so an applied migration has lost nothing.
  const nothingMissing = verdict === 'application' || verdict === 'not-reproduced';
  if (migrations.every(({ does }) => does === 'takes-away')) {
    const wanted =
      nothingMissing || sql.length === 0
        ? []
        : ['No migration in the deployed code addresses this: write one.'];
    return [...migrations.map((migration) => sentence(migration, nothingMissing)), ...wanted];
  }
  return migrations.map((migration) => sentence(migration, nothingMissing));
}

function sentence(migration: RepairingMigration, nothingMissing: boolean): string {
  const { name, does, undoneBy } = migration;
  if (does === 'takes-away')
    return isApplied(migration)
      ? `Migration ${name} removes it, and is applied${since(migration)}.`
      : `Migration ${name} removes it; ${migration.state === 'unknown' ? UNKNOWN : `it is not applied (${migration.state})`}.`;
  if (undoneBy !== undefined)
    return `Migration ${name} creates it, and ${undoneBy} removes it again: deploying them repairs nothing.`;
  return `Migration ${name} addresses this and ${stateSentence(migration, nothingMissing)}`;
}

const UNKNOWN = 'the ledger could not be asked whether it is applied';

const isApplied = ({ state }: RepairingMigration): boolean =>
  ['applied', 'unverified', 'superseded', 'edited'].includes(state);

function stateSentence(migration: RepairingMigration, nothingMissing: boolean): string {
  const { state } = migration;
  if (isApplied(migration)) {
    const applied = `is applied${state === 'applied' ? '' : ` (${state})`}${since(migration)}`;
    return nothingMissing
      ? `${applied}.`
      : `${applied}, but the catalogue does not have what it creates. \`trueup verify\` says more.`;
  }
  if (state === 'partial') return 'stopped half way: deploy again to continue.';
  if (state === 'unknown') return `${UNKNOWN}.`;
  return `is not applied (${state}): deploy it.`;
}

/** The ledger has times, where the catalogue has none. */
const since = ({ appliedAt, afterErrors }: RepairingMigration): string =>
  appliedAt == null || afterErrors === undefined
    ? ''
    : ` since ${appliedAt.slice(0, 19).replace('T', ' ')} UTC, ${afterErrors ? 'after' : 'before'} the last of these errors`;
