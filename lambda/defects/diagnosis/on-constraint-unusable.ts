/** ON CONFLICT names a constraint that is there and cannot arbitrate: deferrable, an exclusion constraint, or no key. */
import type { Repair } from '../../contract/diagnosis';
import type { Database } from '../../postgres/database';
import type { InsertSeen } from '../../sql/insert';
import { quoteWhereNeeded } from '../../sql/quote';
import { describeIndex, type UniqueIndex } from '../conflict';
import type { Relation } from '../relations';
import { freeName, takenNames } from '../repair/conflict-target';
import type { WrittenTable } from '../targets';
import { decide, type Found, listed, NO_STATEMENT, NOTHING_NOW, notFound, repairBy } from './finding';
import { about, isKey, keysOf } from './on-constraint-finding';

export async function diagnoseUnusable(
  db: Database,
  target: WrittenTable,
  insert: InsertSeen | null,
  message: string,
): Promise<Found> {
  const { table } = target;
  const conflict = insert?.conflict;
  if (!conflict) return notFound([`${NO_STATEMENT}, or it was cut before its ON CONFLICT.`]);
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
    return about(
      table,
      deferrable.name,
      keysOf(deferrable),
      'deferrable',
      'schema',
      cause,
      await makeImmediate(db, table, deferrable),
    );
  }
  const exclusion = candidates.find((index) => index.exclusion);
  if (exclusion !== undefined)
    return about(
      table,
      exclusion.name,
      keysOf(exclusion),
      'exclusion',
      'application',
      `${exclusion.name} on ${table.sql} is an exclusion constraint, and ON CONFLICT DO UPDATE does not work with one: several rows may conflict.`,
      decide(
        'The application must use DO NOTHING and look for the rows itself; or create a unique index, if rows are ' +
          'unique by columns alone.',
      ),
    );
  const keys = table.uniqueIndexes.filter(isKey);
  if (message.includes('no associated index'))
    return about(
      table,
      conflict.constraint === null ? null : quoteWhereNeeded(conflict.constraint),
      [],
      'no-key',
      'application',
      `${conflict.constraint ?? 'The constraint'} on ${table.sql} is not a key: a CHECK or a foreign key has no ` +
        'index that ON CONFLICT could use.',
      decide(
        keys.length === 0
          ? 'The application must name a key, and the table has none: first decide which columns identify a row.'
          : `The application must name a key. The table has: ${listed(keys.map(describeIndex))}.`,
      ),
    );
  return about(
    table,
    null,
    [],
    'not-reproduced',
    'not-reproduced',
    `No constraint of ${table.sql} that the statement could mean is a deferrable or an exclusion constraint now.`,
    repairBy(NOTHING_NOW),
  );
}

/** Another index first, so that rows are unique at every moment; then it takes the constraint's place under its name. */
async function makeImmediate(db: Database, table: Relation, index: UniqueIndex): Promise<Repair> {
  const why =
    'A constraint that is not DEFERRABLE works with ON CONFLICT, but code that violates the key for a moment ' +
    'inside a transaction (swapping positions, SET CONSTRAINTS … DEFERRED) then fails.';
  if (
    table.kind === 'partitioned' ||
    index.exclusion ||
    index.constraint === null ||
    index.keys.some(({ column }) => column === null)
  )
    return decide(`${why} Recreate the constraint without DEFERRABLE at a quiet time.`);
  const keys = keysOf(index);
  const free = freeName(table.sql, keys, await takenNames(db, table.schema));
  const name = quoteWhereNeeded(index.constraint);
  return decide(`${why} If there is no such code:`, [
    `CREATE UNIQUE INDEX CONCURRENTLY ${free} ON ${table.sql} (${keys.join(', ')});`,
    'BEGIN;',
    "SET LOCAL lock_timeout = '2s';",
    `ALTER TABLE ${table.sql} DROP CONSTRAINT ${name};`,
    `ALTER TABLE ${table.sql} ADD CONSTRAINT ${name} ${index.primary ? 'PRIMARY KEY' : 'UNIQUE'} USING INDEX ${free};`,
    'COMMIT;',
  ]);
}
