/** Explains a failing statement whose ON CONFLICT matches no index. Pure. */
import type { Catalog } from '../audit/catalog';
import type { Index } from '../audit/catalog/indexes';
import type { FailingStatement } from '../audit/evidence';
import { formatPath, parseColumn, parseNames } from '../audit/names';
import type { RepairInput } from '../audit/repair-input';
import type { ConflictClause } from '../sql/conflict-clause';
import { parseInserts } from '../sql/insert';
import type { FailureAttribution } from './attribution';
import { type ConflictCase, explainConflict, type UniqueIndex } from './conflict';

/** Cases in which an index is unusable because of its predicate. */
const PREDICATE_CASES: ReadonlySet<ConflictCase> = new Set([
  'predicate-missing',
  'predicate-differs',
  'bind-parameter',
  'unseen-values',
]);

export function attributeToConflictTarget(
  catalog: Catalog,
  statement: FailingStatement,
): FailureAttribution | null {
  for (const { table, schema, conflict } of parseInserts(statement.text)) {
    if (conflict === null) continue;
    const into = findTable(catalog, statement, schema, table);
    if (into === null) continue;
    const object = formatPath(...into);
    if (conflict.constraint !== null)
      return {
        id: 'missing-conflict-target',
        object,
        message: `ON CONFLICT ON CONSTRAINT ${formatPath(conflict.constraint)} finds no constraint on ${object}.`,
        statement,
      };
    const indexes = catalog.indexes.filter((each) => each.schema === into[0] && each.table === into[1]);
    const { case: which, index } = explainConflict(conflict, indexes.map(toUniqueIndex));
    const clause = `ON CONFLICT (${formatElements(conflict)})`;
    return PREDICATE_CASES.has(which) && index !== null
      ? {
          id: 'missing-conflict-predicate',
          object,
          message: `${clause} on ${object} finds only ${index.name}, which is partial.`,
          because: `its predicate: WHERE ${index.predicate}`,
          statement,
        }
      : {
          id: 'missing-conflict-target',
          object,
          message: `${clause} finds no unique index on ${object}.`,
          repair: makeConflictTargetRepair(
            into,
            conflict.elements.map(({ text }) => text),
          ),
          ...(index === null ? {} : { because: `nearest: ${index.name} (${which})` }),
          statement,
        };
  }
  return null;
}

const makeConflictTargetRepair = (
  [schema, name]: readonly [string, string],
  columns: readonly string[],
): RepairInput => ({
  what: 'defect',
  id: 'missing-conflict-target',
  object: { table: { schema, name }, columns },
});

const formatElements = ({ elements: all }: ConflictClause): string => all.map(({ text }) => text).join(', ');

/** Returns the relation as the planner named it, or else the only table of this name. */
function findTable(
  { tables }: Catalog,
  { verdict }: FailingStatement,
  schema: string | null,
  name: string,
): readonly [string, string] | null {
  const named = verdict.relations
    .map(parseNames)
    .find((names) => names.at(-1) === name && (schema === null || names[0] === schema));
  if (named !== undefined) return [named[0]!, name];
  const candidates = tables.filter(
    (each) => each.name === name && (schema === null || each.schema === schema),
  );
  return candidates.length === 1 ? [candidates[0]!.schema, name] : null;
}

const toUniqueIndex = (index: Index): UniqueIndex => ({
  table: formatPath(index.schema, index.table),
  name: formatPath(index.name),
  sql: formatPath(index.schema, index.name),
  keys: index.columns.map((text) => ({
    column: index.expressions ? parseColumn(text) : text,
    text,
    collation: null,
    classes: null,
  })),
  predicate: index.predicate ?? null,
  valid: !index.invalid,
  unique: index.unique ?? false,
  exclusion: index.constraint === 'exclusion',
  immediate: !index.deferrable,
  primary: index.primary ?? false,
  partitioned: false,
  constraint: index.constraint ?? null,
  plain: !index.expressions && index.predicate === undefined,
});
