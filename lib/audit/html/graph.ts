/**
 * Builds the graph of one table and the tables that foreign keys connect it with. It shows the target, plus what only
 * the source has. Pure.
 */
import type { Catalog } from '../../../lambda/audit/catalog';
import type { Column } from '../../../lambda/audit/catalog/columns';
import type { Constraint } from '../../../lambda/audit/catalog/constraints';
import type { Reference } from '../../../lambda/audit/catalog/kind';
import { groupBy } from '../../../lambda/audit/compare/pair';
import { formatReference, joinKey } from '../../../lambda/audit/names';
import type { ColumnFinding } from './concerns';

export interface TableGraph {
  /** Tables; the one that the graph is about comes first. */
  readonly boxes: readonly TableBox[];
  readonly links: readonly ForeignKeyLink[];
  /** Number of connected tables that are left out. */
  readonly more: number;
}

export interface TableBox {
  /** `schema.table` */
  readonly name: string;
  /** Whether it exists only in the source. */
  readonly missing: boolean;
  readonly rows: readonly BoxRow[];
  /** Number of columns of keys or findings that are left out. */
  readonly more: number;
}

export interface BoxRow {
  readonly column: string;
  readonly type: string;
  readonly primary: boolean;
  /** Whether it exists only in the source. */
  readonly missing: boolean;
  /** The most certain finding about the column. */
  readonly concern: ColumnFinding | null;
}

/** A foreign key. */
export interface ForeignKeyLink {
  readonly from: string;
  readonly to: string;
  readonly columns: readonly string[];
  /**
   * `missing`: only the source has the key. `unchecked`: the key is not validated, so rows older than it were never
   * checked.
   */
  readonly state: 'here' | 'missing' | 'unchecked';
}

const MAX_NEIGHBORS = 8;
const MAX_ROWS = 12;
const MAX_NEIGHBOR_ROWS = 4;

/** Indexes of a catalog by table. */
export interface TableIndex {
  readonly names: ReadonlySet<string>;
  readonly columns: ReadonlyMap<string, readonly Column[]>;
  readonly primary: ReadonlyMap<string, readonly string[]>;
  /** Foreign keys of a table. */
  readonly from: ReadonlyMap<string, readonly ForeignKey[]>;
  /** Foreign keys to a table. */
  readonly to: ReadonlyMap<string, readonly ForeignKey[]>;
}

interface ForeignKey {
  readonly from: Reference;
  readonly to: Reference;
  readonly columns: readonly string[];
  readonly toColumns: readonly string[];
  readonly notValid: boolean;
}

export function indexTables({ tables, columns, constraints }: Catalog): TableIndex {
  // Keys that a partition inherits are left out, since the partitioned table has them.
  const keys = constraints.flatMap((each) => toForeignKey(each) ?? []);
  const primary = constraints.filter(({ type }) => type === 'primary key');
  return {
    names: new Set(tables.map(({ schema, name }) => joinKey(schema, name))),
    columns: groupBy(columns, ({ schema, table }) => joinKey(schema, table)),
    primary: new Map(primary.map(({ schema, table, columns: own = [] }) => [joinKey(schema, table), own])),
    from: groupBy(keys, ({ from }) => buildTableId(from)),
    to: groupBy(keys, ({ to }) => buildTableId(to)),
  };
}

function toForeignKey({
  schema,
  table,
  columns,
  references,
  notValid,
  inherited,
}: Constraint): ForeignKey | null {
  if (!references || inherited) return null;
  return {
    from: { schema, name: table },
    to: { schema: references.schema, name: references.table },
    columns: columns ?? [],
    toColumns: references.columns,
    notValid: notValid ?? false,
  };
}

const buildTableId = ({ schema, name }: Reference): string => joinKey(schema, name);

/**
 * Builds the graph around `focus`.
 * @param concerns most certain finding of each column of `focus`, by column name
 */
