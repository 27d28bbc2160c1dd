import type { Catalog } from '../../audit/catalog';
import { groupBy } from '../../audit/compare/pair';
import { formatCount, formatPath } from '../../audit/names';
import { hasEnoughSiblings, listGeneratableKeys } from '../keys';
import type { FindingKind } from '../kind';

export const keysWithoutDefault: FindingKind = {
  id: 'keys-without-default',
  title: 'No key in a schema has a default or identity',
  impact: 'Every INSERT that leaves the id to the database fails.',
  origin:
    'A migration tool that creates only tables and primary keys (AWS DMS) leaves all keys without a default. No key differs from the others, ' +
    'so only the schema as a whole shows it.',
  audit: {
    confidences: {
      C: 'the schema has at least four uuid and integer keys, in at least half of its tables, and none of them has a default or an identity',
    },
    remedy:
      'Find out whether the application generates its keys. If it does not, give each key a default of its type, or an identity, and set the sequences above the highest key. With --from, each key that has a default or identity in the source is a finding.',
    unwritten:
      'a person must decide which keys the database generates; with --from, each key that has a default or identity in the source is a finding',
    blind: 'Whether the application generates the keys. With --workload, the statements show it.',
    find: ({ target: { catalog }, source, differences }) =>
      [...groupBy(listGeneratableKeys(catalog), ({ column }) => column.schema)].flatMap(([schema, keys]) => {
        const known = differences.some(
          ({ id, table }) => id === 'missing-primary-key-default' && table?.[0] === schema,
        );
        if (
          known ||
          // If the source has no generators either, the keys are generated elsewhere, by the application for example.
          (source && hasNoGenerator(source.catalog, schema)) ||
          !hasEnoughSiblings(keys.length) ||
          keys.length * 2 < countTables(catalog, schema) ||
          keys.some(({ generated }) => generated)
        )
          return [];
        const shown = keys
          .slice(0, 5)
          .map(({ column }) => formatPath(column.schema, column.table, column.name));
        return [
          {
            confidence: 'C' as const,
            object: formatPath(schema),
            message: `None of ${formatCount(keys.length, 'integer or uuid key')} in schema ${formatPath(schema)} has a default or identity.`,
            evidence: [`keys: ${shown.join(', ')}${keys.length > 5 ? ', …' : ''}`],
          },
        ];
      }),
  },
};

const hasNoGenerator = (catalog: Catalog, of: string): boolean => {
  const keys = listGeneratableKeys(catalog).filter(({ column }) => column.schema === of);
  return hasEnoughSiblings(keys.length) && !keys.some(({ generated }) => generated);
};

const countTables = ({ tables }: Catalog, of: string): number =>
  tables.filter(({ schema, kind, partitionOf }) => schema === of && kind !== 'foreign' && !partitionOf)
    .length;
