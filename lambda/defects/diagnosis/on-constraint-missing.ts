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
        `${table.sql} has the constraint ${sql}, as the catalogue has it now.`,
        repairBy(NOTHING_NOW),
      ),
      unseen: [
        'The catalogue keeps no times: whether the constraint is newer than the error, or a session wrote to another table of this name, is not seen.',
      ],
    };
  const bare = table.uniqueIndexes.find(
    (index) => index.constraint === null && lastName(index.name) === name,
  );
  if (bare !== undefined) {
    const cause = `${describeIndex(bare)} on ${table.sql} is an index and no constraint, so ON CONSTRAINT does not find it.`;
    const usable = bare.plain && isKey(bare) && !bare.partitioned;
    return usable
      ? say(
          'index-only',
          'schema',
          bare,
          cause,
          repairBy(
            `Make the index a constraint; nothing is built, and the lock is held for a moment only. Or the statement names the columns: ${clauseFor(bare)}.`,
            [`ALTER TABLE ${table.sql} ADD CONSTRAINT ${sql} UNIQUE USING INDEX ${bare.name};`],
          ),
        )
      : say(
          'index-only',
          'application',
          bare,
          cause,
          repairBy(`The statement has to name the columns: ${clauseFor(bare)}.`),
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
        `${renamed.name} has the columns of which PostgreSQL makes the name ${sql}. Either it gets that name back, if nothing else uses the one that it has, or the statement names the columns: ${clauseFor(renamed)}.`,
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
        `By its name it is a key over (${list}). If it is, make it; first look for rows that violate it, and resolve them.`,
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
      `What ${sql} was over, its name does not say. The statement has to name one of the keys that are there, or the migration that makes the constraint has to be found.`,
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
