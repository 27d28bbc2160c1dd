/** 42883 and 42804: keys of types that do not compare. The message names the types, not the columns. */
import type { DiagnosisQuestion } from '../../contract/diagnosis';
import type { Database } from '../../postgres/database';
import { isSymbol, place, qualifiedName } from '../../sql/clauses';
import { insertsIn, tablesIn } from '../../sql/insert';
import type { CatalogueRow } from '../defect';
import { mismatchedKeyTypes } from '../kinds/mismatched-key-types';
import { NO_OBJECT } from '../object';
import { matchMessage } from '../signatures';
import { decide, type Found, NO_STATEMENT } from './finding';

const MOST = 10;

export async function diagnoseKeyTypes(db: Database, question: DiagnosisQuestion): Promise<Found> {
  const pairs = await db.query<CatalogueRow & Record<string, unknown>>(mismatchedKeyTypes.catalogue.sql, [
    null,
    null,
  ]);
  return explainKeyTypes(question, pairs);
}

export function explainKeyTypes(question: DiagnosisQuestion, pairs: readonly CatalogueRow[]): Found {
  const tables = question.statement === null ? null : mentioned(question.statement);
  const relevant =
    tables === null
      ? pairs
      : pairs.filter((pair) => tablesNamed(pair.sentence).some((table) => tables.has(table)));
  const [first] = relevant;
  const rest = relevant.length - MOST;
  const unseen = [mismatchedKeyTypes.catalogue.blind!];
  if (tables === null) unseen.unshift(`${NO_STATEMENT}, so it is not known which table it is about.`);
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
      repair: decide(adviceFor(question.message)),
    };
  }
  return {
    kind: mismatchedKeyTypes,
    case: null,
    verdict: 'schema',
    object: { ...NO_OBJECT, table: first.table, column: first.object, columns: [first.object] },
    subject: `${first.table}.${first.object}`,
    cause: [
      ...relevant.slice(0, MOST).map((pair) => pair.sentence),
      ...(rest > 0 ? [`And ${rest} more.`] : []),
    ],
    unseen,
  };
}

/** Of the columns that a sentence names, `schema.table.column`, the tables. */
function tablesNamed(sentence: string): readonly string[] {
  const all = place(sentence);
  return all.flatMap((token, at) => {
    const name = isSymbol(all[at - 1], '.') ? null : qualifiedName(all, at);
    return name === null || name.schema === null || token.type === 'literal' ? [] : [name.schema];
  });
}

/** By the type on the other side: text needs a cast, and no cast makes a number a UUID. */
function adviceFor(message: string): string {
  const names = matchMessage(message, null)?.names ?? {};
  const other = names.left === 'uuid' ? names.right : names.left;
  return other === undefined || /char|text|name|json/.test(other)
    ? 'If the application sends the id as text with its type declared (varchar), it must cast it or send it untyped. Otherwise ' +
        'compare the types of the columns that the statement joins, and make both uuid.'
    : `The other side has the type ${other}, which cannot be cast to uuid: the statement compares columns that do not belong ` +
        'together, or one of the tables still has its old keys.';
}

const mentioned = (statement: string): ReadonlySet<string> =>
  new Set([...tablesIn(statement), ...insertsIn(statement).map((insert) => insert.table)]);
