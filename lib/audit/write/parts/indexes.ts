/** Repairs indexes, unique constraints and primary keys. Indexes are built CONCURRENTLY, partition by partition. */
import type { Index } from '../../../../lambda/audit/catalog/indexes';
import type { Table } from '../../../../lambda/audit/catalog/tables';
import type { ComparedId } from '../../../../lambda/audit/compare/difference';
import { findTable } from '../../../../lambda/audit/find-table';
import {
  buildDerivedName,
  quoteName as name,
  quoteNames as names,
  quoteRelation,
  quoteTable,
  quoteText,
} from '../names';
import type { RepairContext } from '../repair-context';
import type { RepairStep, Unrepairable } from '../repair-step';
import { buildDuplicatesQuery, buildIndexVerification } from './index-checks';
import { parseIndexKeys } from './index-keys';
import { buildUseIndexSql, formatIndexDefinition, formatIndexGroup, formatTiming } from './index-sql';
import { buildDeferrableStep, buildImmediateStep } from './index-timing';

const isUniqueConstraint = ({ constraint }: Index): boolean =>
  constraint === 'primary key' || constraint === 'unique';

export function buildIndexStep(
  context: RepairContext,
  id: ComparedId,
  from: Index,
  to: Index | undefined,
): RepairStep | Unrepairable {
  const table = quoteTable(from);
  const found = findTable(context.target, { schema: from.schema, name: from.table });
  const partitioned = found?.kind === 'partitioned' ? found : undefined;
  if (id === 'constraint-renamed' && to) return buildRenameStep(from, to, partitioned !== undefined);
  if (to && from.primary && !to.primary && id === 'missing-primary-key')
    return buildPromotionStep(from, to, partitioned);
  if (to?.deferrable && !from.deferrable && to.constraint) return buildImmediateStep(to);
  if (to?.constraint && from.deferrable && String(parseIndexKeys(from)) === String(parseIndexKeys(to)))
    return partitioned
      ? {
          unwritten: `${table} is partitioned: create its constraint again, because ADD CONSTRAINT USING INDEX does not support partitioned tables`,
        }
      : buildDeferrableStep({ ...from, name: to.name });
  if (to?.primary) return { unwritten: `${table} has another primary key, and a table can have only one` };
  const away = to && to.name === from.name ? buildRenameSql(to) : undefined;
  const built = partitioned ? buildOnPartitions(context, from, partitioned) : buildOnTable(from);
  return {
    phase: 'index',
    group: formatIndexGroup(from),
    title: from.unique ? `unique ${from.table} ${from.name}` : `indexes of ${from.table}`,
    table: { schema: from.schema, name: from.table },
    about: [
      `${from.primary ? 'Primary key' : from.unique ? 'Unique index' : 'Index'} ${name(from.name)} on ${table}, which the source has.`,
    ],
    ...(away
      ? {
          decide: [
            `${name(from.name)} on ${table} differs from the source. The existing one is kept as ${name(buildDerivedName(from.name, '_found'))}. Is it still needed?`,
          ],
        }
      : {}),
    ...(Object.keys(built.consents).length > 0 ? { consents: built.consents } : {}),
    preflight: from.unique && !isUnpopulated(context, from) ? [buildDuplicatesQuery(context, from)] : [],
    up: [...(away ? [away] : []), ...built.up],
    verify: buildIndexVerification(from),
    ...(away ? {} : { down: built.down }),
  };
}

/** Whether the index is on a materialized view WITH NO DATA, which cannot be read. */
export function isUnpopulated({ target, source }: RepairContext, { schema, table }: Index): boolean {
  const isIt = (view: { readonly schema: string; readonly name: string }) =>
    view.schema === schema && view.name === table;
  return (target.views.find(isIt) ?? source.views.find(isIt))?.unpopulated ?? false;
}

interface IndexBuild {
  readonly up: readonly string[];
  readonly down: readonly string[];
  readonly consents: Readonly<Record<string, string>>;
}

function buildOnTable(index: Index): IndexBuild {
  const table = quoteTable(index);
  const create = formatIndexDefinition(index, { concurrently: true });
  if (!isUniqueConstraint(index))
    return {
      up: [create],
      down: [`DROP INDEX CONCURRENTLY ${quoteRelation(index)}`],
      consents: {},
    };
  return {
    up: [create, buildUseIndexSql(index, index.name)],
    down: [`ALTER TABLE ${table} DROP CONSTRAINT ${name(index.name)}`],
    consents: index.primary ? { 'primary-key-scan': 'its columns are NOT NULL already' } : {},
  };
}

