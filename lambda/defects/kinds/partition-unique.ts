import { grouped } from '../../audit/compare/pair';
import type { Finding } from '../../audit/finding';
import { key, list, path, plural } from '../../audit/names';
import type { Kind } from '../kind';

export const partitionUnique: Kind = {
  id: 'partition-unique',
  title: 'Partitions are unique one by one, and the table is not',
  impact:
    'The same key can be in two partitions, ON CONFLICT on the table finds no index, and a new partition has none at all.',
  origin:
    'Unique indexes were created on the partitions that there were, since one on the table has to hold the partition key.',
  audit: {
    grades: { C: 'at least two partitions have it, and the table has not' },
    remedy:
      'If the columns hold the partition key, create the unique index on the table: those of the partitions are attached. If not, the database cannot promise it, and a person has to decide what does.',
    unwritten: 'what the table should be unique by is for a person to decide',
    find: ({ target: { catalogue } }) => {
      const indexes = grouped(catalogue.indexes, ({ schema, table }) => key(schema, table));
      const partitions = grouped(
        catalogue.tables.filter(({ partitionOf }) => partitionOf),
        ({ partitionOf }) => key(partitionOf!.schema, partitionOf!.name),
      );
      return [...partitions].flatMap(([parent, children]): Finding[] => {
        const [{ partitionOf }] = children as [(typeof children)[number]];
        const onTable = new Set((indexes.get(parent) ?? []).filter(({ unique }) => unique).map(keyOf));
        const own = children
          .flatMap(({ schema, name }) => indexes.get(key(schema, name)) ?? [])
          .filter((index) => index.unique && !index.partitionOf && !onTable.has(keyOf(index)));
        return [...grouped(own, keyOf).values()]
          .filter((same) => same.length > 1)
          .map((same) => {
            const object = path(partitionOf!.schema, partitionOf!.name);
            return {
              grade: 'C',
              object,
              message: `(${list(same[0]!.columns)}) is unique in ${plural(same.length, 'partition')} of ${object}, and not in the table.`,
              evidence: same.slice(0, 3).map(({ definition }) => definition),
            };
          });
      });
    },
  },
};

const keyOf = ({
  columns,
  predicate = '',
}: {
  readonly columns: readonly string[];
  readonly predicate?: string;
}): string => key(...columns, `WHERE ${predicate}`);
