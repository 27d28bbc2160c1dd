/** 42883 and 42804: keys of types that do not compare. The message names the types, not the columns. */
import type { Database } from '../../postgres/database';
import { type CatalogueRow, type DiagnosisQuestion, NO_OBJECT } from '../defect';
import { mismatchedKeyTypes } from '../mismatched-key-types';
import { mentions } from '../names';
import { insertsIn, tablesIn } from '../statement';
import { type Found, NO_STATEMENT } from './finding';

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
      : pairs.filter((pair) => [...tables].some((table) => mentions(pair.sentence, table)));
  const [first] = relevant;
  const rest = relevant.length - MOST;
  const unseen = [mismatchedKeyTypes.catalogue.blind!];
  if (tables === null) unseen.unshift(`${NO_STATEMENT}, so it cannot be seen which of the tables it is.`);
  if (first === undefined) {
    return {
      kind: mismatchedKeyTypes,
      case: 'no-pair-found',
      object: NO_OBJECT,
      subject: null,
      cause: [
        `Among ${tables === null ? 'the tables of this database' : `the tables of the statement (${[...tables].join(', ') || 'none were found in it'})`}` +
          ' no key and reference with different types were found by their names.',
      ],
      unseen,
      repairWords:
        'See whether the application sends the id as text with its type declared (varchar): then it has to cast it, or ' +
        'send it untyped. Otherwise compare the types of the columns that the statement joins, and make both uuid.',
    };
  }
  return {
    kind: mismatchedKeyTypes,
    case: null,
    object: { ...NO_OBJECT, table: first.table, column: first.object, columns: [first.object] },
    subject: `${first.table}.${first.object}`,
    cause: [
      ...relevant.slice(0, MOST).map((pair) => pair.sentence),
      ...(rest > 0 ? [`And ${rest} more.`] : []),
    ],
    unseen,
  };
}

const mentioned = (statement: string): ReadonlySet<string> =>
  new Set([...tablesIn(statement), ...insertsIn(statement).map((insert) => insert.table)]);
