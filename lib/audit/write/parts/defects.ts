/** Builds a step from the repair of a check. Pure. */
import type { Catalog } from '../../../../lambda/audit/catalog';
import type { Reference } from '../../../../lambda/audit/catalog/kind';
import { findTable } from '../../../../lambda/audit/find-table';
import { buildOnlyClause } from '../../../../lambda/audit/inheritance';
import type { DefectNames } from '../../../../lambda/audit/repair-input';
import { findDefectKind } from '../../../../lambda/defects';
import { makeManualDecision } from '../../../../lambda/defects/diagnosis/finding';
import type { DefectObject } from '../../../../lambda/defects/object';
import { makeConflictTarget } from '../../../../lambda/defects/repair/conflict-target';
import { quoteName as name, quoteArray, quoteRelation, quoteText } from '../names';
import type { RepairStep, Unrepairable } from '../repair-step';

/** Builds the repair that pages print for the check, without its transaction and lock timeout, which Trueup adds. */
export function buildDefectStep(
  target: Catalog,
  id: string,
  { table, column, columns = [], name: own, detail, decide }: DefectNames,
): RepairStep | Unrepairable {
  const kind = findDefectKind(id);
  if (kind === null) return { unwritten: `there is no check ${id}` };
  const object: DefectObject = {
    table: table && quoteRelation(table),
    column: column === undefined ? null : name(column),
    columns,
    name: own ?? null,
    detail: detail ?? null,
  };
  const repair =
    (table && id === 'missing-conflict-target' && findConflictTarget(target, table, columns)) ||
    kind.repair(object);
  const up = repair.sql.map((each) => each.replace(/;$/, '')).filter((each) => !RUN_BY_TRUEUP.test(each));
  if (up.length === 0) return { unwritten: repair.words };
  const about = [object.table ?? object.name ?? '', object.column ?? '', columns.join(', ')]
    .filter(Boolean)
    .join(' ');
  const unique = id === 'missing-conflict-target' && object.table !== null;
  return {
    phase: id === 'missing-uuid-function' ? 'extension' : unique ? 'index' : 'default',
    group: `${id} ${about}`,
    title: `${id} ${about}`,
    about: [repair.words],
    decide: decide !== undefined ? [decide] : repair.decision ? [repair.words] : [],
    preflight: unique
      ? [
          `SELECT pg_catalog.format('%s groups of rows in %s share (%s)', count(*), ${quoteText(object.table)}, ${quoteText(columns.join(', '))})
FROM (SELECT FROM ${table ? buildOnlyClause(target, table) : ''}${object.table} WHERE num_nulls(${columns.join(', ')}) = 0 GROUP BY ${columns.join(', ')} HAVING count(*) > 1) AS shared HAVING count(*) > 0`,
        ]
      : [],
    up,
    verify: unique
      ? [`SELECT trueup.is_indexed(${quoteText(object.table)}, ${quoteArray(columns)}, is_unique => true)`]
      : id === 'missing-uuid-function'
        ? [
            `SELECT ${quoteText(`There is no function ${own}()`)} WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_proc WHERE proname = ${quoteText(own ?? '')})`,
          ]
        : [kind.verification(object)],
  };
}

/** Plans the unique index for ON CONFLICT, under a name that is free. */
function findConflictTarget(
  { tables, indexes }: Catalog,
  { schema, name: own }: Reference,
  keys: readonly string[],
) {
  const table = findTable({ tables }, { schema, name: own });
  if (table?.kind !== 'table')
    return makeManualDecision('Only a unique index on a plain table can be written.');
  const taken = new Set(
    [...tables, ...indexes].filter((each) => each.schema === schema).map((each) => each.name),
  );
  const known = { partitionKey: null, leaves: [], nested: false, columnNames: new Map<string, string>() };
  return makeConflictTarget(
    { ...known, schema, name: own, sql: quoteRelation({ schema, name: own }), kind: 'table' },
    { keys, predicate: null },
    taken,
  );
}

/** Statements needed at a prompt but not in a migration: transaction, lock timeout and the query for duplicates. */
const RUN_BY_TRUEUP = /^(BEGIN|COMMIT|SET LOCAL lock_timeout = .*|SELECT .* HAVING count\(\*\) > 1)$/s;
