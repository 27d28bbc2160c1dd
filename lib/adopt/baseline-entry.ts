/**
 * Writes the current schema of a database as one migration, for tools whose migrations are code that Trueup cannot run.
 * The parser must be loaded.
 */
import type { Catalog } from '../../lambda/audit/catalog';
import { buildStructureStatements } from '../audit/write/structure';
import { type EntryStatus, isApplied, type MigrationEntry } from './entry';
import { type ExcludedObjects, excludeObjects } from './own-objects';
import { AdoptProblem } from './problem';

export interface BaselineEntry {
  readonly entry: MigrationEntry;
  /** Why some objects of the database are missing from the migration; each is a clause, not a sentence. */
  readonly unwritten: readonly string[];
}

/**
 * Builds the migration that creates the schema of `catalog`.
 * @throws {AdoptProblem} if no ledger records any of the migrations as applied: the schema may then not be theirs
 */
export function buildBaselineEntry(
  catalog: Catalog,
  leftOut: ExcludedObjects,
  judged: readonly EntryStatus[],
): BaselineEntry {
  const newest = judged.filter(({ state }) => isApplied(state)).at(-1);
  if (newest === undefined)
    throw new AdoptProblem(
      'no ledger records any of these migrations as applied, so the objects in the database may not be theirs',
      'Name the ledger with --ledger schema.table, or give the database that the tool migrated.',
    );
  const { statements, unwritten } = buildStructureStatements(excludeObjects(catalog, leftOut));
  return {
    entry: {
      key: newest.entry.key,
      file: 'schema of the database',
      name: '0001_as_found',
      version: '0001',
      words: 'The database as it was found',
      sql: statements.map((each) => `${each};`).join('\n'),
      transaction: 'file',
    },
    unwritten,
  };
}
