/** Returns the repair for each case of ON CONFLICT: an index, or the clause to write. */
import type { Repair } from '../../contract/diagnosis';
import type { Database } from '../../postgres/database';
import { tokenizeSql } from '../../sql/tokens';
import { buildConflictClause, type ConflictCase, type UniqueIndex } from '../conflict';
import type { Relation } from '../relations';
import {
  buildAttachedIndexesSql,
  buildDuplicatesSql,
  makeConflictTarget,
  readTakenNames,
} from '../repair/conflict-target';
import { extractUnqualifiedName } from '../unqualified-name';
import type { ExplainedClause } from './explained-clause';
import { makeManualDecision, makeRepair, NOTHING_NOW_REPAIR } from './finding';

/** Returns null if the check's own repair applies. */
export async function repairConflict(db: Database, explained: ExplainedClause): Promise<Repair | null> {
  const { case: which, index, table } = explained;
  if (which === 'no-index' || which === 'other-columns') return buildIndexRepair(db, explained);
  if (which === 'invalid-index') return buildRebuildRepair(db, table, index!);
  return CLAUSE_REPAIRS[which]?.(explained) ?? null;
}

const CLAUSE_REPAIRS: Partial<Record<ConflictCase, (explained: ExplainedClause) => Repair>> = {
  'narrower-key': ({ index, keys }) =>
    makeRepair(
      `Change the application’s statement to name the key: ${buildConflictClause(index!)}. Another index on (${keys.join(', ')}) would ` +
        'never be the one that conflicts.',
    ),
  'other-spelling': ({ index, keys }) =>
    makeManualDecision(
      `If the index defines which rows are equal, change the statement: ${buildConflictClause(index!)}. If the clause does, ` +
        `create a unique index on (${keys.join(', ')}).`,
    ),
  'other-collation': ({ index }) =>
    makeManualDecision(
      `A clause without COLLATE and operator class matches the index: ${buildConflictClause(index!)}. If rows should be compared as ` +
        'the clause says, create an index to match.',
    ),
  exclusion: ({ index, insert }) =>
    insert.conflict!.action === 'update'
      ? makeManualDecision(
          'ON CONFLICT … DO UPDATE does not work with an exclusion constraint: the application must look for the row itself; ' +
            'or create a unique index, if rows are unique by columns alone.',
        )
      : makeRepair(
          `Change the application’s statement to name the constraint (ON CONFLICT ON CONSTRAINT ${index!.name} DO ` +
            'NOTHING), or no conflict target at all.',
        ),
  'not-reproduced': () => makeRepair(NOTHING_NOW_REPAIR),
};

async function buildIndexRepair(
  db: Database,
  { table, keys, elements, insert, found }: ExplainedClause,
): Promise<Repair> {
  const written = `CREATE UNIQUE INDEX ON ${table.sql} (${keys.join(', ')})`;
  if (keys.some((key) => WITHHELD_PATTERN.test(key)))
    return makeManualDecision(
      'Create a unique index on what the clause lists, as the application writes it, with the literals that the ' +
        'log does not show (each ? is one): ' +
        `${written}. First look for rows that already violate it.`,
    );
  const expressions = elements.filter(({ column }) => column === null).map(({ text }) => text);
  if (expressions.length > 0 && !(await areSurelyImmutable(db, expressions)))
    return makeManualDecision(
      'A unique index on these expressions may not be possible: every function in it must be IMMUTABLE, and the ' +
        'catalog does not say that of ' +
        `${expressions.join(', ')}. If they are, look for rows that already violate it, then run ${written}. ` +
        'Otherwise the rule needs a column of its own.',
    );
  const unordered = table.columns.filter(
    ({ name, baseType }) => UNORDERED_TYPES.has(baseType) && elements.some(({ column }) => column === name),
  );
  if (unordered.length > 0)
    return makeManualDecision(
      `No unique index is possible on ${unordered.map(({ sql, type }) => `${sql}, which has the type ${type}`).join(', ')}: values of this type have no order. ` +
        'The rule needs another column, or an expression on this one that has an order.',
    );
  const { predicate } = insert.conflict!;
  const limit = predicate === null || WITHHELD_PATTERN.test(predicate) ? null : predicate;
  const repair = makeConflictTarget(
    { ...table, columnNames: new Map(table.columns.map(({ name, sql }) => [name, sql])) },
    {
      keys,
      values: elements.map(({ operatorClass }, i) =>
        operatorClass === null ? keys[i]! : keys[i]!.slice(0, -` ${operatorClass}`.length),
      ),
      predicate: limit,
    },
    await readTakenNames(db, table.schema),
  );
  const wider = table.uniqueIndexes.find(
    (index) =>
      index.unique &&
      index.valid &&
      elements.every(({ column }) => index.keys.some((key) => key.column === column)),
  );
  if (repair.decision) return repair;
  if (predicate !== null && limit === null)
    return makeManualDecision(
      `The statement applies only to rows WHERE ${predicate}, and the log does not show the values. An index on ` +
        'all rows works too, but forbids more; one with the predicate, its values written out, forbids exactly that. ' +
        `${repair.words}`,
      repair.sql,
    );
  if (wider !== undefined && found.case === 'other-columns')
    return makeManualDecision(
      `Rows are unique by more columns today: ${buildConflictClause(wider)} would match ${wider.name}. Do the following only ` +
        `if they are really unique by (${keys.join(', ')}). ${repair.words}`,
      repair.sql,
    );
  return repair;
}

