/** What the repair of a kind becomes. Pure. */
import type { Catalogue } from '../../../../lambda/audit/catalogue';
import type { Reference } from '../../../../lambda/audit/catalogue/kind';
import { onlyIn } from '../../../../lambda/audit/inheritance';
import type { DefectNames } from '../../../../lambda/audit/mend';
import { tableIn } from '../../../../lambda/audit/table-in';
import { kindOf } from '../../../../lambda/defects';
import { decide } from '../../../../lambda/defects/diagnosis/finding';
import type { DefectObject } from '../../../../lambda/defects/object';
import { makeConflictTarget } from '../../../../lambda/defects/repair/conflict-target';
import { array, literal, column as name, relation } from '../names';
import type { Part, Unwritten } from '../part';

/** The repair of the kind, as it is printed on a page; Trueup opens the transaction and waits for the locks. */
export function defectPart(
  target: Catalogue,
  id: string,
  { table, column, columns = [], name: own, detail, decide }: DefectNames,
): Part | Unwritten {
  const kind = kindOf(id);
  if (kind === null) return { unwritten: `there is no kind ${id}` };
  const object: DefectObject = {
    table: table && relation(table),
    column: column === undefined ? null : name(column),
    columns,
    name: own ?? null,
    detail: detail ?? null,
  };
  const repair =
    (table && id === 'missing-conflict-target' && conflictTarget(target, table, columns)) ||
    kind.repair(object);
  const up = repair.sql.map((each) => each.replace(/;$/, '')).filter((each) => !BY_TRUEUP.test(each));
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
          `SELECT pg_catalog.format('%s groups of rows in %s share (%s)', count(*), ${literal(object.table)}, ${literal(columns.join(', '))})
FROM (SELECT FROM ${table ? onlyIn(target, table) : ''}${object.table} WHERE num_nulls(${columns.join(', ')}) = 0 GROUP BY ${columns.join(', ')} HAVING count(*) > 1) AS shared HAVING count(*) > 0`,
        ]
      : [],
    up,
    verify: unique
      ? [`SELECT trueup.is_indexed(${literal(object.table)}, ${array(columns)}, is_unique => true)`]
      : id === 'missing-uuid-function'
        ? [
            `SELECT ${literal(`There is no function ${own}()`)} WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_proc WHERE proname = ${literal(own ?? '')})`,
          ]
        : [kind.verification(object)],
  };
}

/** Under a name that is not taken. */
function conflictTarget(
  { tables, indexes }: Catalogue,
  { schema, name: own }: Reference,
  keys: readonly string[],
) {
  const table = tableIn({ tables }, { schema, name: own });
  if (table?.kind !== 'table') return decide('Only the unique index of a plain table is written.');
  const taken = new Set(
    [...tables, ...indexes].filter((each) => each.schema === schema).map((each) => each.name),
  );
  const known = { partitionKey: null, leaves: [], nested: false, columnNames: new Map<string, string>() };
  return makeConflictTarget(
    { ...known, schema, name: own, sql: relation({ schema, name: own }), kind: 'table' },
    { keys, predicate: null },
    taken,
  );
}

/** What a person at a prompt needs, and a migration has: the transaction, its time for locks, and the look at duplicates. */
const BY_TRUEUP = /^(BEGIN|COMMIT|SET LOCAL lock_timeout = .*|SELECT .* HAVING count\(\*\) > 1)$/s;
