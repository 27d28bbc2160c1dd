/** Indexes and what they make: unique and primary keys. Built CONCURRENTLY, on a partitioned table partition by partition. */
import type { Index } from '../../../../lambda/audit/catalogue/indexes';
import type { Table } from '../../../../lambda/audit/catalogue/tables';
import type { ComparedId } from '../../../../lambda/audit/compare/difference';
import { tableIn } from '../../../../lambda/audit/table-in';
import type { Context } from '../context';
import { derived, literal, column as name, columns as names, relation, tableOf } from '../names';
import type { Part, Unwritten } from '../part';
import { duplicates, verification } from './index-checks';
import { keysOf } from './index-keys';
import { groupOfIndex, timing, useIndex, written } from './index-sql';
import { deferrablePart, immediatePart } from './index-timing';

const isUniqueConstraint = ({ constraint }: Index): boolean =>
  constraint === 'primary key' || constraint === 'unique';

export function indexPart(
  context: Context,
  id: ComparedId,
  from: Index,
  to: Index | undefined,
): Part | Unwritten {
  const table = tableOf(from);
  const found = tableIn(context.target, { schema: from.schema, name: from.table });
  const partitioned = found?.kind === 'partitioned' ? found : undefined;
  if (id === 'renamed' && to) return renamed(from, to, partitioned !== undefined);
  if (to && from.primary && !to.primary && id === 'primary-key-lost') return keyFrom(from, to, partitioned);
  if (to?.deferrable && !from.deferrable && to.constraint) return immediatePart(to);
  if (to?.constraint && from.deferrable && String(keysOf(from)) === String(keysOf(to)))
    return partitioned
      ? {
          unwritten: `${table} is partitioned: its constraint has to be made again, and no index is taken for it`,
        }
      : deferrablePart({ ...from, name: to.name });
  if (to?.primary) return { unwritten: `${table} has another primary key, and a table has one` };
  const away = to && to.name === from.name ? rename(to) : undefined;
  const built = partitioned ? onPartitions(context, from, partitioned) : onTable(from);
  return {
    phase: 'index',
    group: groupOfIndex(from),
    title: from.unique ? `unique ${from.table} ${from.name}` : `indexes of ${from.table}`,
    about: [
      `${from.primary ? 'Primary key' : from.unique ? 'Unique index' : 'Index'} ${name(from.name)} on ${table}, which the source has.`,
    ],
    ...(away
      ? {
          decide: [
            `${name(from.name)} on ${table} is another one here than in the source: it is kept under the name ${name(derived(from.name, '_found'))}; is it still needed?`,
          ],
        }
      : {}),
    ...(Object.keys(built.consents).length > 0 ? { consents: built.consents } : {}),
    preflight: from.unique && !isUnpopulated(context, from) ? [duplicates(context, from)] : [],
    up: [...(away ? [away] : []), ...built.up],
    verify: verification(from),
    ...(away ? {} : { down: built.down }),
  };
}

/** On a materialized view WITH NO DATA, which cannot be read. */
function isUnpopulated({ target, source }: Context, { schema, table }: Index): boolean {
  const isIt = (view: { readonly schema: string; readonly name: string }) =>
    view.schema === schema && view.name === table;
  return (target.views.find(isIt) ?? source.views.find(isIt))?.unpopulated ?? false;
}

interface Built {
  readonly up: readonly string[];
  readonly down: readonly string[];
  readonly consents: Readonly<Record<string, string>>;
}

function onTable(index: Index): Built {
  const table = tableOf(index);
  const create = written(index, { concurrently: true });
  if (!isUniqueConstraint(index))
    return {
      up: [create],
      down: [`DROP INDEX CONCURRENTLY ${relation(index)}`],
      consents: {},
    };
  return {
    up: [create, useIndex(index, index.name)],
    down: [`ALTER TABLE ${table} DROP CONSTRAINT ${name(index.name)}`],
    consents: index.primary ? { 'primary-key-scan': 'its columns are NOT NULL already' } : {},
  };
}

