/** Assigns each failing statement that no difference to a source explains to one check. Pure. */
import type { Catalog } from '../audit/catalog';
import type { Column } from '../audit/catalog/columns';
import type { Reference } from '../audit/catalog/kind';
import { groupBy } from '../audit/compare/pair';
import type { Evidence, FailingStatement } from '../audit/evidence';
import { listCalledFunctions } from '../audit/failing-statements';
import type { Finding } from '../audit/finding';
import { memoize } from '../audit/memoize';
import { formatPath, parseNames } from '../audit/names';
import type { RepairInput } from '../audit/repair-input';
import { listTableNames } from '../sql/insert';
import { readIdentifier, tokenizeSql } from '../sql/tokens';
import type { AttributableId, FailureAttribution } from './attribution';
import { attributeToConflictTarget } from './conflict-attribution';
import { describeMissingExtension, findMissingExtension } from './extensions';
import { isIdName, listGeneratableKeys, listLikelyReferences } from './keys';
import { formatStatementEvidence } from './kind';

/** Cached, since many checks use it. */
const attributeFailures = memoize(({ failing, target }: Evidence) =>
  groupBy(
    failing.filter(({ because }) => because === null).map((each) => attributeFailure(target.catalog, each)),
    ({ id }) => id,
  ),
);

/** Returns the findings of a check: one for each object, with the statements that fail because of it. */
export const listAttributedFindings = (id: AttributableId, evidence: Evidence): readonly Finding[] =>
  [...groupBy(attributeFailures(evidence).get(id) ?? [], ({ message }) => message).values()].map(
    (claims) => ({
      confidence: 'A',
      object: claims[0]!.object,
      message: claims[0]!.message,
      evidence: [
        ...(claims[0]!.because ? [claims[0]!.because] : []),
        ...formatStatementEvidence(claims.map(({ statement }) => statement)),
      ],
      ...(claims[0]!.repair ? { repair: claims[0]!.repair } : {}),
    }),
  );

function attributeFailure(catalog: Catalog, statement: FailingStatement): FailureAttribution {
  const { verdict, text } = statement;
  if (verdict.outcome === 'would-fail')
    switch (verdict.sqlstate) {
      case '55000':
        return attributeToDeferrableKey(catalog, statement, verdict);
      case '23502':
        return attributeToMissingValue(catalog, statement, verdict);
      case '42P01':
        return attributeToMissingSequence(statement, verdict);
    }
  const conflict =
    verdict.sqlstate === '42P10' || verdict.sqlstate === '42704'
      ? attributeToConflictTarget(catalog, statement)
      : null;
  if (conflict !== null) return conflict;
  if (verdict.sqlstate === '42883' || verdict.sqlstate === '42804') {
    const used = new Set([...tokenizeSql(text)].flatMap((token) => readIdentifier(token) ?? []));
    const found =
      attributeToUuidFunction(statement, used) ??
      attributeToExtension(catalog, statement) ??
      attributeToKeyTypes(catalog, statement, used);
    if (found !== null) return found;
  }
  const object = findRelationName(catalog, statement);
  return {
    id: 'failing-statement',
    object,
    message: `A statement on ${object} fails: ${verdict.why}.`,
    statement,
  };
}

/** Claims statements that call a function of an extension that is not installed. */
function attributeToExtension(catalog: Catalog, statement: FailingStatement): FailureAttribution | null {
  if (statement.verdict.sqlstate !== '42883') return null;
  for (const name of listCalledFunctions(statement.text)) {
    const extension = findMissingExtension(catalog, name);
    if (extension !== null)
      return {
        id: 'missing-extension',
        object: formatPath(extension),
        message: describeMissingExtension(extension),
        because: `${formatPath(name)}() comes with it, and no schema has it`,
        statement,
      };
  }
  return null;
}

type WouldFailVerdict = Extract<FailingStatement['verdict'], { outcome: 'would-fail' }>;

function attributeToDeferrableKey(
  { indexes }: Catalog,
  statement: FailingStatement,
  { relation, object }: WouldFailVerdict,
): FailureAttribution {
  const [[schema = '', table = ''], by = ''] = [parseNames(relation), parseNames(object).at(-1)];
  const index = indexes.find((each) => each.schema === schema && each.table === table && each.name === by);
  return {
    id: 'deferrable-arbiter',
    object: formatPath(schema, table),
    message: `ON CONFLICT on ${formatPath(schema, table)} matches only ${formatPath(by)}, which is deferrable.`,
    statement,
    ...(index ? { repair: { what: 'immediate', index } as const } : {}),
  };
}

