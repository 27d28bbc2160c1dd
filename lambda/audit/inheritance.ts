/** Tables with children by INHERITS. Pure. */
import type { Catalogue } from './catalogue';
import type { Reference } from './catalogue/kind';
import { key } from './names';
import { onceFor } from './once';

const parentsIn = onceFor(
  (tables: Catalogue['tables']): ReadonlySet<string> =>
    new Set(tables.flatMap(({ inherits = [] }) => inherits.map((each) => key(each.schema, each.name)))),
);

/** For FROM, of what an index or a foreign key is about: the rows of the table, and not those of its children. */
export const onlyIn = ({ tables }: Catalogue, { schema, name }: Reference): 'ONLY ' | '' =>
  parentsIn(tables).has(key(schema, name)) ? 'ONLY ' : '';
