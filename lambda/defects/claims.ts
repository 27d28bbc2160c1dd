/** Failing statements that no difference to a source explains: of which kind each is, decided in one place. Pure. */
import type { Catalogue } from '../audit/catalogue';
import type { Column } from '../audit/catalogue/columns';
import type { Index } from '../audit/catalogue/indexes';
import type { Evidence, FailingStatement } from '../audit/evidence';
import type { Finding } from '../audit/finding';
import type { Mend } from '../audit/mend';
import { namesIn, path } from '../audit/names';
import type { ConflictSeen } from '../sql/conflict-clause';
import { insertsIn, tablesIn } from '../sql/insert';
import { identifierOf, tokens } from '../sql/tokens';
import { type ConflictCase, explainConflict, type UniqueIndex } from './conflict';
import { keysOf, likelyReferences } from './keys';
import { shownBy } from './kind';

export type ClaimedId =
  | 'missing-id-default'
  | 'premature-not-null'
  | 'missing-conflict-target'
  | 'conflict-predicate'
  | 'deferrable-arbiter'
  | 'missing-uuid-function'
  | 'mismatched-key-types'
  | 'statement-fails';

interface Claim {
  readonly id: ClaimedId;
  readonly object: string;
  readonly message: string;
  /** More lines of evidence. */
  readonly because?: string;
  readonly statement: FailingStatement;
  /** What mends it. @default - no migration does */
  readonly mend?: Mend;
}

/** One finding an object, with the statements that fail because of it. */
export function claimed(id: ClaimedId, evidence: Evidence): readonly Finding[] {
  const groups = new Map<string, Claim[]>();
  for (const statement of evidence.failing) {
    if (statement.because !== null) continue;
    const claim = claimOf(evidence.target.catalogue, statement);
    if (claim.id === id) groups.set(claim.message, [...(groups.get(claim.message) ?? []), claim]);
  }
  return [...groups.values()].map((claims) => ({
    grade: 'A',
    object: claims[0]!.object,
    message: claims[0]!.message,
    evidence: [
      ...(claims[0]!.because ? [claims[0]!.because] : []),
      ...shownBy(claims.map(({ statement }) => statement)),
    ],
    ...(claims[0]!.mend ? { mend: claims[0]!.mend } : {}),
  }));
}

function claimOf(catalogue: Catalogue, statement: FailingStatement): Claim {
  const { verdict, text } = statement;
  if (verdict.outcome === 'would-fail')
    switch (verdict.sqlstate) {
      case '55000':
        return deferrable(catalogue, statement, verdict);
      case '23502':
        return withoutValue(catalogue, statement, verdict);
      case '42P01':
        return withoutSequence(statement, verdict);
    }
  const conflict =
    verdict.sqlstate === '42P10' || verdict.sqlstate === '42704' ? conflictOf(catalogue, statement) : null;
  if (conflict !== null) return conflict;
  if (verdict.sqlstate === '42883' || verdict.sqlstate === '42804') {
    const used = new Set([...tokens(text)].flatMap((token) => identifierOf(token) ?? []));
    const found = uuidFunction(statement, used) ?? keyTypes(catalogue, statement, used);
    if (found !== null) return found;
  }
  const object = relationOf(catalogue, statement);
  return {
    id: 'statement-fails',
    object,
    message: `A statement on ${object} fails: ${verdict.why}.`,
    statement,
  };
}

type WouldFail = Extract<FailingStatement['verdict'], { outcome: 'would-fail' }>;

function deferrable(
  { indexes }: Catalogue,
  statement: FailingStatement,
  { relation, object }: WouldFail,
): Claim {
  const [[schema = '', table = ''], by = ''] = [namesIn(relation), namesIn(object).at(-1)];
  const index = indexes.find((each) => each.schema === schema && each.table === table && each.name === by);
  return {
    id: 'deferrable-arbiter',
    object: path(schema, table),
    message: `ON CONFLICT on ${path(schema, table)} can only decide by ${path(by)}, which is deferrable.`,
    statement,
    ...(index ? { mend: { what: 'immediate', index } as const } : {}),
  };
}

