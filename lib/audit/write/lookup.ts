/** Looks up objects of a catalog by table. Lookups are indexed, since a database may have ten thousand tables. Pure. */
import type { Catalog } from '../../../lambda/audit/catalog';
import type { Reference } from '../../../lambda/audit/catalog/kind';
import { groupBy } from '../../../lambda/audit/compare/pair';
import { memoize } from '../../../lambda/audit/memoize';
import { joinKey } from '../../../lambda/audit/names';

type TableObject = { readonly schema: string; readonly table: string };

const groupByTable = memoize((all: readonly TableObject[]) =>
  groupBy(all, ({ schema, table }) => joinKey(schema, table)),
);
export const findByTable = <T extends TableObject>(
  all: readonly T[],
  { schema, name }: Reference,
): readonly T[] => (groupByTable(all).get(joinKey(schema, name)) ?? []) as readonly unknown[] as readonly T[];

const groupSequencesByTable = memoize((all: Catalog['sequences']) => {
  const uses = all.flatMap((sequence) => {
    const tables = [...(sequence.usedBy ?? []), ...(sequence.ownedBy ? [sequence.ownedBy] : [])];
    return [...new Set(tables.map(({ schema, table }) => joinKey(schema, table)))].map((of) => ({
      of,
      sequence,
    }));
  });
  return groupBy(uses, ({ of }) => of);
});
/** Lists the sequences that a column of the table uses or owns. */
export const listTableSequences = (
  { sequences }: Catalog,
  { schema, name }: Reference,
): Catalog['sequences'] =>
  (groupSequencesByTable(sequences).get(joinKey(schema, name)) ?? []).map(({ sequence }) => sequence);

export const functionNames = memoize(
  (functions: Catalog['functions']) => new Set(functions.map((each) => joinKey(each.schema, each.name))),
);
