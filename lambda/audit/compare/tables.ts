import type { Reference } from '../catalogue/kind';
import type { Table } from '../catalogue/tables';
import { key, path, plural } from '../names';
import { tableIn } from '../table-in';
import { type Comparison, type Difference, type Lost, only } from './difference';
import { grouped, type Pair } from './pair';

export function compareTables(pair: Pair): Comparison {
  const columns = grouped(pair.source.columns, ({ schema, table }) => key(schema, table));
  return only(
    pair.source.tables.flatMap((table): readonly Difference[] => {
      const { schema, name, partitionOf } = table;
      if (!pair.hasSchema(schema)) return [];
      const found = pair.tables.get(key(schema, name));
      if (found) return [...changes(pair, table, found)];
      // A partition goes with its table, and with the way in which that is divided.
      if (partitionOf && !isDivided(pair, partitionOf)) return [];
      return [lost(pair, table, columns.get(key(schema, name))?.length ?? 0)];
    }),
  );
}

function isDivided({ source, tables }: Pair, parent: Reference): boolean {
  const before = tableIn(source, parent);
  const now = tables.get(key(parent.schema, parent.name));
  return now?.kind === 'partitioned' && now.partitionKey === before?.partitionKey;
}

function lost(pair: Pair, from: Table, columns: number): Difference {
  const { schema, name, partitionOf, kind } = from;
  const object = path(schema, name);
  const what = partitionOf ? 'Partition' : kind === 'foreign' ? 'Foreign table' : 'Table';
  const twin = pair.likeTable(schema, name);
  return {
    id: 'table-lost',
    object,
    message: pair.hasRelation(schema, name)
      ? `${object} is a table in the source, and a view here.`
      : `${what} ${object} is missing${twin ? `; there is ${path(schema, twin)}` : ''}.`,
    source: plural(columns, 'column'),
    target: null,
    lost: [{ kind: 'tables', from }],
    names: [name],
    table: [schema, name],
  };
}

function* changes(pair: Pair, from: Table, to: Table): Generator<Difference> {
  const object = path(from.schema, from.name);
  const common = {
    object,
    source: null,
    target: null,
    lost: [{ kind: 'tables', from, to }] satisfies Lost[],
    table: [from.schema, from.name] as const,
  };
  if (from.rowSecurity && !to.rowSecurity)
    yield {
      ...common,
      id: 'row-security-lost',
      message: `Row security of ${object} is on in the source, and off here.`,
    };
  // FORCE does nothing where row security is off.
  else if (from.rowSecurity && from.rowSecurityForced && !to.rowSecurityForced)
    yield {
      ...common,
      id: 'row-security-lost',
      message: `Row security of ${object} holds for its owner in the source (FORCE), and not here.`,
    };
  // It matters to who publishes; and a mover asks for FULL on the side that is left.
  if (from.replicaIdentity !== to.replicaIdentity && pair.target.publications.length > 0)
    yield {
      ...common,
      id: 'replica-identity',
      message: `${object} has another replica identity than in the source.`,
      source: from.replicaIdentity ?? 'default',
      target: to.replicaIdentity ?? 'default',
    };
  const [before, now] = [form(from), form(to)];
  if (before !== now)
    yield {
      ...common,
      id: 'table-lost',
      message: `${object} is another kind of table than in the source.`,
      source: before,
      target: now,
    };
}

const form = ({ kind, partitionKey, partitionOf, bound, inherits, unlogged, ofType }: Table): string =>
  [
    unlogged ? 'unlogged' : '',
    kind === 'partitioned' ? `partitioned by ${partitionKey}` : kind,
    partitionOf ? `partition of ${path(partitionOf.schema, partitionOf.name)} ${bound}` : '',
    inherits ? `inherits ${inherits.map((each) => path(each.schema, each.name)).join(', ')}` : '',
    ofType ? `of type ${ofType}` : '',
  ]
    .filter(Boolean)
    .join(', ');
