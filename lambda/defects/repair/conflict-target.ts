/**
 * Builds the unique index that an ON CONFLICT clause needs: CONCURRENTLY on a plain table, and partition by partition
 * on a partitioned one.
 */
import type { Repair } from '../../contract/diagnosis';
import type { Database } from '../../postgres/database';
import { quoteIfNeeded } from '../../sql/quote';
import { readIdentifier, tokenizeSql } from '../../sql/tokens';
import { makeManualDecision, makeRepair } from '../diagnosis/finding';
import type { Relation } from '../relations';
import { extractUnqualifiedName } from '../unqualified-name';

/** The index to create. All texts are ready for SQL. */
export interface UniqueIndexSpec {
  readonly keys: readonly string[];
  /**
   * Keys as values, without operator classes.
   * @default - `keys`
   */
  readonly values?: readonly string[];
  /** Predicate of a partial index, or null for all rows. */
  readonly predicate: string | null;
}

export type IndexedTable = Pick<
  Relation,
  'schema' | 'name' | 'sql' | 'kind' | 'partitionKey' | 'leaves' | 'nested'
> & {
  /** Names of the table's columns as SQL, by their names in the catalog. */
  readonly columnNames: ReadonlyMap<string, string>;
};

/** With more partitions than this, the statements are too many to run by hand. */
const MAX_LEAF_PARTITIONS = 20;

const DUPLICATES_NOTE =
  'First look for rows that already violate it. If the query returns any, a person must decide which of them to ' +
  'keep: until then the build fails and leaves an INVALID index behind.';

/**
 * Returns the query for rows that would violate a unique index. Keys with a NULL are left out, since NULLs do not
 * conflict.
 */
export function buildDuplicatesSql(
  table: string,
  values: readonly string[],
  predicate: string | null,
): string {
  const list = values.join(', ');
  return (
    `SELECT ${list}, count(*) FROM ${table} WHERE ${predicate === null ? '' : `(${predicate}) AND `}num_nulls(${list}) = 0 ` +
    `GROUP BY ${list} HAVING count(*) > 1;`
  );
}

/**
 * Returns the repair that creates the index.
 * @param taken names of relations in the table's schema that the index must not use
 */
export function makeConflictTarget(
  table: IndexedTable,
  wanted: UniqueIndexSpec,
  taken: ReadonlySet<string>,
): Repair {
  const keys = wanted.keys.join(', ');
  const where = wanted.predicate === null ? '' : ` WHERE ${wanted.predicate}`;
  const name = chooseFreeName(table.sql, wanted.keys, taken);
  const duplicates = buildDuplicatesSql(table.sql, wanted.values ?? wanted.keys, wanted.predicate);
  if (table.kind !== 'partitioned')
    return makeRepair(`Create the unique index. ${DUPLICATES_NOTE}`, [
      duplicates,
      `CREATE UNIQUE INDEX CONCURRENTLY ${name} ON ${table.sql} (${keys})${where};`,
    ]);
  const missing = (table.partitionKey ?? []).filter(
    (column) => column === null || !wanted.keys.includes(table.columnNames.get(column) ?? ''),
  );
  if (missing.length > 0)
    return makeManualDecision(
      missing.includes(null)
        ? `${table.sql} is partitioned by an expression, so no unique index is possible: the application must look for the row itself.`
        : `${table.sql} is partitioned by ${table.partitionKey!.join(', ')}, and a unique index must include the partition key: one on ` +
            `(${keys}) alone is not possible. Add ${missing.join(', ')} to the ON CONFLICT clause and create that index, if ` +
            'rows are unique by these columns.',
    );
  if (table.nested || table.leaves.length > MAX_LEAF_PARTITIONS)
    return makeRepair(
      'Create the unique index at a quiet time: on a partitioned table it cannot be built CONCURRENTLY, and ' +
        `writers wait until it is built on every partition. ${DUPLICATES_NOTE}`,
      [duplicates, `CREATE UNIQUE INDEX ${name} ON ${table.sql} (${keys})${where};`],
    );
  return makeRepair(
    'Create the unique index on each partition, which does not block writers, and attach these to one on the ' +
      `partitioned table. ${DUPLICATES_NOTE}`,
    [
      duplicates,
      `CREATE UNIQUE INDEX ${name} ON ONLY ${table.sql} (${keys})${where};`,
      ...buildAttachedIndexesSql(
        table,
        `${quoteIfNeeded(table.schema)}.${name}`,
        { ...wanted, predicate: wanted.predicate },
        table.leaves,
        taken,
      ),
    ],
  );
}