/** An empty one on the table, one on each partition, and these attached to it. */
function onPartitions(context: Context, index: Index, table: Table): Built {
  const { target, source } = context;
  const unique = isUniqueConstraint(index);
  const parent = relation(index);
  const up = [
    unique
      ? `ALTER TABLE ONLY ${relation(table)} ADD CONSTRAINT ${name(index.name)} ${index.primary ? 'PRIMARY KEY' : 'UNIQUE'} (${names(index.columns)})${timing(index)}`
      : written(index, { on: `ONLY ${relation(table)}` }),
  ];
  const consents: Record<string, string> = unique
    ? { 'constraint-index': 'ON ONLY the partitioned table, which has no rows, nothing is built' }
    : { 'create-index': 'ON ONLY the partitioned table, which has no rows, nothing is built' };
  const partitions = target.tables.filter(
    ({ partitionOf: of }) => of?.schema === table.schema && of.name === table.name,
  );
  for (const partition of partitions) {
    const known = source.indexes.find(
      (each) =>
        each.schema === partition.schema &&
        each.table === partition.name &&
        each.partitionOf?.schema === index.schema &&
        each.partitionOf.name === index.name,
    );
    const called = known?.name ?? derived(`${partition.name}_${index.name}`, '');
    const own: Index = {
      ...index,
      schema: partition.schema,
      table: partition.name,
      name: called,
      definition: written(index, { called, on: relation(partition) }),
    };
    const made = partition.kind === 'partitioned' ? onPartitions(context, own, partition) : onTable(own);
    up.push(...made.up, `ALTER INDEX ${parent} ATTACH PARTITION ${relation(own)}`);
    Object.assign(consents, made.consents);
  }
  const down = unique
    ? [`ALTER TABLE ${relation(table)} DROP CONSTRAINT ${name(index.name)}`]
    : [`DROP INDEX ${parent}`];
  return { up, down, consents };
}

/** A unique index that is there becomes the primary key. */
function keyFrom(from: Index, to: Index, partitioned: Table | undefined): Part | Unwritten {
  if (partitioned)
    return { unwritten: 'on a partitioned table no index that is there becomes its primary key' };
  const table = tableOf(from);
  return {
    phase: 'index',
    group: groupOfIndex(from),
    title: `unique ${from.table} ${from.name}`,
    about: [`${name(to.name)}, which is unique over the same columns, becomes the primary key of ${table}.`],
    consents: { 'primary-key-scan': 'its columns are NOT NULL already' },
    ...(to.constraint
      ? {
          decide: [
            `${name(to.name)} is a constraint of its own: it has to go before its index can be the primary key of ${table}`,
          ],
        }
      : {}),
    up: [useIndex(from, to.name)],
    verify: verification(from),
  };
}

const rename = (index: Index): string => {
  const away = name(derived(index.name, '_found'));
  return index.constraint
    ? `ALTER TABLE ${tableOf(index)} RENAME CONSTRAINT ${name(index.name)} TO ${away}`
    : `ALTER INDEX ${relation(index)} RENAME TO ${away}`;
};

function renamed(from: Index, to: Index, partitioned: boolean): Part | Unwritten {
  const table = tableOf(from);
  const common = {
    phase: 'rename' as const,
    group: `rename ${table} ${name(from.name)}`,
    title: `rename ${from.table} ${from.name}`,
    verify: [
      `SELECT ${literal(`${table} has no index ${name(from.name)}`)} WHERE pg_catalog.to_regclass(${literal(relation(from))}) IS NULL`,
    ],
  };
  if (from.constraint && !to.constraint)
    return partitioned
      ? { unwritten: 'on a partitioned table no index that is there becomes a constraint' }
      : {
          ...common,
          about: [`${name(to.name)} on ${table} becomes the constraint that it is in the source.`],
          up: [useIndex(from, to.name)],
        };
  const decide = [`does anything name ${name(to.name)}, as it is called here? It would find it no more`];
  const about = [`${name(to.name)} on ${table} is called ${name(from.name)} in the source.`];
  if (to.constraint)
    return {
      ...common,
      about,
      decide,
      up: [`ALTER TABLE ${table} RENAME CONSTRAINT ${name(to.name)} TO ${name(from.name)}`],
    };
  return {
    ...common,
    about,
    decide,
    up: [`ALTER INDEX ${relation({ schema: to.schema, name: to.name })} RENAME TO ${name(from.name)}`],
  };
}
