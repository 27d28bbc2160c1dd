import type { Evidence } from '../audit/evidence';
import type { Finding } from '../audit/finding';
import { formatPath, joinKey } from '../audit/names';
import { parseNames } from '../sql/quote';

/** Finds NOT NULL columns that a foreign key would set to NULL. Pure. */
export function findSetNullOnNotNull({ target: { catalog } }: Evidence): readonly Finding[] {
  const required = new Set(
    catalog.columns
      .filter(({ notNull }) => notNull)
      .map((each) => joinKey(each.schema, each.table, each.name)),
  );
  return catalog.constraints.flatMap(
    ({ schema, table, name, definition, columns = [], inherited }): Finding[] => {
      const actions = [
        ...definition.matchAll(/ ON (?:DELETE|UPDATE) SET NULL(?: \(((?:"(?:[^"]|"")*"|[^")])*)\))?/g),
      ];
      if (inherited) return [];
      // ON DELETE SET NULL (column) of PostgreSQL 15 sets only some of the columns.
      const nulled = actions.flatMap(([, some]) => (some === undefined ? columns : parseNames(some)));
      return columns
        .filter((column) => nulled.includes(column) && required.has(joinKey(schema, table, column)))
        .map((column) => ({
          confidence: 'C',
          object: formatPath(schema, table, column),
          message: `${formatPath(schema, table, column)} is NOT NULL, but foreign key ${formatPath(name)} sets it to NULL when the referenced row is deleted or updated.`,
          evidence: [definition],
        }));
    },
  );
}
