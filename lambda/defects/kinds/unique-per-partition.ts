import { groupBy } from '../../audit/compare/pair';
import type { Finding } from '../../audit/finding';
import { formatCount, formatNames, formatPath, joinKey } from '../../audit/names';
import type { FindingKind } from '../kind';

export const uniquePerPartition: FindingKind = {
  id: 'unique-per-partition',
  title: 'Partitions have a unique index that the table does not have',
  impact:
    'Two partitions can contain the same key, ON CONFLICT on the table finds no index, and new partitions get no index.',
  origin:
    'Unique indexes were created on the existing partitions, because one on the table must include the partition key.',
  audit: {
    confidences: { C: 'at least two partitions have the index, and the table does not' },
    remedy:
      'If the columns include the partition key, create the unique index on the table: PostgreSQL attaches those of the partitions. If not, the database cannot enforce uniqueness, and a person must decide how to ensure it.',
    unwritten: 'a person must decide which columns should be unique in the table',
    find: ({ target: { catalog } }) => {
      const indexes = groupBy(catalog.indexes, ({ schema, table }) => joinKey(schema, table));
      const partitions = groupBy(
        catalog.tables.filter(({ partitionOf }) => partitionOf),
        ({ partitionOf }) => joinKey(partitionOf!.schema, partitionOf!.name),
      );
      return [...partitions].flatMap(([parent, children]): Finding[] => {
        const [{ partitionOf }] = children as [(typeof children)[number]];
        const onTable = new Set(
          (indexes.get(parent) ?? []).filter(({ unique }) => unique).map(buildIndexKey),
        );
        const own = children
          .flatMap(({ schema, name }) => indexes.get(joinKey(schema, name)) ?? [])
          .filter((index) => index.unique && !index.partitionOf && !onTable.has(buildIndexKey(index)));
        return [...groupBy(own, buildIndexKey).values()]
          .filter((same) => same.length > 1)
          .map((same) => {
            const object = formatPath(partitionOf!.schema, partitionOf!.name);
            return {
              confidence: 'C',
              object,
              message: `(${formatNames(same[0]!.columns)}) is unique in ${formatCount(same.length, 'partition')} of ${object}, but not in the whole table.`,
              evidence: same.slice(0, 3).map(({ definition }) => definition),
            };
          });
      });
    },
  },
};

const buildIndexKey = ({
  columns,
  predicate = '',
}: {
  readonly columns: readonly string[];
  readonly predicate?: string;
}): string => joinKey(...columns, `WHERE ${predicate}`);
