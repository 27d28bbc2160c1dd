/** Lists of a catalogue, looked up by what a table of it is called: ten thousand tables ask the same. Pure. */
import type { Catalogue } from '../../../lambda/audit/catalogue';
import type { Reference } from '../../../lambda/audit/catalogue/kind';
import { grouped } from '../../../lambda/audit/compare/pair';
import { key } from '../../../lambda/audit/names';
import { onceFor } from '../../../lambda/audit/once';

type OfTable = { readonly schema: string; readonly table: string };

const byTable = onceFor((all: readonly OfTable[]) => grouped(all, ({ schema, table }) => key(schema, table)));
export const belonging = <T extends OfTable>(all: readonly T[], { schema, name }: Reference): readonly T[] =>
  (byTable(all).get(key(schema, name)) ?? []) as readonly unknown[] as readonly T[];

const sequencesByTable = onceFor((all: Catalogue['sequences']) => {
  const uses = all.flatMap((sequence) => {
    const tables = [...(sequence.usedBy ?? []), ...(sequence.ownedBy ? [sequence.ownedBy] : [])];
    return [...new Set(tables.map(({ schema, table }) => key(schema, table)))].map((of) => ({
      of,
      sequence,
    }));
  });
  return grouped(uses, ({ of }) => of);
});
/** Those that one of its columns uses or owns. */
export const sequencesOf = ({ sequences }: Catalogue, { schema, name }: Reference): Catalogue['sequences'] =>
  (sequencesByTable(sequences).get(key(schema, name)) ?? []).map(({ sequence }) => sequence);

export const functionNames = onceFor(
  (functions: Catalogue['functions']) => new Set(functions.map((each) => key(each.schema, each.name))),
);
