/** Failing statements that no difference to a source explains: of which kind each is, decided in one place. Pure. */
import type { Catalogue } from '../audit/catalogue';
import type { Column } from '../audit/catalogue/columns';
import type { Reference } from '../audit/catalogue/kind';
import { grouped } from '../audit/compare/pair';
import type { Evidence, FailingStatement } from '../audit/evidence';
import { callsIn } from '../audit/failing';
import type { Finding } from '../audit/finding';
import type { Mend } from '../audit/mend';
import { namesIn, path } from '../audit/names';
import { onceFor } from '../audit/once';
import { tablesIn } from '../sql/insert';
import { identifierOf, tokens } from '../sql/tokens';
import type { Claim, ClaimedId } from './claim';
import { conflictClaim } from './conflict-claim';
import { missingExtension, missingWords } from './extensions';
import { keysOf, likelyReferences } from './keys';
import { shownBy } from './kind';

/** Each is decided once, though many kinds ask. */
const claimsOf = onceFor(({ failing, target }: Evidence) =>
  grouped(
    failing.filter(({ because }) => because === null).map((each) => claimOf(target.catalogue, each)),
    ({ id }) => id,
  ),
);

/** One finding an object, with the statements that fail because of it. */
export const claimed = (id: ClaimedId, evidence: Evidence): readonly Finding[] =>
  [...grouped(claimsOf(evidence).get(id) ?? [], ({ message }) => message).values()].map((claims) => ({
    grade: 'A',
    object: claims[0]!.object,
    message: claims[0]!.message,
    evidence: [
      ...(claims[0]!.because ? [claims[0]!.because] : []),
      ...shownBy(claims.map(({ statement }) => statement)),
    ],
    ...(claims[0]!.mend ? { mend: claims[0]!.mend } : {}),
  }));

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
    verdict.sqlstate === '42P10' || verdict.sqlstate === '42704' ? conflictClaim(catalogue, statement) : null;
  if (conflict !== null) return conflict;
  if (verdict.sqlstate === '42883' || verdict.sqlstate === '42804') {
    const used = new Set([...tokens(text)].flatMap((token) => identifierOf(token) ?? []));
    const found =
      uuidFunction(statement, used) ??
      extensionFunction(catalogue, statement) ??
      keyTypes(catalogue, statement, used);
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

/** A function that only an extension brings, and no schema has. */
function extensionFunction(catalogue: Catalogue, statement: FailingStatement): Claim | null {
  if (statement.verdict.sqlstate !== '42883') return null;
  for (const name of callsIn(statement.text)) {
    const extension = missingExtension(catalogue, name);
    if (extension !== null)
      return {
        id: 'extension-missing',
        object: path(extension),
        message: missingWords(extension),
        because: `${path(name)}() comes with it, and is in no schema`,
        statement,
      };
  }
  return null;
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

const keysByPath = onceFor(
  (catalogue: Catalogue) =>
    new Map(
      keysOf(catalogue).map((each) => [path(each.column.schema, each.column.table, each.column.name), each]),
    ),
);

function withoutValue(
  catalogue: Catalogue,
  statement: FailingStatement,
  { relation, object }: WouldFail,
): Claim {
  const names = [...namesIn(relation), ...namesIn(object).slice(-1)];
  const column = path(...names);
  const key = keysByPath(catalogue).get(column);
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

const relationsByName = onceFor(({ tables, views }: Catalogue) =>
  grouped<Reference, string>([...tables, ...views], ({ name }) => name),
);

/** What the planner named, else the first table of the text. */
function relationOf(catalogue: Catalogue, { verdict, text }: FailingStatement): string {
  const [first] = verdict.relations;
  if (first !== undefined) return path(...namesIn(first));
  const named = tablesIn(text)[0] ?? FIRST_TABLE.exec(text)?.[1];
  if (named === undefined) return 'statement';
  const names = namesIn(named);
  const known = names.length === 1 ? (relationsByName(catalogue).get(names[0]!) ?? []) : [];
  return known.length === 1 ? path(known[0]!.schema, known[0]!.name) : path(...names);
}

const FIRST_TABLE =
  /\b(?:from|join|into|update)\s+((?:"(?:[^"]|"")+"|[\w$]+)(?:\.(?:"(?:[^"]|"")+"|[\w$]+))?)/i;
