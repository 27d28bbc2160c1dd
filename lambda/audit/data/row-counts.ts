/**
 * Compares the target's row counts with the source's for tables that have rows in the source. Small tables are counted;
 * for others only the presence of rows is checked.
 */
import type { Reference } from '../catalog/kind';
import type { Table } from '../catalog/tables';
import { joinKey } from '../names';
import { isAboutRows, type NotCheckedItem, ROWS_NOT_COUNTED } from '../not-checked';
import type { RowCount, RowCounts } from '../rows';
import type { Sessions } from '../short-transactions';
import { findEmptyTables, quoteReference, runCountQueries, type ScanDepth } from './count-queries';

/** Row counts of a database that are already known, as estimates or exactly. */
export interface KnownRows extends RowCounts {
  readonly catalog: { readonly tables: readonly Table[] };
}

export interface TargetRowCounts extends RowCounts {
  /** Tables that have rows in the source and none in the target. */
  readonly empty: readonly Reference[];
}

const buildTableKey = ({ schema, name }: Reference): string => joinKey(schema, name);

/**
 * Counts the rows of the target's tables. With `fullScan`, everything that can be counted has already been counted.
 * @returns the counts, and everything that is not checked of the target's rows
 */
export async function countTargetRows(
  sessions: Sessions,
  own: KnownRows,
  source: KnownRows,
  depth: ScanDepth,
): Promise<TargetRowCounts> {
  const kinds = new Map(own.catalog.tables.map((table) => [buildTableKey(table), table.kind]));
  const filled = source.rows.filter(({ rows }) => rows > 0);
  const tables = filled.filter((of) => kinds.get(buildTableKey(of)) === 'table');
  const asked = depth.fullScan ? [] : tables;
  const { counts, notChecked } = await runCountQueries(
    sessions,
    ROWS_NOT_COUNTED,
    asked.map(({ schema, name }) => {
      const table = { schema, name };
      return {
        about: table,
        table,
        sql: `SELECT count(*)::text AS count FROM ONLY ${quoteReference(table)}`,
      };
    }),
    depth,
  );
  const rows = new Map(own.rows.map((each) => [buildTableKey(each), each]));
  for (const { about, count } of counts)
    rows.set(buildTableKey(about), { ...about, rows: count, exact: true });
  const open = tables.filter((of) => {
    const known = rows.get(buildTableKey(of));
    return known === undefined || (known.rows === 0 && !known.exact);
  });
  const { empty, notChecked: refused } = await findEmptyTables(
    sessions,
    open.map(({ schema, name }) => ({ schema, name })),
  );
  const said = new Set(asked.map(buildTableKey));
  const before = own.notChecked.filter((each) => !isAboutRows(each) || !said.has(buildTableKey(each.of)));
  const already = new Set([...before, ...notChecked].filter(isAboutRows).map(({ of }) => buildTableKey(of)));
  return {
    rows: [...rows.values()],
    empty,
    notChecked: [
      ...before,
      ...notChecked,
      ...refused.filter(({ of }) => !already.has(buildTableKey(of!))),
      ...filled.flatMap(({ schema, name }) => {
        const kind = kinds.get(joinKey(schema, name));
        return kind === undefined || kind === 'table' ? [] : [makeUnlikeNotChecked({ schema, name }, kind)];
      }),
    ],
  };
}

const makeUnlikeNotChecked = (of: Reference, kind: Table['kind']): NotCheckedItem => ({
  what: ROWS_NOT_COUNTED,
  of,
  why: `it is a ${kind} table here, so its rows are not compared`,
});

/** Lists the tables of both databases for which the source has only an estimate. */
export const listEstimatesNotChecked = (
  own: KnownRows,
  source: KnownRows,
  remedy: string,
): readonly NotCheckedItem[] => {
  const tables = new Set(own.catalog.tables.map(buildTableKey));
  return source.rows
    .filter((each: RowCount) => !each.exact && tables.has(buildTableKey(each)))
    .map(({ schema, name }) => ({
      what: ROWS_NOT_COUNTED,
      of: { schema, name },
      why: `only an estimate is available, so only a large loss is found; ${remedy}`,
    }));
};
