/** Diagnoses 42883 and 42804: keys whose types cannot be compared. The message names the types, not the columns. */
import type { DiagnosisRequest } from '../../contract/diagnosis';
import type { Database } from '../../postgres/database';
import {
  findClosingBracket,
  isSymbol,
  isWord,
  readQualifiedName,
  splitAtCommas,
  tokenizeWithDepth,
} from '../../sql/clauses';
import { listTableNames, parseInserts } from '../../sql/insert';
import { readIdentifier } from '../../sql/tokens';
import type { CatalogRow } from '../defect';
import { readSearchPath } from '../function-facts';
import { mismatchedKeyTypes } from '../kinds/mismatched-key-types';
import { NO_OBJECT } from '../object';
import { readRelations } from '../relations';
import { matchMessage } from '../signatures';
import { sortBySearchPath } from '../targets';
import { type DiagnosisFinding, makeManualDecision, NO_STATEMENT_CAVEAT } from './finding';

const MAX_NAMED_PAIRS = 10;

export async function diagnoseKeyTypes(db: Database, question: DiagnosisRequest): Promise<DiagnosisFinding> {
  const named = question.statement === null ? null : parseForeignKey(question.statement);
  const found = named === null ? null : await explainForeignKey(db, named, question.user);
  if (found !== null) return found;
  const pairs = await db.query<CatalogRow & Record<string, unknown>>(mismatchedKeyTypes.catalog.sql, [
    null,
    null,
  ]);
  return explainKeyTypes(question, pairs);
}

function explainKeyTypes(question: DiagnosisRequest, pairs: readonly CatalogRow[]): DiagnosisFinding {
  const tables = question.statement === null ? null : listMentionedNames(question.statement);
  const relevant =
    tables === null
      ? pairs
      : pairs.filter((pair) => extractTables(pair.sentence).some((table) => tables.has(table)));
  const [first] = relevant;
  const rest = relevant.length - MAX_NAMED_PAIRS;
  const unseen = [mismatchedKeyTypes.catalog.blind!];
  if (tables === null) unseen.unshift(`${NO_STATEMENT_CAVEAT}, so the table is not known.`);
  if (first === undefined) {
    return {
      kind: mismatchedKeyTypes,
      case: 'no-pair-found',
      verdict: null,
      object: NO_OBJECT,
      subject: null,
      cause: [
        `Among ${tables === null ? 'the tables of this database' : `the tables of the statement (${[...tables].join(', ') || 'none were found in it'})`}` +
          ' no key and reference with different types were found by name.',
      ],
      unseen,
      repair: makeManualDecision(buildTypeAdvice(question.message)),
    };
  }
  return {
    kind: mismatchedKeyTypes,
    case: null,
    verdict: 'schema',
    object: { ...NO_OBJECT, table: first.table, column: first.object, columns: [first.object] },
    subject: `${first.table}.${first.object}`,
    cause: [
      ...relevant.slice(0, MAX_NAMED_PAIRS).map((pair) => pair.sentence),
      ...(rest > 0 ? [`And ${rest} more.`] : []),
    ],
    unseen,
  };
}

interface NamedColumns {
  readonly schema: string | null;
  readonly table: string;
  /** Columns of the key. Empty means the primary key. */
  readonly columns: readonly string[];
}

/** Reads the columns of `ALTER TABLE a ADD … FOREIGN KEY (x) REFERENCES b (y)`, whose types do not match. */
function parseForeignKey(
  statement: string,
): { readonly from: NamedColumns; readonly to: NamedColumns } | null {
  const all = tokenizeWithDepth(statement);
  if (!isWord(all[0], 'alter') || !isWord(all[1], 'table')) return null;
  const at = [2, 3, 4, 5].find((i) => !isWord(all[i], 'if', 'exists', 'only')) ?? 2;
  const key = all.findIndex((token, i) => isWord(token, 'foreign') && isWord(all[i + 1], 'key'));
  const references = all.findIndex((token, i) => i > key && isWord(token, 'references'));
  const [from, to] = [readQualifiedName(all, at), readQualifiedName(all, references + 1)];
  if (key < 0 || references < 0 || from === null || to === null) return null;
  const columnsAt = (open: number): readonly string[] =>
    isSymbol(all[open], '(')
      ? splitAtCommas(all.slice(open + 1, findClosingBracket(all, open)), 1).flatMap(([name]) =>
          name ? (readIdentifier(name) ?? []) : [],
        )
      : [];
  return {
    from: { schema: from.schema, table: from.table, columns: columnsAt(key + 2) },
    to: { schema: to.schema, table: to.table, columns: columnsAt(to.next) },
  };
}

