/**
 * ON CONFLICT's other errors: a constraint of a name that is not there (42704), one that cannot arbitrate because it is
 * deferrable (55000), or because it is an exclusion constraint or no key at all (42809).
 */
import type { DiagnosisQuestion, Repair, Verdict } from '../../contract/diagnosis';
import type { Database } from '../../postgres/database';
import { type InsertSeen, insertsIn } from '../../sql/insert';
import { quoteIdentifier } from '../../sql/quote';
import { clauseFor, describeIndex, type UniqueIndex } from '../conflict';
import { searchPathOf } from '../facts';
import { missingConflictTarget } from '../kinds/missing-conflict-target';
import { lastName } from '../last-name';
import { NO_OBJECT } from '../object';
import type { Relation } from '../relations';
import { freeName, takenNames, violations } from '../repair/conflict-target';
import { inOrder, relationsBehind, targetOf, type WrittenTable } from '../targets';
import { decide, type Found, listed, NO_STATEMENT, notFound, repairBy } from './finding';

/** @param words what the message names */
export async function diagnoseOnConstraint(
  db: Database,
  question: DiagnosisQuestion,
  words: Readonly<Record<string, string>>,
): Promise<Found> {
  const inserts = question.statement === null ? [] : insertsIn(question.statement);
  const upserts = inserts.filter(({ conflict }) => conflict !== null);
  const tables = words.table === undefined ? upserts.map(({ table }) => table) : [words.table];
  if (tables.length === 0) return notFound([`${NO_STATEMENT}, so neither table nor constraint is known.`]);
  const [relations, path] = await Promise.all([
    relationsBehind(db, [...tables, ...upserts.map(({ table }) => table)], question.user),
    searchPathOf(db, question.user),
  ]);
  const targets = inOrder(
    relations.filter(({ name }) => tables.includes(name)).map((named) => targetOf(named, relations)),
    ({ named }) => named,
    upserts.find(({ table }) => tables.includes(table))?.schema ?? null,
    path,
  );
  const found: Found[] = [];
  for (const target of targets) {
    const insert = upserts.find(({ table }) => table === target.named.name) ?? upserts[0] ?? null;
    found.push(
      words.constraint === undefined
        ? await cannotArbitrate(db, target, insert, question.message)
        : await missing(db, target.table, words.constraint, insert),
    );
  }
  return (
    found.find(({ verdict }) => verdict !== null && verdict !== 'not-reproduced') ??
    found.find(({ verdict }) => verdict !== null) ??
    found[0] ??
    notFound([`There is no table ${tables.join(' or ')} in this database now.`])
  );
}

const about = (
  table: Relation,
  name: string | null,
  keys: readonly string[],
  which: string,
  verdict: Verdict,
  cause: string,
  repair: Repair,
): Found => ({
  kind: missingConflictTarget,
  case: which,
  verdict,
  object: { ...NO_OBJECT, table: table.sql, columns: keys, name },
  subject: name === null ? table.sql : `${table.sql} (constraint ${name})`,
  cause: [cause],
  unseen: [],
  repair,
});

const keysOf = (index: UniqueIndex): readonly string[] => index.keys.map(({ text }) => text);
const isKey = (index: UniqueIndex): boolean =>
  index.unique && !index.exclusion && index.valid && index.immediate;

async function missing(
  db: Database,
  table: Relation,
  name: string,
  insert: InsertSeen | null,
): Promise<Found> {
  const sql = sqlName(name);
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
        repairBy(
          'Nothing in the schema, as the catalogue has it now. If the errors go on, the statement ran in another schema, database or session than this one.',
        ),
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
        ? `ALTER TABLE ${table.sql} RENAME CONSTRAINT ${sqlName(renamed.constraint)} TO ${sql};`
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

async function cannotArbitrate(
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
        'The application has to write DO NOTHING and look for the rows itself; or a unique index has to be made, if rows are unique by columns alone.',
      ),
    );
  const keys = table.uniqueIndexes.filter(isKey);
  if (message.includes('no associated index'))
    return about(
      table,
      conflict.constraint === null ? null : sqlName(conflict.constraint),
      [],
      'no-key',
      'application',
      `${conflict.constraint ?? 'The constraint'} on ${table.sql} is no key: a CHECK or a foreign key has no index that ON CONFLICT could use.`,
      decide(
        keys.length === 0
          ? 'The application has to name a key, and the table has none: which columns make rows one has to be said first.'
          : `The application has to name a key. There are: ${listed(keys.map(describeIndex))}.`,
      ),
    );
  return about(
    table,
    null,
    [],
    'not-reproduced',
    'not-reproduced',
    `No constraint of ${table.sql} that the statement could mean is deferrable or an exclusion constraint, as the catalogue has it now.`,
    repairBy(
      'Nothing in the schema, as the catalogue has it now. If the errors go on, the statement ran in another schema, database or session than this one.',
    ),
  );
}

/** Another index first, so that rows are unique at every moment; then it takes the constraint's place under its name. */
async function makeImmediate(db: Database, table: Relation, index: UniqueIndex): Promise<Repair> {
  const why =
    'A constraint that is not DEFERRABLE serves ON CONFLICT, but code that breaks the key for a moment inside a transaction (swaps of ' +
    'positions, SET CONSTRAINTS … DEFERRED) then fails.';
  if (
    table.kind === 'partitioned' ||
    index.exclusion ||
    index.constraint === null ||
    index.keys.some(({ column }) => column === null)
  )
    return decide(`${why} The constraint has to be made again without DEFERRABLE, in a quiet hour.`);
  const keys = keysOf(index);
  const free = freeName(table.sql, keys, await takenNames(db, table.schema));
  const name = sqlName(index.constraint);
  return decide(`${why} If there is none:`, [
    `CREATE UNIQUE INDEX CONCURRENTLY ${free} ON ${table.sql} (${keys.join(', ')});`,
    'BEGIN;',
    "SET LOCAL lock_timeout = '2s';",
    `ALTER TABLE ${table.sql} DROP CONSTRAINT ${name};`,
    `ALTER TABLE ${table.sql} ADD CONSTRAINT ${name} ${index.primary ? 'PRIMARY KEY' : 'UNIQUE'} USING INDEX ${free};`,
    'COMMIT;',
  ]);
}

const sqlName = (name: string): string => (/^[a-z_][a-z0-9_]*$/.test(name) ? name : quoteIdentifier(name));
