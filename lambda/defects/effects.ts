/** A defect's object as the files of migrations name it, and the few questions that kinds ask of an effect. */
import type { Check, CheckArgument, Effect, IndexKey, ObjectName } from '../contract/effects';
import { clausesOf } from '../sql/predicates';
import { identifierOf, tokens } from '../sql/tokens';
import { lastName } from './last-name';
import type { DefectObject, ObjectThen } from './object';

export function objectThen({ table, column, columns, name }: DefectObject): ObjectThen {
  return {
    table: table === null ? null : objectName(table),
    column: column === null ? null : lastName(column),
    columns: columns.map(columnOrExpression),
    name: name === null ? null : lastName(name),
  };
}

/** `shop."Order"` */
function objectName(sql: string): ObjectName {
  const names = [...tokens(sql)].map(identifierOf).filter((name) => name !== null);
  return { schema: names.at(-2) ?? null, name: names.at(-1) ?? sql };
}

/** `"Key"` → `Key`, and `lower(email)` as it is; what follows a column (COLLATE, an operator class) is left out. */
function columnOrExpression(sql: string): string {
  const list = [...tokens(sql)];
  const [first] = list;
  const name = first === undefined || list.some(({ text }) => text === '(') ? null : identifierOf(first);
  return name ?? sql;
}

/** A name without a schema means the search path, which decides for any of that name. */
export const isSame = (one: ObjectName, other: ObjectName | null): boolean =>
  other !== null &&
  one.name === other.name &&
  (one.schema === null || other.schema === null || one.schema === other.schema);

/** Effects on a column of the object's table. */
export const onColumn = (effect: Effect, { table, column }: ObjectThen): boolean =>
  'column' in effect && isSame(effect.table, table) && effect.column === column;

/** A unique index over just the object's columns in any order, that ON CONFLICT can name by them. */
export const isUniqueOver = (effect: Effect, { table, columns }: ObjectThen): boolean =>
  effect.kind === 'index' &&
  effect.unique &&
  !effect.deferrable &&
  isSame(effect.table, table) &&
  sameKeys(effect.keys.map(keyText), columns);

const keyText = (key: IndexKey): string => ('column' in key ? key.column : key.expression);

/** As sets; an expression in one spelling. */
export function sameKeys(one: readonly string[], other: readonly string[]): boolean {
  const [a, b] = [one, other].map((keys) => [...new Set(keys.map(spelled))].sort().join('\n'));
  return a !== '' && a === b;
}

const spelled = (key: string): string =>
  /^[\w$\u0080-\uffff]+$/.test(key) ? key : clausesOf(key).join(' and ');

/** A check's argument, by its position or its name. */
export const argument = ({ arguments: given, named }: Check, at: number, name: string): CheckArgument =>
  given[at] ?? named?.[name] ?? null;

/** Whether a check's first argument names the object's table. */
export function checksTable(check: Check, { table }: ObjectThen): boolean {
  const name = argument(check, 0, 'table_name');
  return typeof name === 'string' && isSame(objectName(name), table);
}

export function checksColumn(check: Check, then: ObjectThen): boolean {
  const name = argument(check, 1, 'column_name');
  return checksTable(check, then) && typeof name === 'string' && lastName(name) === then.column;
}

/** `ARRAY['a', 'b']`, or `'{a, b}'` as a literal. */
export function checksColumns(check: Check, then: ObjectThen, at = 1, name = 'keys'): boolean {
  const keys = argument(check, at, name) ?? argument(check, at, 'columns');
  if (keys === null || !checksTable(check, then)) return false;
  const list = typeof keys === 'string' ? keys.replace(/^\{|\}$/g, '').split(/,\s*/) : keys;
  return sameKeys(list.map(columnOrExpression), then.columns);
}

/** `on_conflict_target`, `col_is_pk`, and `is_indexed` where it asks for a unique one. */
export const verifiesTarget = (check: Check, then: ObjectThen): boolean =>
  (check.function === 'on_conflict_target' ||
    check.function === 'col_is_pk' ||
    (check.function === 'is_indexed' && argument(check, 2, 'is_unique') === 'true')) &&
  checksColumns(check, then);
