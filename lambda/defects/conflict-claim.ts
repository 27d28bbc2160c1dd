/** A failing statement whose ON CONFLICT finds no index. Pure. */
import type { Catalogue } from '../audit/catalogue';
import type { Index } from '../audit/catalogue/indexes';
import type { FailingStatement } from '../audit/evidence';
import type { Mend } from '../audit/mend';
import { columnOf, namesIn, path } from '../audit/names';
import type { ConflictSeen } from '../sql/conflict-clause';
import { insertsIn } from '../sql/insert';
import type { Claim } from './claim';
import { type ConflictCase, explainConflict, type UniqueIndex } from './conflict';

/** Its predicate is what keeps an index from serving. */
const BY_PREDICATE: ReadonlySet<ConflictCase> = new Set([
  'predicate-missing',
  'predicate-differs',
  'bind-parameter',
  'unseen-values',
]);

export function conflictClaim(catalogue: Catalogue, statement: FailingStatement): Claim | null {
  for (const { table, schema, conflict } of insertsIn(statement.text)) {
    if (conflict === null) continue;
    const into = tableOf(catalogue, statement, schema, table);
    if (into === null) continue;
    const object = path(...into);
    if (conflict.constraint !== null)
      return {
        id: 'missing-conflict-target',
        object,
        message: `ON CONFLICT ON CONSTRAINT ${path(conflict.constraint)} finds no constraint on ${object}.`,
        statement,
      };
    const indexes = catalogue.indexes.filter((each) => each.schema === into[0] && each.table === into[1]);
    const { case: which, index } = explainConflict(conflict, indexes.map(uniqueIndex));
    const clause = `ON CONFLICT (${elements(conflict)})`;
    return BY_PREDICATE.has(which) && index !== null
      ? {
          id: 'conflict-predicate',
          object,
          message: `${clause} on ${object} finds only ${index.name}, which is partial.`,
          because: `its predicate: WHERE ${index.predicate}`,
          statement,
        }
      : {
          id: 'missing-conflict-target',
          object,
          message: `${clause} finds no unique index on ${object}.`,
          mend: makeTarget(
            into,
            conflict.elements.map(({ text }) => text),
          ),
          ...(index === null ? {} : { because: `nearest: ${index.name} (${which})` }),
          statement,
        };
  }
  return null;
}

const makeTarget = ([schema, name]: readonly [string, string], columns: readonly string[]): Mend => ({
  what: 'defect',
  id: 'missing-conflict-target',
  object: { table: { schema, name }, columns },
});

const elements = ({ elements: all }: ConflictSeen): string => all.map(({ text }) => text).join(', ');

/** The planner names the relations that it found; else the only table of this name. */
function tableOf(
  { tables }: Catalogue,
  { verdict }: FailingStatement,
  schema: string | null,
  name: string,
): readonly [string, string] | null {
  const named = verdict.relations
    .map(namesIn)
    .find((names) => names.at(-1) === name && (schema === null || names[0] === schema));
  if (named !== undefined) return [named[0]!, name];
  const candidates = tables.filter(
    (each) => each.name === name && (schema === null || each.schema === schema),
  );
  return candidates.length === 1 ? [candidates[0]!.schema, name] : null;
}

const uniqueIndex = (index: Index): UniqueIndex => ({
  table: path(index.schema, index.table),
  name: path(index.name),
  sql: path(index.schema, index.name),
  keys: index.columns.map((text) => ({
    column: index.expressions ? columnOf(text) : text,
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
