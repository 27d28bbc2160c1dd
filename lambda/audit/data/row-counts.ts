/** How many rows the target's tables have, where the source has some: counted in small tables, in others whether there is any. */
import type { Reference } from '../catalogue/kind';
import type { Table } from '../catalogue/tables';
import { key } from '../names';
import { isOfRows, type NotSeen, ROWS } from '../not-seen';
import type { RowCount, Rows } from '../rows';
import type { Sessions } from '../short-transactions';
import { countEach, type Depth, emptyOf, quoted } from './ask';

/** Of a database: what is believed or counted already. */
export interface Known extends Rows {
  readonly catalogue: { readonly tables: readonly Table[] };
}

export interface RowsHere extends Rows {
  /** Tables without a row that have some in the source. */
  readonly empty: readonly Reference[];
}

const keyOf = ({ schema, name }: Reference): string => key(schema, name);

/** With `deep` all that can be counted is counted already. @returns all that is not seen of the target's rows */
export async function countHere(
  sessions: Sessions,
  own: Known,
  source: Known,
  depth: Depth,
): Promise<RowsHere> {
  const kinds = new Map(own.catalogue.tables.map((table) => [keyOf(table), table.kind]));
  const filled = source.rows.filter(({ rows }) => rows > 0);
  const tables = filled.filter((of) => kinds.get(keyOf(of)) === 'table');
  const asked = depth.deep ? [] : tables;
  const { counts, notSeen } = await countEach(
    sessions,
    ROWS,
    asked.map(({ schema, name }) => {
      const table = { schema, name };
      return { about: table, table, sql: `SELECT count(*)::text AS count FROM ONLY ${quoted(table)}` };
    }),
    depth,
  );
  const rows = new Map(own.rows.map((each) => [keyOf(each), each]));
  for (const { about, count } of counts) rows.set(keyOf(about), { ...about, rows: count, exact: true });
  const open = tables.filter((of) => {
    const known = rows.get(keyOf(of));
    return known === undefined || (known.rows === 0 && !known.exact);
  });
  const { empty, notSeen: refused } = await emptyOf(
    sessions,
    open.map(({ schema, name }) => ({ schema, name })),
  );
  const said = new Set(asked.map(keyOf));
  const before = own.notSeen.filter((each) => !isOfRows(each) || !said.has(keyOf(each.of)));
  const already = new Set([...before, ...notSeen].filter(isOfRows).map(({ of }) => keyOf(of)));
  return {
    rows: [...rows.values()],
    empty,
    notSeen: [
      ...before,
      ...notSeen,
      ...refused.filter(({ of }) => !already.has(keyOf(of!))),
      ...filled.flatMap(({ schema, name }) => {
        const kind = kinds.get(key(schema, name));
        return kind === undefined || kind === 'table' ? [] : [unlike({ schema, name }, kind)];
      }),
    ],
  };
}

const unlike = (of: Reference, kind: Table['kind']): NotSeen => ({
  what: ROWS,
  of,
  why: `here it is a ${kind} table, and its rows are not compared`,
});

/** Tables of both whose rows the source does not know exactly. */
export const estimatesOf = (own: Known, source: Known, remedy: string): readonly NotSeen[] => {
  const tables = new Set(own.catalogue.tables.map(keyOf));
  return source.rows
    .filter((each: RowCount) => !each.exact && tables.has(keyOf(each)))
    .map(({ schema, name }) => ({
      what: ROWS,
      of: { schema, name },
      why: `only an estimate, so only a large loss is found; ${remedy}`,
    }));
};
