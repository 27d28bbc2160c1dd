import type { Catalogue } from '../../audit/catalogue';
import { grouped } from '../../audit/compare/pair';
import { path, plural } from '../../audit/names';
import { areEnough, keysOf } from '../keys';
import type { Kind } from '../kind';

export const keyGeneratorsMissing: Kind = {
  id: 'key-generators-missing',
  title: 'No key of a schema has a generator',
  impact: 'Every INSERT that leaves the id to the database fails.',
  origin:
    'A mover that creates tables and primary keys alone (AWS DMS) leaves no key with a default. So none of them is the odd ' +
    'one out, and only the schema as a whole shows it.',
  audit: {
    grades: {
      C: 'at least four uuid and integer keys, those of half of the tables, and not one with a default or an identity',
    },
    remedy:
      'Ask whether the application makes its keys itself. If it does not, give each key a default of its type, or an identity, and set the sequences above the highest key. With --from the source, each is named.',
    unwritten: 'a person has to say which keys the database makes; with --from the source, each is named',
    blind: 'Whether the application makes the keys itself. With --workload, the statements show it.',
    find: ({ target: { catalogue }, source, differences }) =>
      [...grouped(keysOf(catalogue), ({ column }) => column.schema)].flatMap(([schema, keys]) => {
        const known = differences.some(
          ({ id, table }) => id === 'missing-id-default' && table?.[0] === schema,
        );
        if (
          known ||
          // There the application makes its keys, or something else does.
          (source && hasNone(source.catalogue, schema)) ||
          !areEnough(keys.length) ||
          keys.length * 2 < tablesIn(catalogue, schema) ||
          keys.some(({ generated }) => generated)
        )
          return [];
        const shown = keys.slice(0, 5).map(({ column }) => path(column.schema, column.table, column.name));
        return [
          {
            grade: 'C' as const,
            object: path(schema),
            message: `None of ${plural(keys.length, 'integer or uuid key')} in schema ${path(schema)} has a generator.`,
            evidence: [`keys: ${shown.join(', ')}${keys.length > 5 ? ', …' : ''}`],
          },
        ];
      }),
  },
};

const hasNone = (catalogue: Catalogue, of: string): boolean => {
  const keys = keysOf(catalogue).filter(({ column }) => column.schema === of);
  return areEnough(keys.length) && !keys.some(({ generated }) => generated);
};

const tablesIn = ({ tables }: Catalogue, of: string): number =>
  tables.filter(({ schema, kind, partitionOf }) => schema === of && kind !== 'foreign' && !partitionOf)
    .length;
