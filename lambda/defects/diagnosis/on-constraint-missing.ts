/** ON CONFLICT ON CONSTRAINT names a constraint that the table does not have. */
import type { Repair, Verdict } from '../../contract/diagnosis';
import type { Database } from '../../postgres/database';
import type { InsertSeen } from '../../sql/insert';
import { quoteWhereNeeded } from '../../sql/quote';
import { clauseFor, describeIndex, type UniqueIndex } from '../conflict';
import { lastName } from '../last-name';
import type { Relation } from '../relations';
import { freeName, takenNames, violations } from '../repair/conflict-target';
import { decide, type Found, listed, NOTHING_NOW, repairBy } from './finding';
import { about, isKey, keysOf } from './on-constraint-finding';

export async function diagnoseMissing(
  db: Database,
  table: Relation,
  name: string,
  insert: InsertSeen | null,
): Promise<Found> {
  const sql = quoteWhereNeeded(name);
  const say = (which: string, verdict: Verdict, index: UniqueIndex | null, cause: string, repair: Repair) =>
    about(table, sql, index === null ? [] : keysOf(index), which, verdict, cause, repair);
  const there = table.uniqueIndexes.find((index) => index.constraint === name);
  if (there !== undefined)
    return {
      ...say(
        'not-reproduced',
        'not-reproduced',
        there,
        `${table.sql} has the constraint ${sql} now.`,
        repairBy(NOTHING_NOW),
      ),
      unseen: [
        'The catalogue keeps no timestamps, so it is not known whether the constraint is newer than the error, or ' +
          'whether a session wrote to another table of this name.',
      ],
    };
  const bare = table.uniqueIndexes.find(
    (index) => index.constraint === null && lastName(index.name) === name,
  );
  if (bare !== undefined) {
    const cause = `${describeIndex(bare)} on ${table.sql} is an index, not a constraint, so ON CONSTRAINT does not find it.`;
    const usable = bare.plain && isKey(bare) && !bare.partitioned;
    return usable
      ? say(
          'index-only',
          'schema',
          bare,
          cause,
          repairBy(
            'Turn the index into a constraint; nothing is built, and the lock is held only for a moment. Or name ' +
              `the columns in the statement: ${clauseFor(bare)}.`,
            [`ALTER TABLE ${table.sql} ADD CONSTRAINT ${sql} UNIQUE USING INDEX ${bare.name};`],
          ),
        )
      : say(
          'index-only',
          'application',
          bare,
          cause,
          repairBy(`Name the columns in the statement: ${clauseFor(bare)}.`),
        );
  }
  // The server's own name of a key over some columns: what it was before somebody named it otherwise.
  const keys = table.uniqueIndexes.filter(isKey);
  const taken = new Set<string>();
  const renamed = keys.find((index) =>
    index.primary
      ? name === `${table.name}_pkey`
      : index.keys.every(({ column }) => column !== null) &&
        lastName(freeName(table.sql, keysOf(index), taken)) === name,
  );
  const cause = `${table.sql} has no constraint ${sql}${keys.length === 0 ? ', and no unique index at all' : `: it has ${listed(keys.map(describeIndex))}`}.`;
  if (renamed !== undefined && renamed.predicate === null) {
    const change =
      renamed.constraint !== null
        ? `ALTER TABLE ${table.sql} RENAME CONSTRAINT ${quoteWhereNeeded(renamed.constraint)} TO ${sql};`
        : renamed.plain && !renamed.partitioned
          ? `ALTER TABLE ${table.sql} ADD CONSTRAINT ${sql} UNIQUE USING INDEX ${renamed.name};`
          : null;
    return say(
      'other-name',
      'schema',
      renamed,
      cause,
      decide(
        `${renamed.name} has the columns from which PostgreSQL derives the name ${sql}. Either rename it back, if ` +
          `nothing uses its current name, or name the columns in the statement: ${clauseFor(renamed)}.`,
        change === null ? [] : [change],
      ),
    );
  }
  const columns = columnsIn(name, table);
  if (columns !== null && table.kind !== 'partitioned' && insert?.conflict?.constraint === name) {
    const free = freeName(table.sql, columns, await takenNames(db, table.schema));
    const list = columns.join(', ');
    return say(
      'no-constraint',
      'schema',
      null,
      cause,
      decide(
        `By its name it is a key on (${list}). If so, first look for rows that violate it and resolve them, then create it.`,
        [
          violations(table.sql, columns, null),
          `CREATE UNIQUE INDEX CONCURRENTLY ${free} ON ${table.sql} (${list});`,
          `ALTER TABLE ${table.sql} ADD CONSTRAINT ${sql} UNIQUE USING INDEX ${free};`,
        ],
      ),
    );
  }
  return say(
    'no-constraint',
    'application',
    null,
    cause,
    decide(
      `The name ${sql} does not show which columns it was on. Name one of the existing keys in the statement, or ` +
        'find the migration that creates the constraint.',
    ),
  );
}

/** `orders_tenant_id_number_key` → its columns, where just one list of them gives that name. */
function columnsIn(name: string, table: Relation): readonly string[] | null {
  const prefix = `${table.name}_`;
  if (!name.startsWith(prefix) || !name.endsWith('_key')) return null;
  const lists = (rest: string): string[][] =>
    rest === ''
      ? [[]]
      : table.columns.flatMap(({ name: column, sql }) =>
          rest === column
            ? [[sql]]
            : rest.startsWith(`${column}_`)
              ? lists(rest.slice(column.length + 1)).map((more) => [sql, ...more])
              : [],
        );
  const found = lists(name.slice(prefix.length, -'_key'.length));
  return found.length === 1 && found[0]!.length > 0 ? found[0]! : null;
}
