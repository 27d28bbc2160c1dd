/** What repairs each case of ON CONFLICT: an index, or the clause to write. */
import type { Repair } from '../../contract/diagnosis';
import type { Database } from '../../postgres/database';
import { tokens } from '../../sql/tokens';
import { type ConflictCase, clauseFor, type UniqueIndex } from '../conflict';
import type { Relation } from '../relations';
import { attached, makeConflictTarget, takenNames } from '../repair/conflict-target';
import type { ExplainedClause } from './explained-clause';
import { decide, NOTHING_NOW, repairBy } from './finding';

/** Null where the kind's own repair serves. */
export async function repairConflict(db: Database, explained: ExplainedClause): Promise<Repair | null> {
  const { case: which, index, table } = explained;
  if (which === 'no-index' || which === 'other-columns') return makeIndex(db, explained);
  if (which === 'invalid-index') return rebuild(db, table, index!);
  return CLAUSES[which]?.(explained) ?? null;
}

const CLAUSES: Partial<Record<ConflictCase, (explained: ExplainedClause) => Repair>> = {
  'narrower-key': ({ index, keys }) =>
    repairBy(
      `Change the application’s statement to name the key: ${clauseFor(index!)}. Another index on (${keys.join(', ')}) would ` +
        'never be the one that conflicts.',
    ),
  'other-spelling': ({ index, keys }) =>
    decide(
      `If the index defines which rows are equal, change the statement: ${clauseFor(index!)}. If the clause does, ` +
        `create a unique index on (${keys.join(', ')}).`,
    ),
  'other-collation': ({ index }) =>
    decide(
      `A clause without COLLATE and operator class matches the index: ${clauseFor(index!)}. If rows should be compared as ` +
        'the clause says, create an index to match.',
    ),
  exclusion: ({ index, insert }) =>
    insert.conflict!.action === 'update'
      ? decide(
          'ON CONFLICT … DO UPDATE does not work with an exclusion constraint: the application must look for the row itself; ' +
            'or create a unique index, if rows are unique by columns alone.',
        )
      : repairBy(
          `Change the application’s statement to name the constraint (ON CONFLICT ON CONSTRAINT ${index!.name} DO ` +
            'NOTHING), or no conflict target at all.',
        ),
  'not-reproduced': () => repairBy(NOTHING_NOW),
};

async function makeIndex(
  db: Database,
  { table, keys, elements, insert, found }: ExplainedClause,
): Promise<Repair> {
  const written = `CREATE UNIQUE INDEX ON ${table.sql} (${keys.join(', ')})`;
  if (keys.some((key) => HIDDEN.test(key)))
    return decide(
      'Create a unique index on what the clause lists, as the application writes it, with the literals that the ' +
        'log does not show (each ? is one): ' +
        `${written}. First look for rows that already violate it.`,
    );
  const expressions = elements.filter(({ column }) => column === null).map(({ text }) => text);
  if (expressions.length > 0 && !(await surelyImmutable(db, expressions)))
    return decide(
      'A unique index on these expressions may not be possible: every function in it must be IMMUTABLE, and the ' +
        'catalogue does not say that of ' +
        `${expressions.join(', ')}. If they are, look for rows that already violate it, then run ${written}. ` +
        'Otherwise the rule needs a column of its own.',
    );
  const unordered = table.columns.filter(
    ({ name, baseType }) => UNORDERED.has(baseType) && elements.some(({ column }) => column === name),
  );
  if (unordered.length > 0)
    return decide(
      `No unique index is possible on ${unordered.map(({ sql, type }) => `${sql}, which has the type ${type}`).join(', ')}: values of this type have no order. ` +
        'The rule needs another column, or an expression on this one that has an order.',
    );
  const { predicate } = insert.conflict!;
  const limit = predicate === null || HIDDEN.test(predicate) ? null : predicate;
  const repair = makeConflictTarget(
    { ...table, columnNames: new Map(table.columns.map(({ name, sql }) => [name, sql])) },
    {
      keys,
      values: elements.map(({ operatorClass }, i) =>
        operatorClass === null ? keys[i]! : keys[i]!.slice(0, -` ${operatorClass}`.length),
      ),
      predicate: limit,
    },
    await takenNames(db, table.schema),
  );
  const wider = table.uniqueIndexes.find(
    (index) =>
      index.unique &&
      index.valid &&
      elements.every(({ column }) => index.keys.some((key) => key.column === column)),
  );
  if (repair.decision) return repair;
  if (predicate !== null && limit === null)
    return decide(
      `The statement applies only to rows WHERE ${predicate}, and the log does not show the values. An index on ` +
        'all rows works too, but forbids more; one with the predicate, its values written out, forbids exactly that. ' +
        `${repair.words}`,
      repair.sql,
    );
  if (wider !== undefined && found.case === 'other-columns')
    return decide(
      `Rows are unique by more columns today: ${clauseFor(wider)} would match ${wider.name}. Do the following only ` +
        `if they are really unique by (${keys.join(', ')}). ${repair.words}`,
      repair.sql,
    );
  return repair;
}