const attributeToMissingSequence = (
  statement: FailingStatement,
  { relation, object, why }: WouldFailVerdict,
): FailureAttribution => ({
  id: 'failing-statement',
  object: formatPath(...parseNames(relation), ...parseNames(object).slice(-1)),
  message: `An INSERT into ${formatPath(...parseNames(relation))} fails: ${why}.`,
  statement,
});

const indexKeysByPath = memoize(
  (catalog: Catalog) =>
    new Map(
      listGeneratableKeys(catalog).map((each) => [
        formatPath(each.column.schema, each.column.table, each.column.name),
        each,
      ]),
    ),
);

function attributeToMissingValue(
  catalog: Catalog,
  statement: FailingStatement,
  { relation, object }: WouldFailVerdict,
): FailureAttribution {
  const names = [...parseNames(relation), ...parseNames(object).slice(-1)];
  const column = formatPath(...names);
  const key = indexKeysByPath(catalog).get(column);
  return key !== undefined
    ? {
        id: 'missing-primary-key-default',
        object: column,
        message: `${column} is a key without a default or identity, and an INSERT leaves it out.`,
        statement,
        repair: makeGenerateKeyRepair(
          key.column,
          key.alone || isIdName(key.column.name, key.column.table)
            ? undefined
            : `does ${column} identify the row itself, or refer to a row of another table?`,
        ),
      }
    : {
        id: 'not-null-too-early',
        object: column,
        message: `${column} is NOT NULL without a default, and an INSERT leaves it out.`,
        statement,
      };
}

/**
 * Returns the repair of a key column without a default. It also serves keys that differ from those of similar tables.
 */
export const makeGenerateKeyRepair = (
  { schema, table, name, type }: Column,
  decide?: string,
): RepairInput => ({
  what: 'defect',
  id: 'missing-primary-key-default',
  object: {
    table: { schema, name: table },
    column: name,
    detail: type,
    ...(decide === undefined ? {} : { decide }),
  },
});

function attributeToUuidFunction(
  statement: FailingStatement,
  used: ReadonlySet<string>,
): FailureAttribution | null {
  const name = [...used].find((each) => /^(gen_random_uuid|uuid_generate_v\w+|uuidv[47])$/.test(each));
  return name === undefined
    ? null
    : {
        id: 'missing-uuid-function',
        object: name,
        message: `There is no function ${name}() that a statement could call.`,
        statement,
        repair: { what: 'defect', id: 'missing-uuid-function', object: { table: null, name } },
      };
}

function attributeToKeyTypes(
  catalog: Catalog,
  statement: FailingStatement,
  used: ReadonlySet<string>,
): FailureAttribution | null {
  const found = listLikelyReferences(catalog).find(
    ({ column, key, comparable }) =>
      !comparable && [column.table, column.name, key.table, key.name].every((name) => used.has(name)),
  );
  return found === undefined
    ? null
    : {
        id: 'mismatched-key-types',
        object: formatPath(found.column.schema, found.column.table, found.column.name),
        message: describeTypeMismatch(found),
        statement,
      };
}

export const describeTypeMismatch = ({
  column,
  key,
}: ReturnType<typeof listLikelyReferences>[number]): string =>
  `${formatPath(column.schema, column.table, column.name)} is ${column.type}, and ${formatPath(key.schema, key.table, key.name)}, which its name refers to, is ${key.type}.`;

const indexRelationsByName = memoize(({ tables, views }: Catalog) =>
  groupBy<Reference, string>([...tables, ...views], ({ name }) => name),
);

/** Returns the first relation that the planner named, or else the first table in the text. */
function findRelationName(catalog: Catalog, { verdict, text }: FailingStatement): string {
  const [first] = verdict.relations;
  if (first !== undefined) return formatPath(...parseNames(first));
  const named = listTableNames(text)[0] ?? FIRST_TABLE_PATTERN.exec(text)?.[1];
  if (named === undefined) return 'statement';
  const names = parseNames(named);
  const known = names.length === 1 ? (indexRelationsByName(catalog).get(names[0]!) ?? []) : [];
  return known.length === 1 ? formatPath(known[0]!.schema, known[0]!.name) : formatPath(...names);
}

const FIRST_TABLE_PATTERN =
  /\b(?:from|join|into|update)\s+((?:"(?:[^"]|"")+"|[\w$]+)(?:\.(?:"(?:[^"]|"")+"|[\w$]+))?)/i;
