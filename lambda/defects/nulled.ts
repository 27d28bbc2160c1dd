import type { Evidence } from '../audit/evidence';
import type { Finding } from '../audit/finding';
import { key, path } from '../audit/names';

/** NOT NULL columns that a foreign key would set to NULL. Pure. */
export function nulledByKeys({ target: { catalogue } }: Evidence): readonly Finding[] {
  const required = new Set(
    catalogue.columns.filter(({ notNull }) => notNull).map((each) => key(each.schema, each.table, each.name)),
  );
  return catalogue.constraints.flatMap(
    ({ schema, table, name, definition, columns = [], inherited }): Finding[] => {
      const nulls = / ON (?:DELETE|UPDATE) SET NULL/.test(definition);
      // ON DELETE SET NULL (column), PostgreSQL 15: some of them alone.
      const some = / SET NULL \(([^)]*)\)/.exec(definition)?.[1];
      if (!nulls || inherited || some !== undefined) return [];
      return columns
        .filter((column) => required.has(key(schema, table, column)))
        .map((column) => ({
          grade: 'C',
          object: path(schema, table, column),
          message: `${path(schema, table, column)} is NOT NULL, but foreign key ${path(name)} sets it to NULL when the referenced row goes or changes.`,
          evidence: [definition],
        }));
    },
  );
}
