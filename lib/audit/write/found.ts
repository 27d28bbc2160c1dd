/** What a finding becomes that no comparison found. Pure; the parser must be ready. */
import type { Catalogue } from '../../../lambda/audit/catalogue';
import type { Index } from '../../../lambda/audit/catalogue/indexes';
import type { Reference } from '../../../lambda/audit/catalogue/kind';
import type { Mend } from '../../../lambda/audit/mend';
import { plural } from '../../../lambda/audit/names';
import { tableIn } from '../../../lambda/audit/table-in';
import type { Context } from './context';
import { literal, column as name, relation, sqlTable, tableOf } from './names';
import type { Part, Unwritten } from './part';
import { groupOfConstraint, validateNotNull, validatePart } from './parts/constraints';
import { defectPart } from './parts/defects';
import { verification } from './parts/index-checks';
import { groupOfIndex } from './parts/index-sql';
import { immediatePart } from './parts/index-timing';
import { policyPart } from './parts/rights';
import { advancePart, catchUpPart, ownPart, widenPart } from './parts/sequences';

export function partsFound(
  context: Context,
  mend: Exclude<Mend, { what: 'difference' }>,
): readonly (Part | Unwritten)[] {
  const { target, source } = context;
  switch (mend.what) {
    case 'policies':
      return mend.policies.map((each) => policyPart(context, each, undefined));
    case 'validate':
      return [validatePart(context, mend.constraint)];
    case 'validate not null':
      return [validateNotNull(mend.column)];
    case 'reindex':
      return [reindexPart(target, mend.index)];
    case 'immediate':
      return [immediatePart(mend.index)];
    case 'catch up': {
      const { schema, name: own } = mend.sequence;
      const sequence = target.sequences.find((each) => each.schema === schema && each.name === own);
      return sequence ? [catchUpPart(sequence, mend.column)] : [{ unwritten: 'the sequence is gone' }];
    }
    case 'advance':
      return [advancePart(mend.sequence, mend.to)];
    case 'own':
      return [ownPart(mend.sequence, mend.column)];
    case 'widen':
      return [widenPart(mend.sequence, 'bigint')];
    case 'collation':
      return [collationPart(target, mend.collation)];
    case 'duplicates':
      return [duplicatesPart([...source.indexes, ...target.indexes], mend.duplicates)];
    case 'orphans':
      return [orphansPart([...source.constraints, ...target.constraints], mend.orphans)];
    case 'defect':
      return [defectPart(target, mend.id, mend.object)];
  }
}

function reindexPart({ tables }: Catalogue, index: Index): Part | Unwritten {
  const called = relation({ schema: index.schema, name: index.name });
  if (/_cc(new|old)\d*$/.test(index.name))
    return { unwritten: 'a REINDEX that failed left it: drop it, DROP INDEX CONCURRENTLY' };
  if (tableIn({ tables }, { schema: index.schema, name: index.table })?.partitionKey)
    return {
      unwritten:
        'each partition needs such an index, attached to it (ALTER INDEX … ATTACH PARTITION): REINDEX makes none',
    };
  return {
    phase: 'index',
    group: groupOfIndex(index),
    title: `reindex ${index.name}`,
    about: [`Index ${called} on ${tableOf(index)} is INVALID: it is built again.`],
    up: [`REINDEX INDEX CONCURRENTLY ${called}`],
    verify: [`SELECT trueup.no_invalid_indexes(${literal(tableOf(index))})`],
  };
}

/** The refresh says that the indexes are right: so it comes last, and only when they are. */
function collationPart({ indexes, columns, database }: Catalogue, collation: Reference | null): Part {
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
        (collation === null ? each.expressions : each.definition.includes(`COLLATE ${relation(collation)}`))),
  );
  const called = collation === null ? 'the database' : relation(collation);
  const refresh =
    collation === null
      ? "DO $$ BEGIN EXECUTE pg_catalog.format('ALTER DATABASE %I REFRESH COLLATION VERSION', pg_catalog.current_database()); END $$"
      : `ALTER COLLATION ${called} REFRESH VERSION`;
  const version =
    collation === null
      ? `FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()
  AND datcollversion IS DISTINCT FROM pg_catalog.pg_database_collation_actual_version(oid)`
      : `FROM pg_catalog.pg_collation WHERE oid = pg_catalog.to_regcollation(${literal(called)})
  AND collversion IS DISTINCT FROM pg_catalog.pg_collation_actual_version(oid)`;
  return {
    phase: 'index',
    group: `collation version ${called}`,
    title: `collation version ${collation?.name ?? database[0]?.name ?? ''}`,
    about: [
      `Builds again what sorts texts by the collation of ${called}, and then takes the version of the library.`,
    ],
    decide: [
      `rows that share a key under the new order make a REINDEX fail: does audit --deep find any, and which of them stay? Does anything else sort by the collation of ${called}?`,
    ],
    ...(collation === null
      ? { consents: { 'unseen-code': 'the block is about this database, whatever it is called' } }
      : {}),
    up: [
      ...affected.map(
        (each) => `REINDEX INDEX CONCURRENTLY ${relation({ schema: each.schema, name: each.name })}`,
      ),
      refresh,
    ],
    verify: [
      `SELECT ${literal(`Indexes of ${called} were built under another version of its collation`)} ${version}`,
    ],
  };
}

/** As {@link Duplicates.index} spells it. */
const spells = (index: Index, { table, index: words }: { table: Reference; index: string }): boolean =>
  index.schema === table.schema &&
  index.table === table.name &&
  (words.startsWith(`${index.name} (`) || words.startsWith(`"${index.name.replaceAll('"', '""')}" (`));

function duplicatesPart(
  indexes: readonly Index[],
  duplicates: Extract<Mend, { what: 'duplicates' }>['duplicates'],
): Part | Unwritten {
  const { table, groups, damaged } = duplicates;
  const index = indexes.find((each) => spells(each, duplicates));
  if (index === undefined) return { unwritten: 'the index is not known' };
  const rows = `${plural(groups, 'group')} of rows in ${sqlTable({ schema: table.schema, table: table.name })}`;
  return {
    phase: 'index',
    group: groupOfIndex(index),
    title: `unique ${index.table} ${index.name}`,
    about: [],
    decide: [
      `${rows} ${groups === 1 ? 'shares' : 'share'} a key of ${name(index.name)}: which row of each stays? The preflight counts them`,
    ],
    up: damaged ? [`REINDEX INDEX CONCURRENTLY ${relation({ schema: index.schema, name: index.name })}`] : [],
    verify: damaged ? verification(index) : [],
  };
}

function orphansPart(
  constraints: Catalogue['constraints'],
  { table, constraint, columns, rows }: Extract<Mend, { what: 'orphans' }>['orphans'],
): Part | Unwritten {
  const key = constraints.find(
    (each) =>
      each.schema === table.schema &&
      each.table === table.name &&
      (each.name === constraint || `"${each.name.replaceAll('"', '""')}"` === constraint),
  );
  if (key === undefined) return { unwritten: 'the foreign key is not known' };
  const own = columns.map(name).join(', ');
  return {
    phase: 'foreign key',
    group: groupOfConstraint(key),
    title: `foreign key ${key.table} ${key.name}`,
    about: [],
    decide: [
      `${plural(rows, 'row')} of ${tableOf(key)} ${rows === 1 ? 'refers' : 'refer'} by (${own}) to rows that do not exist: delete them, set (${own}) to NULL, or bring back what they refer to?`,
    ],
    up: [],
    verify: [],
  };
}