/** Returns null if the tables or columns do not exist or their types can be compared. */
async function explainForeignKey(
  db: Database,
  { from, to }: { readonly from: NamedColumns; readonly to: NamedColumns },
  user: string,
): Promise<DiagnosisFinding | null> {
  const [relations, path] = await Promise.all([
    readRelations(db, [from.table, to.table], user),
    readSearchPath(db, user),
  ]);
  const find = ({ schema, table }: NamedColumns) =>
    sortBySearchPath(
      relations.filter((each) => each.name === table && (schema === null || each.schema === schema)),
      (each) => each,
      schema,
      path,
    )[0];
  const [one, other] = [find(from), find(to)];
  if (one === undefined || other === undefined) return null;
  const target = to.columns.length > 0 ? to.columns : other.primaryKey;
  for (const [i, name] of from.columns.entries()) {
    const own = one.columns.find((each) => each.name === name);
    const key = other.columns.find((each) => each.name === target[i]);
    if (own === undefined || key === undefined || own.baseType === key.baseType) continue;
    // If one side is a uuid, the text column on the other side is the one to change.
    const text = [
      { table: one, column: own },
      { table: other, column: key },
    ].find(({ column: { baseType } }) => /^(?:text|character)/.test(baseType));
    const isUuid = own.baseType === 'uuid' || key.baseType === 'uuid';
    const about = isUuid && text !== undefined ? text : { table: one, column: own };
    return {
      kind: mismatchedKeyTypes,
      case: null,
      verdict: 'schema',
      object: {
        ...NO_OBJECT,
        table: about.table.sql,
        column: about.column.sql,
        columns: [about.column.sql],
      },
      subject: `${about.table.sql}.${about.column.sql}`,
      cause: [
        `${one.sql}.${own.sql} is ${own.type}, and ${other.sql}.${key.sql}, which it should reference, is ${key.type}.`,
      ],
      unseen: [],
      ...(isUuid && text !== undefined
        ? {}
        : {
            repair: makeManualDecision(
              `A foreign key needs one type on both sides: change ${one.sql}.${own.sql} or ${other.sql}.${key.sql}, with everything that refers to it.`,
            ),
          }),
    };
  }
  return null;
}

/** Returns the tables of the columns that a sentence names as `schema.table.column`. */
function extractTables(sentence: string): readonly string[] {
  const all = tokenizeWithDepth(sentence);
  return all.flatMap((token, at) => {
    const name = isSymbol(all[at - 1], '.') ? null : readQualifiedName(all, at);
    return name === null || name.schema === null || token.type === 'literal' ? [] : [name.schema];
  });
}

/** Returns advice by the type on the other side. Text can be cast to uuid, a number cannot. */
function buildTypeAdvice(message: string): string {
  const names = matchMessage(message, null)?.names ?? {};
  const other = names.left === 'uuid' ? names.right : names.left;
  return other === undefined || /char|text|name|json/.test(other)
    ? 'If the application sends the id as text with its type declared (varchar), it must cast it or send it untyped. Otherwise ' +
        'compare the types of the columns that the statement joins, and make both uuid.'
    : `The other side has the type ${other}, which cannot be cast to uuid: the statement compares columns that do not belong ` +
        'together, or one of the tables still has its old keys.';
}

const listMentionedNames = (statement: string): ReadonlySet<string> =>
  new Set([...listTableNames(statement), ...parseInserts(statement).map((insert) => insert.table)]);