export function buildGraph(
  focus: Reference,
  here: TableIndex,
  source: TableIndex | null,
  concerns: ReadonlyMap<string, ColumnFinding>,
): TableGraph {
  const keys = listForeignKeysAround(focus, here, source);
  const neighbors = new Map(
    keys.flatMap(({ from, to }) => [from, to]).map((table) => [buildTableId(table), table] as const),
  );
  neighbors.delete(buildTableId(focus));
  const shown = new Set([...neighbors.keys()].slice(0, MAX_NEIGHBORS)).add(buildTableId(focus));
  const drawn = keys.filter(({ from, to }) => shown.has(buildTableId(from)) && shown.has(buildTableId(to)));
  const box = (table: Reference, most: number, own: ReadonlyMap<string, ColumnFinding>): TableBox =>
    buildBox(table, here, source, drawn, own, most);
  return {
    boxes: [
      box(focus, MAX_ROWS, concerns),
      ...[...neighbors.values()]
        .filter((table) => shown.has(buildTableId(table)))
        .map((table) => box(table, MAX_NEIGHBOR_ROWS, new Map())),
    ],
    links: drawn.map(({ from, to, columns, state }) => ({
      from: formatReference(from),
      to: formatReference(to),
      columns,
      state,
    })),
    more: neighbors.size + 1 - shown.size,
  };
}

type ForeignKeyWithState = ForeignKey & Pick<ForeignKeyLink, 'state'>;

/** Returns the foreign keys from and to a table, missing ones first. */
function listForeignKeysAround(
  focus: Reference,
  here: TableIndex,
  source: TableIndex | null,
): readonly ForeignKeyWithState[] {
  const around = ({ from, to }: TableIndex): readonly ForeignKey[] => [
    ...new Set([...(from.get(buildTableId(focus)) ?? []), ...(to.get(buildTableId(focus)) ?? [])]),
  ];
  const identity = ({ from, to, columns, toColumns }: ForeignKey): string =>
    joinKey(buildTableId(from), buildTableId(to), ...columns, '', ...toColumns);
  const own = around(here);
  const known = new Set(own.map(identity));
  const missing = source ? around(source).filter((each) => !known.has(identity(each))) : [];
  return [
    ...missing.map((each) => ({ ...each, state: 'missing' as const })),
    ...own.map((each) => ({ ...each, state: each.notValid ? ('unchecked' as const) : ('here' as const) })),
  ];
}

/** Builds the box of a table with the columns of its primary key, of a drawn foreign key, or of a finding. */
function buildBox(
  table: Reference,
  here: TableIndex,
  source: TableIndex | null,
  keys: readonly ForeignKeyWithState[],
  concerns: ReadonlyMap<string, ColumnFinding>,
  most: number,
): TableBox {
  const own = here.columns.get(buildTableId(table)) ?? [];
  const known = new Set(own.map(({ name }) => name));
  const lost = (source?.columns.get(buildTableId(table)) ?? []).filter(({ name }) => !known.has(name));
  const exists = here.names.has(buildTableId(table));
  const before = new Set(source?.primary.get(buildTableId(table)) ?? []);
  const primary = exists ? new Set(here.primary.get(buildTableId(table)) ?? []) : before;
  const linked = new Set(
    keys.flatMap(({ from, to, columns, toColumns }) => [
      ...(buildTableId(from) === buildTableId(table) ? columns : []),
      ...(buildTableId(to) === buildTableId(table) ? toColumns : []),
    ]),
  );
  const isKey = (name: string): boolean => primary.has(name) || before.has(name);
  const all = [...own, ...lost].filter(({ name }) => isKey(name) || linked.has(name) || concerns.has(name));
  const foremost = [
    ...all.filter(({ name }) => concerns.has(name)),
    ...all.filter(({ name }) => isKey(name)),
    ...all,
  ];
  const kept = new Set([...new Set(foremost)].slice(0, most));
  return {
    name: formatReference(table),
    missing: !exists,
    rows: all
      .filter((each) => kept.has(each))
      .map(({ name, type }) => ({
        column: name,
        type,
        primary: primary.has(name),
        missing: exists && !known.has(name),
        concern: concerns.get(name) ?? null,
      })),
    more: all.length - kept.size,
  };
}
