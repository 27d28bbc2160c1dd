/** Builds repair steps for findings that do not come from a comparison. Pure; the parser must be loaded. */
import type { Catalog } from '../../../lambda/audit/catalog';
import type { Constraint } from '../../../lambda/audit/catalog/constraints';
import type { Index } from '../../../lambda/audit/catalog/indexes';
import type { Reference } from '../../../lambda/audit/catalog/kind';
import { findTable } from '../../../lambda/audit/find-table';
import { formatCount } from '../../../lambda/audit/names';
import type { RepairInput } from '../../../lambda/audit/repair-input';
import { quoteName as name, quoteRelation, quoteTable, quoteText } from './names';
import {
  buildEnforceStep,
  buildValidateNotNullStep,
  buildValidateStep,
  formatConstraintGroup,
} from './parts/constraints';
import { buildDefectStep } from './parts/defects';
import { buildDuplicatesQuery, buildIndexVerification } from './parts/index-checks';
import { formatIndexGroup } from './parts/index-sql';
import { buildDeferrableStep, buildImmediateStep } from './parts/index-timing';
import { isUnpopulated } from './parts/indexes';
import { buildPolicyStep } from './parts/rights';
import { buildAdvanceStep, buildCatchUpStep, buildOwnerStep, buildWidenStep } from './parts/sequences';
import type { RepairContext } from './repair-context';
import type { RepairStep, Unrepairable } from './repair-step';

/** @param now current catalog of the target; `context.target` is the catalog after the preceding steps */
export function buildFindingSteps(
  context: RepairContext,
  now: Catalog,
  repair: Exclude<RepairInput, { what: 'difference' }>,
): readonly (RepairStep | Unrepairable)[] {
  const { target, source } = context;
  switch (repair.what) {
    case 'policies':
      return repair.policies.map((each) => buildPolicyStep(context, each, undefined));
    case 'validate':
      return [buildValidateStep(context, repair.constraint)];
    case 'validate not null':
      return [buildValidateNotNullStep(repair.column)];
    case 'enforce':
      return [buildEnforcedStep(context, repair.constraint)];
    case 'reindex':
      return [buildReindexStep(context, repair.index)];
    case 'immediate':
      return [buildImmediateStep(repair.index)];
    case 'catch up': {
      const { schema, name: own } = repair.sequence;
      const sequence = target.sequences.find((each) => each.schema === schema && each.name === own);
      return sequence
        ? [buildCatchUpStep(sequence, repair.column)]
        : [{ unwritten: 'the sequence does not exist' }];
    }
    case 'advance':
      return [buildAdvanceStep(repair.sequence, repair.to)];
    case 'own':
      return [buildOwnerStep(repair.sequence, repair.column)];
    case 'widen':
      return [buildWidenStep(repair.sequence, 'bigint')];
    case 'collation':
      return [buildCollationRefreshStep(target, repair.collation)];
    case 'duplicates':
      return [buildDuplicatesStep([...source.indexes, ...target.indexes], repair.duplicates)];
    case 'orphans':
      return [
        buildOrphansStep([...target.constraints, ...source.constraints], now.constraints, repair.orphans),
      ];
    case 'defect':
      return [buildDefectStep(target, repair.id, repair.object)];
  }
}

function buildEnforcedStep(context: RepairContext, constraint: Constraint): RepairStep | Unrepairable {
  if (constraint.type === 'foreign key' || constraint.notEnforced)
    return buildEnforceStep(context, constraint);
  const { schema, table, name: own } = constraint;
  const index = context.target.indexes.find(
    (each) => each.schema === schema && each.table === table && each.name === own,
  );
  return index &&
    constraint.type !== 'exclusion' &&
    findTable(context.target, { schema, name: table })?.kind === 'table'
    ? buildDeferrableStep(index)
    : { unwritten: 'drop the constraint and add it again, or enable its triggers as a superuser' };
}

function buildReindexStep(context: RepairContext, index: Index): RepairStep | Unrepairable {
  const { tables } = context.target;
  const called = quoteRelation({ schema: index.schema, name: index.name });
  if (/_cc(new|old)\d*$/.test(index.name))
    return { unwritten: 'a failed REINDEX left it behind: remove it with DROP INDEX CONCURRENTLY' };
  if (findTable({ tables }, { schema: index.schema, name: index.table })?.partitionKey)
    return {
      unwritten:
        'REINDEX does not create the missing indexes of partitions: create one on each partition and attach it (ALTER INDEX … ATTACH PARTITION)',
    };
  return {
    phase: 'index',
    group: formatIndexGroup(index),
    title: `reindex ${index.name}`,
    about: [`Index ${called} on ${quoteTable(index)} is INVALID and is rebuilt.`],
    // Over duplicates the rebuild fails, and each attempt leaves another INVALID index behind.
    preflight: index.unique && !isUnpopulated(context, index) ? [buildDuplicatesQuery(context, index)] : [],
    up: [`REINDEX INDEX CONCURRENTLY ${called}`],
    verify: [`SELECT trueup.no_invalid_indexes(${quoteText(quoteTable(index))})`],
  };
}