/** Types of the server's own without a B-tree. */
const UNORDERED = new Set([
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

/** What normalize() leaves of a value, a parameter, or a cut. */
const HIDDEN = /[?$…]/;

/** Calls and columns only, and every function of these names is IMMUTABLE. Operators and casts are left to a person. */
async function surelyImmutable(db: Database, expressions: readonly string[]): Promise<boolean> {
  const names = new Set<string>();
  for (const expression of expressions) {
    const list = [...tokens(expression)];
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

/** Of an index on partitions, those are built and joined that lack it. */
async function rebuild(db: Database, table: Relation, index: UniqueIndex): Promise<Repair> {
  const duplicates =
    'If its build failed on duplicate rows, a person must resolve those first, or it fails again.';
  if (!index.partitioned)
    return repairBy(
      `Rebuild it. ${duplicates} If its name ends in _ccnew or _ccold, it is left over from a failed REINDEX.`,
      [`REINDEX INDEX CONCURRENTLY ${index.sql};`],
    );
  const rows = await db.query<{ leaf: string; invalid: string | null }>(LEAVES_WITHOUT, [
    index.sql,
    table.sql,
  ]);
  const taken = await takenNames(db, table.schema);
  const keys = index.keys.map(({ text }) => text);
  const missing = rows.filter(({ invalid }) => invalid === null).map(({ leaf }) => leaf);
  return repairBy(
    `Build it on the partitions that lack it, and attach those to ${index.name}, which becomes valid with the last ` +
      `one. ${duplicates}`,
    [
      ...rows.flatMap(({ invalid }) => (invalid === null ? [] : [`REINDEX INDEX CONCURRENTLY ${invalid};`])),
      ...attached(table, index.sql, { keys, predicate: index.predicate }, missing, taken),
    ],
  );
}

/** Partitions without a valid index joined under this one, and the name of the INVALID one that is. */
const LEAVES_WITHOUT = `
  WITH RECURSIVE under AS (SELECT $1::regclass::oid AS oid
      UNION SELECT h.inhrelid FROM under JOIN pg_inherits h ON h.inhparent = under.oid),
    joined AS (SELECT i.* FROM pg_index i JOIN under ON under.oid = i.indexrelid)
  SELECT format('%I.%I', n.nspname, c.relname) AS leaf,
    (SELECT format('%I.%I', xn.nspname, x.relname) FROM joined j JOIN pg_class x ON x.oid = j.indexrelid
     JOIN pg_namespace xn ON xn.oid = x.relnamespace WHERE j.indrelid = c.oid LIMIT 1) AS invalid
  FROM pg_partition_tree($2::regclass) t JOIN pg_class c ON c.oid = t.relid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE t.isleaf AND NOT EXISTS (SELECT FROM joined j WHERE j.indrelid = c.oid AND j.indisvalid)
  ORDER BY 1`;
