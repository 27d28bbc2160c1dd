import type { Reference } from '../catalog/kind';
import type { Table } from '../catalog/tables';
import { findTable } from '../find-table';
import { formatCount, formatPath, joinKey } from '../names';
import { type Comparison, type Difference, type LostObject, makeComparison } from './difference';
import { type CatalogPair, groupBy } from './pair';

export function compareTables(pair: CatalogPair): Comparison {
  const columns = groupBy(pair.source.columns, ({ schema, table }) => joinKey(schema, table));
  return makeComparison(
    pair.source.tables.flatMap((table): readonly Difference[] => {
      const { schema, name, partitionOf } = table;
      if (!pair.hasSchema(schema)) return [];
      const found = pair.tables.get(joinKey(schema, name));
      if (found) return [...compareTable(pair, table, found)];
      // Partitions are not reported if their table is missing or is partitioned differently.
      if (partitionOf && !isPartitionedInSource(pair, partitionOf)) return [];
      return [makeLostTable(pair, table, columns.get(joinKey(schema, name))?.length ?? 0)];
    }),
  );
}

function isPartitionedInSource({ source, tables }: CatalogPair, parent: Reference): boolean {
  const before = findTable(source, parent);
  const now = tables.get(joinKey(parent.schema, parent.name));
  return now?.kind === 'partitioned' && now.partitionKey === before?.partitionKey;
}

function makeLostTable(pair: CatalogPair, from: Table, columns: number): Difference {
  const { schema, name, partitionOf, kind } = from;
  const object = formatPath(schema, name);
  const what = partitionOf ? 'Partition' : kind === 'foreign' ? 'Foreign table' : 'Table';
  const twin = pair.likeTable(schema, name);
  return {
    id: 'missing-table',
    object,
    message: pair.hasRelation(schema, name)
      ? `${object} is a table in the source and a view here.`
      : `${what} ${object} is missing${twin ? `; there is ${formatPath(schema, twin)}` : ''}.`,
    source: formatCount(columns, 'column'),
    target: null,
    lost: [{ kind: 'tables', from }],
    names: [name],
    table: [schema, name],
  };
}

function* compareTable(pair: CatalogPair, from: Table, to: Table): Generator<Difference> {
  const object = formatPath(from.schema, from.name);
  const common = {
    object,
    source: null,
    target: null,
    lost: [{ kind: 'tables', from, to }] satisfies LostObject[],
    table: [from.schema, from.name] as const,
  };
  if (from.rowSecurity && !to.rowSecurity)
    yield {
      ...common,
      id: 'row-security-disabled',
      message: `Row security of ${object} is enabled in the source and disabled here.`,
    };
  // FORCE has no effect if row security is off.
  else if (from.rowSecurity && from.rowSecurityForced && !to.rowSecurityForced)
    yield {
      ...common,
      id: 'row-security-disabled',
      message: `Row security of ${object} applies to its owner in the source (FORCE), but not here.`,
    };
  // The replica identity matters only where tables are published. Migration tools set FULL on the source.
  if (from.replicaIdentity !== to.replicaIdentity && pair.target.publications.length > 0)
    yield {
      ...common,
      id: 'missing-replica-identity',
      message: `The replica identity of ${object} differs from the source.`,
      source: from.replicaIdentity ?? 'default',
      target: to.replicaIdentity ?? 'default',
    };
  const [before, now] = [formatTableForm(from), formatTableForm(to)];
  if (before !== now)
    yield {
      ...common,
      id: 'missing-table',
      message: `${object} is a different kind of table in the source.`,
      source: before,
      target: now,
    };
}

const formatTableForm = ({
  kind,
  partitionKey,
  partitionOf,
  bound,
  inherits,
  unlogged,
  ofType,
}: Table): string =>
  [
    unlogged ? 'unlogged' : '',
    kind === 'partitioned' ? `partitioned by ${partitionKey}` : kind,
    partitionOf ? `partition of ${formatPath(partitionOf.schema, partitionOf.name)} ${bound}` : '',
    inherits ? `inherits ${inherits.map((each) => formatPath(each.schema, each.name)).join(', ')}` : '',
    ofType ? `of type ${ofType}` : '',
  ]
    .filter(Boolean)
    .join(', ');
