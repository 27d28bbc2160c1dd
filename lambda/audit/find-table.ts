import type { Catalog } from './catalog';
import type { Reference } from './catalog/kind';
import type { Table } from './catalog/tables';
import { memoize } from './memoize';
import { joinKey } from './names';

const indexTablesByName = memoize(
  (tables: Catalog['tables']) => new Map(tables.map((each) => [joinKey(each.schema, each.name), each])),
);

/** Returns the table of this name, or undefined. */
export const findTable = (
  { tables }: Pick<Catalog, 'tables'>,
  { schema, name }: Reference,
): Table | undefined => indexTablesByName(tables).get(joinKey(schema, name));