/** Returns the statements that create an index on each partition and attach it to the table's index. */
export function buildAttachedIndexesSql(
  table: Pick<Relation, 'schema'>,
  index: string,
  wanted: UniqueIndexSpec,
  leaves: readonly string[],
  taken: ReadonlySet<string>,
): readonly string[] {
  const used = new Set(taken);
  const where = wanted.predicate === null ? '' : ` WHERE ${wanted.predicate}`;
  return leaves.flatMap((leaf) => {
    const name = chooseFreeName(leaf, wanted.keys, used);
    used.add(extractUnqualifiedName(name));
    const schema = leaf.slice(0, leaf.length - stripSchema(leaf).length) || `${quoteIfNeeded(table.schema)}.`;
    return [
      `CREATE UNIQUE INDEX CONCURRENTLY ${name} ON ${leaf} (${wanted.keys.join(', ')})${where};`,
      `ALTER INDEX ${index} ATTACH PARTITION ${schema}${name};`,
    ];
  });
}

/** Returns the name without its schema: `public.orders` → `orders`. Dots in quoted names are respected. */
export const stripSchema = (table: string): string => /(?:"(?:[^"]|"")+"|[^".]+)$/.exec(table)?.[0] ?? table;

const MAX_NAME_BYTES = 63;

/**
 * Returns a free name for an index. The name is explicit, since a later migration cannot know a name that the server
 * chooses. It is the default name of a UNIQUE constraint over these columns (makeObjectName and ChooseRelationName in
 * PostgreSQL's indexcmds.c), with a number if it is taken. The suffix `_idx` is avoided: it is the default for a plain
 * index, which may already exist.
 */
export function chooseFreeName(table: string, keys: readonly string[], taken: ReadonlySet<string>): string {
  for (let i = 0; ; i++) {
    const name = makeObjectName(
      extractUnqualifiedName(table),
      keys.map(extractKeyName).join('_'),
      `key${i === 0 ? '' : i}`,
    );
    if (!taken.has(name)) return quoteIfNeeded(name);
  }
}

/** Joins two names with a label. The longer name is cut first until the result fits. */
function makeObjectName(first: string, second: string, label: string): string {
  const [one, two] = [Buffer.from(first), Buffer.from(second)];
  let [a, b] = [one.length, two.length];
  while (a + b > MAX_NAME_BYTES - `__${label}`.length) {
    if (a > b) a--;
    else b--;
  }
  return `${truncateBytes(one, a)}_${truncateBytes(two, b)}_${label}`;
}

/** Returns the first name of a key: a column, or a function that an expression starts with. */
function extractKeyName(key: string): string {
  const [token] = tokenizeSql(key);
  return (token && readIdentifier(token)) ?? 'expr';
}

/** Cuts a text to a number of bytes without splitting a character. */
function truncateBytes(text: Buffer, bytes: number): string {
  let end = bytes;
  // Bytes of the form 10xxxxxx continue a UTF-8 character.
  while (end > 0 && end < text.length && (text[end]! & 0xc0) === 0x80) end--;
  return text.toString('utf8', 0, end);
}

/** Returns the relation names of a schema that end in the suffix of {@link chooseFreeName}. */
export async function readTakenNames(db: Database, schema: string): Promise<ReadonlySet<string>> {
  const rows = await db.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relname ~ '_key[0-9]*$'`,
    [schema],
  );
  return new Set(rows.map(({ name }) => name));
}