const withoutSequence = (statement: FailingStatement, { relation, object, why }: WouldFail): Claim => ({
  id: 'statement-fails',
  object: path(...namesIn(relation), ...namesIn(object).slice(-1)),
  message: `An INSERT into ${path(...namesIn(relation))} fails: ${why}.`,
  statement,
});

function withoutValue(
  catalogue: Catalogue,
  statement: FailingStatement,
  { relation, object }: WouldFail,
): Claim {
  const names = [...namesIn(relation), ...namesIn(object).slice(-1)];
  const column = path(...names);
  const key = keysOf(catalogue).find(
    ({ column: { schema, table, name } }) => path(schema, table, name) === column,
  );
  return key !== undefined
    ? {
        id: 'missing-id-default',
        object: column,
        message: `${column} is a key that nothing generates, and an INSERT leaves it out.`,
        statement,
        mend: generateKey(key.column),
      }
    : {
        id: 'premature-not-null',
        object: column,
        message: `${column} is NOT NULL without a default, and an INSERT leaves it out.`,
        statement,
      };
}

/** Its predicate is what keeps an index from serving. */
const BY_PREDICATE: ReadonlySet<ConflictCase> = new Set([
  'predicate-missing',
  'predicate-differs',
  'bind-parameter',
  'unseen-values',
]);

function conflictOf(catalogue: Catalogue, statement: FailingStatement): Claim | null {
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

/** Also of keys that are the odd ones out. */
export const generateKey = ({ schema, table, name, type }: Column, decide?: string): Mend => ({
  what: 'defect',
  id: 'missing-id-default',
  object: {
    table: { schema, name: table },
    column: name,
    detail: type,
    ...(decide === undefined ? {} : { decide }),
  },
});

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
    column: index.expressions && /[^\w$]/.test(text) ? null : text,
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

function uuidFunction(statement: FailingStatement, used: ReadonlySet<string>): Claim | null {
  const name = [...used].find((each) => /^(gen_random_uuid|uuid_generate_v\w+|uuidv[47])$/.test(each));
  return name === undefined
    ? null
    : {
        id: 'missing-uuid-function',
        object: name,
        message: `There is no function ${name}() that a statement could call.`,
        statement,
        mend: { what: 'defect', id: 'missing-uuid-function', object: { table: null, name } },
      };
}

function keyTypes(
  catalogue: Catalogue,
  statement: FailingStatement,
  used: ReadonlySet<string>,
): Claim | null {
  const found = likelyReferences(catalogue).find(
    ({ column, key, comparable }) =>
      !comparable && [column.table, column.name, key.table, key.name].every((name) => used.has(name)),
  );
  return found === undefined
    ? null
    : {
        id: 'mismatched-key-types',
        object: path(found.column.schema, found.column.table, found.column.name),
        message: typesDiffer(found),
        statement,
      };
}

export const typesDiffer = ({ column, key }: ReturnType<typeof likelyReferences>[number]): string =>
  `${path(column.schema, column.table, column.name)} is ${column.type}, and ${path(key.schema, key.table, key.name)}, which it is named after, is ${key.type}.`;

/** What the planner named, else the first table of the text. */
function relationOf({ tables, views }: Catalogue, { verdict, text }: FailingStatement): string {
  const [first] = verdict.relations;
  if (first !== undefined) return path(...namesIn(first));
  const named = tablesIn(text)[0] ?? FIRST_TABLE.exec(text)?.[1];
  if (named === undefined) return 'statement';
  const names = namesIn(named);
  const known = [...tables, ...views].filter(({ name }) => names.length === 1 && name === names[0]);
  return known.length === 1 ? path(known[0]!.schema, known[0]!.name) : path(...names);
}

const FIRST_TABLE =
  /\b(?:from|join|into|update)\s+((?:"(?:[^"]|"")+"|[\w$]+)(?:\.(?:"(?:[^"]|"")+"|[\w$]+))?)/i;
