/**
 * Diagnoses ON CONFLICT with a constraint that exists but cannot be an arbiter: it is deferrable, an exclusion
 * constraint, or no key.
 */
import type { Repair } from '../../contract/diagnosis';
import type { Database } from '../../postgres/database';
import type { ParsedInsert } from '../../sql/insert';
import { quoteIfNeeded } from '../../sql/quote';
import { describeIndex, type UniqueIndex } from '../conflict';
import type { Relation } from '../relations';
import { chooseFreeName, readTakenNames } from '../repair/conflict-target';
import type { WrittenTable } from '../targets';
import {
  type DiagnosisFinding,
  formatNameList,
  makeManualDecision,
  makeNotFound,
  makeRepair,
  NO_STATEMENT_CAVEAT,
  NOTHING_NOW_REPAIR,
} from './finding';
import { canBeArbiter, listKeyTexts, makeConstraintFinding } from './on-constraint-finding';

export async function diagnoseUnusable(
  db: Database,
  target: WrittenTable,
  insert: ParsedInsert | null,
  message: string,
): Promise<DiagnosisFinding> {
  const { table } = target;
  const conflict = insert?.conflict;
  if (!conflict) return makeNotFound([`${NO_STATEMENT_CAVEAT}, or it was cut before its ON CONFLICT.`]);
  const named = (index: UniqueIndex): boolean => {
    if (conflict.constraint !== null) return index.constraint === conflict.constraint;
    const wanted = conflict.columns.map((column) => target.columns.get(column) ?? column);
    return (
      wanted.length === index.keys.length &&
      index.keys.every(({ column }) => column !== null && wanted.includes(column))
    );
  };
  const candidates = table.uniqueIndexes.filter(named);
  const deferrable = candidates.find(({ immediate }) => !immediate);
  if (message.includes('deferrable') && deferrable !== undefined) {
    const cause = `${deferrable.name} on ${table.sql} is DEFERRABLE, and ON CONFLICT cannot use a constraint that may be checked later.`;
    return makeConstraintFinding(
      table,
      deferrable.name,
      listKeyTexts(deferrable),
      'deferrable',
      'schema',
      cause,
      await buildImmediateRepair(db, table, deferrable),
    );
  }
  const exclusion = candidates.find((index) => index.exclusion);
  if (exclusion !== undefined)
    return makeConstraintFinding(
      table,
      exclusion.name,
      listKeyTexts(exclusion),
      'exclusion',
      'application',
      `${exclusion.name} on ${table.sql} is an exclusion constraint, and ON CONFLICT DO UPDATE does not work with one: several rows may conflict.`,
      makeManualDecision(
        'The application must use DO NOTHING and look for the rows itself; or create a unique index, if rows are ' +
          'unique by columns alone.',
      ),
    );
  const keys = table.uniqueIndexes.filter(canBeArbiter);
  if (message.includes('no associated index'))
    return makeConstraintFinding(
      table,
      conflict.constraint === null ? null : quoteIfNeeded(conflict.constraint),
      [],
      'no-key',
      'application',
      `${conflict.constraint ?? 'The constraint'} on ${table.sql} is not a key: a CHECK or a foreign key has no ` +
        'index that ON CONFLICT could use.',
      makeManualDecision(
        keys.length === 0
          ? 'The application must name a key, and the table has none: first decide which columns identify a row.'
          : `The application must name a key. The table has: ${formatNameList(keys.map(describeIndex))}.`,
      ),
    );
  return makeConstraintFinding(
    table,
    null,
    [],
    'not-reproduced',
    'not-reproduced',
    `No constraint of ${table.sql} that the statement could mean is a deferrable or an exclusion constraint now.`,
    makeRepair(NOTHING_NOW_REPAIR),
  );
}

/**
 * Returns the replacement of a deferrable constraint. A second index is built first, so that rows stay unique at every
 * moment; it then takes over the constraint's name.
 */
async function buildImmediateRepair(db: Database, table: Relation, index: UniqueIndex): Promise<Repair> {
  const why =
    'A constraint that is not DEFERRABLE works with ON CONFLICT, but code that violates the key for a moment ' +
    'inside a transaction (swapping positions, SET CONSTRAINTS … DEFERRED) then fails.';
  if (
    table.kind === 'partitioned' ||
    index.exclusion ||
    index.constraint === null ||
    index.keys.some(({ column }) => column === null)
  )
    return makeManualDecision(`${why} Recreate the constraint without DEFERRABLE at a quiet time.`);
  const keys = listKeyTexts(index);
  const free = chooseFreeName(table.sql, keys, await readTakenNames(db, table.schema));
  const name = quoteIfNeeded(index.constraint);
  return makeManualDecision(`${why} If there is no such code:`, [
    `CREATE UNIQUE INDEX CONCURRENTLY ${free} ON ${table.sql} (${keys.join(', ')});`,
    'BEGIN;',
    "SET LOCAL lock_timeout = '2s';",
    `ALTER TABLE ${table.sql} DROP CONSTRAINT ${name};`,
    `ALTER TABLE ${table.sql} ADD CONSTRAINT ${name} ${index.primary ? 'PRIMARY KEY' : 'UNIQUE'} USING INDEX ${free};`,
    'COMMIT;',
  ]);
}
