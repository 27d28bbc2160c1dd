/** Converts the object of a finding into the names of migration files, and compares it with effects and checks. */
import type {
  Effect,
  IndexKey,
  ObjectName,
  VerificationArgument,
  VerificationCall,
} from '../contract/effects';
import { normalizeConjuncts } from '../sql/predicates';
import { readIdentifier, tokenizeSql } from '../sql/tokens';
import type { DefectObject, HistoricalObject } from './object';
import { extractUnqualifiedName } from './unqualified-name';

export function toHistoricalObject({ table, column, columns, name }: DefectObject): HistoricalObject {
  return {
    table: table === null ? null : parseObjectName(table),
    column: column === null ? null : extractUnqualifiedName(column),
    columns: columns.map(parseColumnOrExpression),
    name: name === null ? null : extractUnqualifiedName(name),
  };
}

/** Splits a name such as `shop."Order"`. */
function parseObjectName(sql: string): ObjectName {
  const names = [...tokenizeSql(sql)].map(readIdentifier).filter((name) => name !== null);
  return { schema: names.at(-2) ?? null, name: names.at(-1) ?? sql };
}

/**
 * Unquotes a column (`"Key"` → `Key`) and leaves an expression such as `lower(email)` as it is. COLLATE or an operator
 * class after a column is dropped.
 */
function parseColumnOrExpression(sql: string): string {
  const list = [...tokenizeSql(sql)];
  const [first] = list;
  const name = first === undefined || list.some(({ text }) => text === '(') ? null : readIdentifier(first);
  return name ?? sql;
}

/** Whether two names are the same. A name without a schema depends on the search path, so it matches every schema. */
export const isSameName = (one: ObjectName, other: ObjectName | null): boolean =>
  other !== null &&
  one.name === other.name &&
  (one.schema === null || other.schema === null || one.schema === other.schema);

/** Whether the effect concerns the object's column. */
export const isOnColumn = (effect: Effect, { table, column }: HistoricalObject): boolean =>
  'column' in effect && isSameName(effect.table, table) && effect.column === column;

/**
 * Whether the effect creates a unique index over exactly the object's columns, in any order, that ON CONFLICT can use.
 */
export const isUniqueOver = (effect: Effect, { table, columns }: HistoricalObject): boolean =>
  effect.kind === 'index' &&
  effect.unique &&
  !effect.deferrable &&
  isSameName(effect.table, table) &&
  isSameKeySet(effect.keys.map(getKeyText), columns);

const getKeyText = (key: IndexKey): string => ('column' in key ? key.column : key.expression);

/** Compares two lists of keys as sets, with expressions in normalized form. */
export function isSameKeySet(one: readonly string[], other: readonly string[]): boolean {
  const [a, b] = [one, other].map((keys) => [...new Set(keys.map(normalizeKey))].sort().join('\n'));
  return a !== '' && a === b;
}

const normalizeKey = (key: string): string =>
  /^[\w$\u0080-\uffff]+$/.test(key) ? key : normalizeConjuncts(key).join(' and ');

/** Returns an argument of a check by position or name. */
export const readArgument = (
  { arguments: given, named }: VerificationCall,
  at: number,
  name: string,
): VerificationArgument => given[at] ?? named?.[name] ?? null;

/** Whether the first argument of a check names the object's table. */
export function checksTable(check: VerificationCall, { table }: HistoricalObject): boolean {
  const name = readArgument(check, 0, 'table_name');
  return typeof name === 'string' && isSameName(parseObjectName(name), table);
}

export function checksColumn(check: VerificationCall, then: HistoricalObject): boolean {
  const name = readArgument(check, 1, 'column_name');
  return checksTable(check, then) && typeof name === 'string' && extractUnqualifiedName(name) === then.column;
}

/** Whether a check names the object's columns, as `ARRAY['a', 'b']` or as the literal `'{a, b}'`. */
export function checksColumns(
  check: VerificationCall,
  then: HistoricalObject,
  at = 1,
  name = 'keys',
): boolean {
  const keys = readArgument(check, at, name) ?? readArgument(check, at, 'columns');
  if (keys === null || !checksTable(check, then)) return false;
  const list = typeof keys === 'string' ? keys.replace(/^\{|\}$/g, '').split(/,\s*/) : keys;
  return isSameKeySet(list.map(parseColumnOrExpression), then.columns);
}

/**
 * Whether the check verifies a conflict target: `on_conflict_target`, `col_is_pk`, or `is_indexed` with `is_unique`.
 */
export const verifiesConflictTarget = (check: VerificationCall, then: HistoricalObject): boolean =>
  (check.function === 'on_conflict_target' ||
    check.function === 'col_is_pk' ||
    (check.function === 'is_indexed' && readArgument(check, 2, 'is_unique') === 'true')) &&
  checksColumns(check, then);