/** REFRESH COLLATION VERSION declares the indexes correct, so it runs last, after all of them were rebuilt. */
function buildCollationRefreshStep(
  { indexes, columns, database }: Catalog,
  collation: Reference | null,
): RepairStep {
  const sorted = new Set(
    columns
      .filter((each) =>
        collation === null
          ? /^(text|character|name|citext)/.test(each.type) && each.collation === undefined
          : each.collation?.schema === collation.schema && each.collation.name === collation.name,
      )
      .map((each) => JSON.stringify([each.schema, each.table, each.name])),
  );
  const affected = indexes.filter(
    (each) =>
      !each.partitionOf &&
      (each.columns.some((own) => sorted.has(JSON.stringify([each.schema, each.table, own]))) ||
        (collation === null
          ? each.expressions
          : each.definition.includes(`COLLATE ${quoteRelation(collation)}`))),
  );
  const called = collation === null ? 'the database' : quoteRelation(collation);
  const refresh =
    collation === null
      ? "DO $$ BEGIN EXECUTE pg_catalog.format('ALTER DATABASE %I REFRESH COLLATION VERSION', pg_catalog.current_database()); END $$"
      : `ALTER COLLATION ${called} REFRESH VERSION`;
  const version =
    collation === null
      ? `FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()
  AND datcollversion IS DISTINCT FROM pg_catalog.pg_database_collation_actual_version(oid)`
      : `FROM pg_catalog.pg_collation WHERE oid = pg_catalog.to_regcollation(${quoteText(called)})
  AND collversion IS DISTINCT FROM pg_catalog.pg_collation_actual_version(oid)`;
  return {
    phase: 'index',
    group: `collation version ${called}`,
    title: `collation version ${collation?.name ?? database[0]?.name ?? ''}`,
    about: [
      `Rebuilds the indexes that sort text by the collation of ${called}, and then records the library's version.`,
    ],
    decide: [
      `REINDEX fails if rows share a key under the new sort order. Does audit --full-scan find such rows, and which should stay? Does anything else sort by the collation of ${called}?`,
    ],
    ...(collation === null
      ? { consents: { 'opaque-code': 'the block applies to the current database, whatever its name is' } }
      : {}),
    up: [
      ...affected.map(
        (each) => `REINDEX INDEX CONCURRENTLY ${quoteRelation({ schema: each.schema, name: each.name })}`,
      ),
      refresh,
    ],
    verify: [
      `SELECT ${quoteText(`Indexes of ${called} were built with another version of its collation`)} ${version}`,
    ],
  };
}

/** Compares with the spelling of {@link DuplicateRows.index}. */
const isNamedIndex = (index: Index, { table, index: words }: { table: Reference; index: string }): boolean =>
  index.schema === table.schema &&
  index.table === table.name &&
  (words.startsWith(`${index.name} (`) || words.startsWith(`"${index.name.replaceAll('"', '""')}" (`));

function buildDuplicatesStep(
  indexes: readonly Index[],
  duplicates: Extract<RepairInput, { what: 'duplicates' }>['duplicates'],
): RepairStep | Unrepairable {
  const { table, groups, damaged } = duplicates;
  const index = indexes.find((each) => isNamedIndex(each, duplicates));
  if (index === undefined) return { unwritten: 'the index was not found in the catalog' };
  const rows = `${formatCount(groups, 'group')} of rows in ${quoteTable({ schema: table.schema, table: table.name })}`;
  return {
    phase: 'index',
    group: formatIndexGroup(index),
    title: `unique ${index.table} ${index.name}`,
    about: [],
    decide: [
      `${rows} ${groups === 1 ? 'shares' : 'share'} a key of ${name(index.name)}: which row of each group should stay? The preflight section counts them`,
    ],
    up: damaged
      ? [`REINDEX INDEX CONCURRENTLY ${quoteRelation({ schema: index.schema, name: index.name })}`]
      : [],
    verify: damaged ? buildIndexVerification(index) : [],
  };
}

function buildOrphansStep(
  known: Catalog['constraints'],
  now: Catalog['constraints'],
  { table, constraint, columns, rows }: Extract<RepairInput, { what: 'orphans' }>['orphans'],
): RepairStep | Unrepairable {
  const isIt = (each: Constraint): boolean =>
    each.schema === table.schema &&
    each.table === table.name &&
    (each.name === constraint || `"${each.name.replaceAll('"', '""')}"` === constraint);
  const key = known.find(isIt);
  if (key === undefined) return { unwritten: 'the foreign key was not found in the catalog' };
  const own = columns.map(name).join(', ');
  if (now.some((each) => isIt(each) && !each.notValid && !each.disabled))
    return {
      unwritten: `the foreign key exists, and only you can decide about the rows: delete them, set (${own}) to NULL, or restore the rows that they refer to`,
    };
  return {
    phase: 'foreign key',
    group: formatConstraintGroup(key),
    title: `foreign key ${key.table} ${key.name}`,
    about: [],
    decide: [
      `${formatCount(rows, 'row')} of ${quoteTable(key)} ${rows === 1 ? 'refers' : 'refer'} by (${own}) to rows that do not exist: delete them, set (${own}) to NULL, or restore the rows that they refer to?`,
    ],
    up: [],
    verify: [],
  };
}