/** Builds an index ON ONLY the partitioned table and one on each partition, and attaches them. */
function buildOnPartitions(context: RepairContext, index: Index, table: Table): IndexBuild {
  const { target, source } = context;
  const unique = isUniqueConstraint(index);
  const parent = quoteRelation(index);
  const up = [
    unique
      ? `ALTER TABLE ONLY ${quoteRelation(table)} ADD CONSTRAINT ${name(index.name)} ${index.primary ? 'PRIMARY KEY' : 'UNIQUE'} (${names(index.columns)})${formatTiming(index)}`
      : formatIndexDefinition(index, { on: `ONLY ${quoteRelation(table)}` }),
  ];
  const consents: Record<string, string> = unique
    ? { 'constraint-index': 'ON ONLY a partitioned table, which has no rows, no index is built' }
    : { 'create-index': 'ON ONLY a partitioned table, which has no rows, no index is built' };
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
    const called = known?.name ?? buildDerivedName(`${partition.name}_${index.name}`, '');
    const own: Index = {
      ...index,
      schema: partition.schema,
      table: partition.name,
      name: called,
      definition: formatIndexDefinition(index, { called, on: quoteRelation(partition) }),
    };
    const made =
      partition.kind === 'partitioned' ? buildOnPartitions(context, own, partition) : buildOnTable(own);
    up.push(...made.up, `ALTER INDEX ${parent} ATTACH PARTITION ${quoteRelation(own)}`);
    Object.assign(consents, made.consents);
  }
  const down = unique
    ? [`ALTER TABLE ${quoteRelation(table)} DROP CONSTRAINT ${name(index.name)}`]
    : [`DROP INDEX ${parent}`];
  return { up, down, consents };
}

/** Turns an existing unique index into the primary key. */
function buildPromotionStep(
  from: Index,
  to: Index,
  partitioned: Table | undefined,
): RepairStep | Unrepairable {
  if (partitioned)
    return { unwritten: 'an existing index of a partitioned table cannot become its primary key' };
  const table = quoteTable(from);
  return {
    phase: 'index',
    group: formatIndexGroup(from),
    title: `unique ${from.table} ${from.name}`,
    about: [`${name(to.name)}, which is unique over the same columns, becomes the primary key of ${table}.`],
    consents: { 'primary-key-scan': 'its columns are NOT NULL already' },
    ...(to.constraint
      ? {
          decide: [
            `${name(to.name)} is a constraint. Drop it before its index becomes the primary key of ${table}`,
          ],
        }
      : {}),
    up: [buildUseIndexSql(from, to.name)],
    verify: buildIndexVerification(from),
  };
}

const buildRenameSql = (index: Index): string => {
  const away = name(buildDerivedName(index.name, '_found'));
  return index.constraint
    ? `ALTER TABLE ${quoteTable(index)} RENAME CONSTRAINT ${name(index.name)} TO ${away}`
    : `ALTER INDEX ${quoteRelation(index)} RENAME TO ${away}`;
};

function buildRenameStep(from: Index, to: Index, partitioned: boolean): RepairStep | Unrepairable {
  const table = quoteTable(from);
  const common = {
    phase: 'rename' as const,
    group: `rename ${table} ${name(from.name)}`,
    title: `rename ${from.table} ${from.name}`,
    verify: [
      `SELECT ${quoteText(`${table} has no index ${name(from.name)}`)} WHERE pg_catalog.to_regclass(${quoteText(quoteRelation(from))}) IS NULL`,
    ],
  };
  if (from.constraint && !to.constraint)
    return partitioned
      ? { unwritten: 'an existing index of a partitioned table cannot become a constraint' }
      : {
          ...common,
          about: [`${name(to.name)} on ${table} becomes a constraint, as in the source.`],
          up: [buildUseIndexSql(from, to.name)],
        };
  const decide = [`does anything use the current name ${name(to.name)}? It would fail`];
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
    up: [`ALTER INDEX ${quoteRelation({ schema: to.schema, name: to.name })} RENAME TO ${name(from.name)}`],
  };
}