/** Built-in types without a B-tree operator class. */
const UNORDERED_TYPES = new Set([
  'json',
  'xml',
  'jsonpath',
  'point',
  'line',
  'lseg',
  'box',
  'path',
  'polygon',
  'circle',
]);

/** Marks in a normalized text: of a withheld literal, a parameter or a cut. */
const WITHHELD_PATTERN = /[?$…]/;

/**
 * Whether the expressions consist of columns and calls only, and every function of these names is IMMUTABLE. Operators
 * and casts are left to a person.
 */
async function areSurelyImmutable(db: Database, expressions: readonly string[]): Promise<boolean> {
  const names = new Set<string>();
  for (const expression of expressions) {
    const list = [...tokenizeSql(expression)];
    for (const [i, token] of list.entries()) {
      if (token.type === 'symbol' && !['(', ')', ',', '.'].includes(token.text)) return false;
      if (token.type === 'literal') return false;
      if (list[i + 1]?.text === '(' && token.type === 'word') names.add(token.text.toLowerCase());
    }
  }
  const [row] = await db.query<{ count: string | number }>(
    `SELECT count(DISTINCT w.name) AS count FROM unnest($1::text[]) AS w (name)
     WHERE EXISTS (SELECT FROM pg_proc p WHERE p.proname = w.name)
       AND NOT EXISTS (SELECT FROM pg_proc p WHERE p.proname = w.name AND (p.provolatile <> 'i' OR p.prokind <> 'f'))`,
    [[...names]],
  );
  return Number(row?.count) === names.size;
}

/**
 * Returns the rebuild of an invalid index. Building over duplicates fails each time, and each failed REINDEX
 * CONCURRENTLY leaves another INVALID index. So only the query that finds duplicates is SQL to run; the build follows
 * after a person has looked at them. For an index on a partitioned table, the missing partition indexes are built and
 * attached.
 */
async function buildRebuildRepair(db: Database, table: Relation, index: UniqueIndex): Promise<Repair> {
  const keys = index.keys.map(({ text }) => text);
  const duplicates = buildDuplicatesSql(table.sql, keys, index.predicate);
  const left = table.uniqueIndexes.filter(
    ({ name, valid }) =>
      !valid &&
      name !== index.name &&
      isReindexLeftover(extractUnqualifiedName(index.name), extractUnqualifiedName(name)),
  );
  const leftOver =
    left.length === 0
      ? ''
      : ` Left over from failed attempts, and to be dropped: ${left.map(({ sql }) => `DROP INDEX CONCURRENTLY ${sql};`).join(' ')}`;
  const settle =
    'If the query returns rows, its build fails on these duplicates, each time: decide which of them to keep, and settle them first.';
  if (!index.partitioned)
    return makeManualDecision(
      `${settle} Once it returns none, rebuild the index: REINDEX INDEX CONCURRENTLY ${index.sql}; If its name ends in _ccnew ` +
        `or _ccold, it is left over from a failed REINDEX.${leftOver}`,
      [duplicates],
    );
  const rows = await db.query<{ leaf: string; invalid: string | null }>(LEAVES_WITHOUT_INDEX_SQL, [
    index.sql,
    table.sql,
  ]);
  const taken = await readTakenNames(db, table.schema);
  const missing = rows.filter(({ invalid }) => invalid === null).map(({ leaf }) => leaf);
  const invalid = rows.flatMap((row) => (row.invalid === null ? [] : [row.invalid]));
  const building = buildAttachedIndexesSql(
    table,
    index.sql,
    { keys, predicate: index.predicate },
    missing,
    taken,
  );
  const words = `Build it on the partitions that lack it, and attach those to ${index.name}, which becomes valid with the last one.`;
  if (invalid.length > 0)
    return makeManualDecision(
      `${settle} Once it returns none: ${words} ${[...invalid.map((each) => `REINDEX INDEX CONCURRENTLY ${each};`), ...building].join(' ')}`,
      [duplicates],
    );
  return makeRepair(
    `${words} First look for rows that already violate it. If the query returns any, a person must decide which of them to keep: ` +
      'until then the build fails and leaves an INVALID index behind.',
    [duplicates, ...building],
  );
}

/** Whether the name is that of an index that a failed REINDEX CONCURRENTLY of this index left behind: `x_ccnew`, `x_ccnew1`. */
const isReindexLeftover = (index: string, name: string): boolean =>
  name.startsWith(`${index}_cc`) && /^_cc(?:new|old)\d*$/.test(name.slice(index.length));

/**
 * Partitions that have no valid index attached to this index, and the name of the INVALID one that is attached, if any.
 */
const LEAVES_WITHOUT_INDEX_SQL = `
  WITH RECURSIVE under AS (SELECT $1::regclass::oid AS oid
      UNION SELECT h.inhrelid FROM under JOIN pg_inherits h ON h.inhparent = under.oid),
    joined AS (SELECT i.* FROM pg_index i JOIN under ON under.oid = i.indexrelid)
  SELECT format('%I.%I', n.nspname, c.relname) AS leaf,
    (SELECT format('%I.%I', xn.nspname, x.relname) FROM joined j JOIN pg_class x ON x.oid = j.indexrelid
     JOIN pg_namespace xn ON xn.oid = x.relnamespace WHERE j.indrelid = c.oid LIMIT 1) AS invalid
  FROM pg_partition_tree($2::regclass) t JOIN pg_class c ON c.oid = t.relid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE t.isleaf AND NOT EXISTS (SELECT FROM joined j WHERE j.indrelid = c.oid AND j.indisvalid)
  ORDER BY 1`;
