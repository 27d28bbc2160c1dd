/** Makes the unique index that an ON CONFLICT clause needs: on a plain table without stopping writers, on partitions one by one. */
import type { Repair } from '../../contract/diagnosis';
import type { Database } from '../../postgres/database';
import { quoteWhereNeeded } from '../../sql/quote';
import { identifierOf, tokens } from '../../sql/tokens';
import { decide, repairBy } from '../diagnosis/finding';
import { lastName } from '../last-name';
import type { Relation } from '../relations';

/** What the index has to be. All of it is ready for SQL. */
export interface WantedIndex {
  readonly keys: readonly string[];
  /** The keys as values, without operator classes. @default - `keys` */
  readonly values?: readonly string[];
  /** Null for all rows. */
  readonly predicate: string | null;
}

export type IndexedTable = Pick<
  Relation,
  'schema' | 'name' | 'sql' | 'kind' | 'partitionKey' | 'leaves' | 'nested'
> & {
  /** Columns of the table by the names that SQL writes for them. */
  readonly columnNames: ReadonlyMap<string, string>;
};

/** More partitions than this are nobody's to do by hand. */
const MOST_LEAVES = 20;

const DUPLICATES =
  'First look for rows that already violate it. If the query returns any, a person must decide which of them to ' +
  'keep: until then the build fails and leaves an INVALID index behind.';

/** Rows that a unique index would refuse: NULL is equal to nothing, so it repeats without violating anything. */
export function violations(table: string, values: readonly string[], predicate: string | null): string {
  const list = values.join(', ');
  return (
    `SELECT ${list}, count(*) FROM ${table} WHERE ${predicate === null ? '' : `(${predicate}) AND `}num_nulls(${list}) = 0 ` +
    `GROUP BY ${list} HAVING count(*) > 1;`
  );
}

/** @param taken names of relations in the table's schema; a name is chosen that is not among them */
export function makeConflictTarget(
  table: IndexedTable,
  wanted: WantedIndex,
  taken: ReadonlySet<string>,
): Repair {
  const keys = wanted.keys.join(', ');
  const where = wanted.predicate === null ? '' : ` WHERE ${wanted.predicate}`;
  const name = freeName(table.sql, wanted.keys, taken);
  const duplicates = violations(table.sql, wanted.values ?? wanted.keys, wanted.predicate);
  if (table.kind !== 'partitioned')
    return repairBy(`Create the unique index. ${DUPLICATES}`, [
      duplicates,
      `CREATE UNIQUE INDEX CONCURRENTLY ${name} ON ${table.sql} (${keys})${where};`,
    ]);
  const missing = (table.partitionKey ?? []).filter(
    (column) => column === null || !wanted.keys.includes(table.columnNames.get(column) ?? ''),
  );
  if (missing.length > 0)
    return decide(
      missing.includes(null)
        ? `${table.sql} is partitioned by an expression, so no unique index is possible: the application must look for the row itself.`
        : `${table.sql} is partitioned by ${table.partitionKey!.join(', ')}, and a unique index must include the partition key: one on ` +
            `(${keys}) alone is not possible. Add ${missing.join(', ')} to the ON CONFLICT clause and create that index, if ` +
            'rows are unique by these columns.',
    );
  if (table.nested || table.leaves.length > MOST_LEAVES)
    return repairBy(
      'Create the unique index at a quiet time: on a partitioned table it cannot be built CONCURRENTLY, and ' +
        `writers wait until it is built on every partition. ${DUPLICATES}`,
      [duplicates, `CREATE UNIQUE INDEX ${name} ON ${table.sql} (${keys})${where};`],
    );
  return repairBy(
    'Create the unique index on each partition, which does not block writers, and attach these to one on the ' +
      `partitioned table. ${DUPLICATES}`,
    [
      duplicates,
      `CREATE UNIQUE INDEX ${name} ON ONLY ${table.sql} (${keys})${where};`,
      ...attached(
        table,
        `${quoteWhereNeeded(table.schema)}.${name}`,
        { ...wanted, predicate: wanted.predicate },
        table.leaves,
        taken,
      ),
    ],
  );
}

/** On each of these partitions an index, joined under the one of the table. */
export function attached(
  table: Pick<Relation, 'schema'>,
  index: string,
  wanted: WantedIndex,
  leaves: readonly string[],
  taken: ReadonlySet<string>,
): readonly string[] {
  const used = new Set(taken);
  const where = wanted.predicate === null ? '' : ` WHERE ${wanted.predicate}`;
  return leaves.flatMap((leaf) => {
    const name = freeName(leaf, wanted.keys, used);
    used.add(lastName(name));
    const schema =
      leaf.slice(0, leaf.length - unqualified(leaf).length) || `${quoteWhereNeeded(table.schema)}.`;
    return [
      `CREATE UNIQUE INDEX CONCURRENTLY ${name} ON ${leaf} (${wanted.keys.join(', ')})${where};`,
      `ALTER INDEX ${index} ATTACH PARTITION ${schema}${name};`,
    ];
  });
}

/** `public.orders` → `orders`, brackets and dots inside quotes respected. */
export const unqualified = (table: string): string => /(?:"(?:[^"]|"")+"|[^".]+)$/.exec(table)?.[0] ?? table;

const LONGEST_NAME = 63;

/**
 * With a name, since a migration cannot find again what the server names by itself. It is the one that the server gives
 * a UNIQUE constraint over these columns (makeObjectName and ChooseRelationName in PostgreSQL's indexcmds.c), numbered
 * like there where it is taken. `_idx` would be that of a plain index, which may be there already.
 */
export function freeName(table: string, keys: readonly string[], taken: ReadonlySet<string>): string {
  for (let i = 0; ; i++) {
    const name = objectName(lastName(table), keys.map(keyName).join('_'), `key${i === 0 ? '' : i}`);
    if (!taken.has(name)) return quoteWhereNeeded(name);
  }
}

/** The two names are cut, the longer one first, until all of it fits. */
function objectName(first: string, second: string, label: string): string {
  const [one, two] = [Buffer.from(first), Buffer.from(second)];
  let [a, b] = [one.length, two.length];
  while (a + b > LONGEST_NAME - `__${label}`.length) {
    if (a > b) a--;
    else b--;
  }
  return `${clipped(one, a)}_${clipped(two, b)}_${label}`;
}

/** A column's name, or a function's at the head of an expression. */
function keyName(key: string): string {
  const [token] = tokens(key);
  return (token && identifierOf(token)) ?? 'expr';
}

/** At most so many bytes, without cutting a character in two. */
function clipped(text: Buffer, bytes: number): string {
  let end = bytes;
  // 10xxxxxx: inside a character.
  while (end > 0 && end < text.length && (text[end]! & 0xc0) === 0x80) end--;
  return text.toString('utf8', 0, end);
}

/** Names in a schema that end as {@link freeName}'s do. */
export async function takenNames(db: Database, schema: string): Promise<ReadonlySet<string>> {
  const rows = await db.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relname ~ '_key[0-9]*$'`,
    [schema],
  );
  return new Set(rows.map(({ name }) => name));
}
