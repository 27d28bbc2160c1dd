import type { Catalogue } from './catalogue';
import type { Reference } from './catalogue/kind';
import type { Table } from './catalogue/tables';
import { key } from './names';
import { onceFor } from './once';

const byName = onceFor(
  (tables: Catalogue['tables']) => new Map(tables.map((each) => [key(each.schema, each.name), each])),
);

/** The table of this name; undefined where there is none. */
export const tableIn = (
  { tables }: Pick<Catalogue, 'tables'>,
  { schema, name }: Reference,
): Table | undefined => byName(tables).get(key(schema, name));
