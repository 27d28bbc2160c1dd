/** The tables around one table, and the keys between them: as they are here, with what only the source has. Pure. */
import type { Catalogue } from '../../../lambda/audit/catalogue';
import type { Column } from '../../../lambda/audit/catalogue/columns';
import type { Constraint } from '../../../lambda/audit/catalogue/constraints';
import type { Reference } from '../../../lambda/audit/catalogue/kind';
import { grouped } from '../../../lambda/audit/compare/pair';
import { key, pathOf } from '../../../lambda/audit/names';
import type { Concern } from './concerns';

export interface Graph {
  /** The table that it is about comes first. */
  readonly boxes: readonly Box[];
  readonly links: readonly Link[];
  /** Tables with a key to or from it that are left out. */
  readonly more: number;
}

export interface Box {
  /** `schema.table` */
  readonly name: string;
  /** Only the source has it. */
  readonly missing: boolean;
  readonly rows: readonly Row[];
  /** Columns of it that stand in a key or in a finding, and are left out. */
  readonly more: number;
}

export interface Row {
  readonly column: string;
  readonly type: string;
  readonly primary: boolean;
  /** Only the source has it. */
  readonly missing: boolean;
  /** What is found of it, the surest. */
  readonly concern: Concern | null;
}

/** A foreign key. */
export interface Link {
  readonly from: string;
  readonly to: string;
  readonly columns: readonly string[];
  /** `missing`: only the source has it. `unchecked`: rows from before it were never looked at. */
  readonly state: 'here' | 'missing' | 'unchecked';
}

const NEIGHBOURS = 8;
const ROWS = 12;
const NEIGHBOURS_ROWS = 4;

/** Looks a catalogue up by table. */
export interface Tables {
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

export function tablesOf({ tables, columns, constraints }: Catalogue): Tables {
  // Those of a partition are those of its table.
  const keys = constraints.flatMap((each) => foreignKey(each) ?? []);
  const primary = constraints.filter(({ type }) => type === 'primary key');
  return {
    names: new Set(tables.map(({ schema, name }) => key(schema, name))),
    columns: grouped(columns, ({ schema, table }) => key(schema, table)),
    primary: new Map(primary.map(({ schema, table, columns: own = [] }) => [key(schema, table), own])),
    from: grouped(keys, ({ from }) => id(from)),
    to: grouped(keys, ({ to }) => id(to)),
  };
}

function foreignKey({
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

const id = ({ schema, name }: Reference): string => key(schema, name);

/** @param concerns what is found of columns, by name, the surest */
export function graphAround(
  focus: Reference,
  here: Tables,
  source: Tables | null,
  concerns: ReadonlyMap<string, Concern>,
): Graph {
  const keys = keysAround(focus, here, source);
  const neighbours = new Map(
    keys.flatMap(({ from, to }) => [from, to]).map((table) => [id(table), table] as const),
  );
  neighbours.delete(id(focus));
  const shown = new Set([...neighbours.keys()].slice(0, NEIGHBOURS)).add(id(focus));
  const drawn = keys.filter(({ from, to }) => shown.has(id(from)) && shown.has(id(to)));
  const box = (table: Reference, most: number, own: ReadonlyMap<string, Concern>): Box =>
    boxOf(table, here, source, drawn, own, most);
  return {
    boxes: [
      box(focus, ROWS, concerns),
      ...[...neighbours.values()]
        .filter((table) => shown.has(id(table)))
        .map((table) => box(table, NEIGHBOURS_ROWS, new Map())),
    ],
    links: drawn.map(({ from, to, columns, state }) => ({
      from: pathOf(from),
      to: pathOf(to),
      columns,
      state,
    })),
    more: neighbours.size + 1 - shown.size,
  };
}

type KeyHere = ForeignKey & Pick<Link, 'state'>;

/** Those that are missing first. */
function keysAround(focus: Reference, here: Tables, source: Tables | null): readonly KeyHere[] {
  const around = ({ from, to }: Tables): readonly ForeignKey[] => [
    ...new Set([...(from.get(id(focus)) ?? []), ...(to.get(id(focus)) ?? [])]),
  ];
  const identity = ({ from, to, columns, toColumns }: ForeignKey): string =>
    key(id(from), id(to), ...columns, '', ...toColumns);
  const own = around(here);
  const known = new Set(own.map(identity));
  const missing = source ? around(source).filter((each) => !known.has(identity(each))) : [];
  return [
    ...missing.map((each) => ({ ...each, state: 'missing' as const })),
    ...own.map((each) => ({ ...each, state: each.notValid ? ('unchecked' as const) : ('here' as const) })),
  ];
}

/** Columns that stand in its primary key, in a key that is drawn, or in a finding. */
function boxOf(
  table: Reference,
  here: Tables,
  source: Tables | null,
  keys: readonly KeyHere[],
  concerns: ReadonlyMap<string, Concern>,
  most: number,
): Box {
  const own = here.columns.get(id(table)) ?? [];
  const known = new Set(own.map(({ name }) => name));
  const lost = (source?.columns.get(id(table)) ?? []).filter(({ name }) => !known.has(name));
  const exists = here.names.has(id(table));
  const before = new Set(source?.primary.get(id(table)) ?? []);
  const primary = exists ? new Set(here.primary.get(id(table)) ?? []) : before;
  const linked = new Set(
    keys.flatMap(({ from, to, columns, toColumns }) => [
      ...(id(from) === id(table) ? columns : []),
      ...(id(to) === id(table) ? toColumns : []),
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
    name: pathOf(table),
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
