/** 42P10: which of the cases it is. The message names neither table nor columns; the statement does. */
import type { Database } from '../../postgres/database';
import { quoteIdentifier } from '../../postgres/quote';
import { type ConflictCase, explainConflict, type UniqueIndex } from '../conflict';
import { conflictPredicate } from '../conflict-predicate';
import { type DiagnosisQuestion, NO_OBJECT } from '../defect';
import { meant, searchPathOf, type TableFacts, tableFacts } from '../facts';
import { invalidIndex } from '../invalid-index';
import { missingConflictTarget } from '../missing-conflict-target';
import { type ConflictSeen, insertsIn } from '../statement';
import { type Found, NO_STATEMENT } from './finding';

export async function diagnoseOnConflict(db: Database, question: DiagnosisQuestion): Promise<Found> {
  if (question.statement === null)
    return nothing(
      await invalidUniqueIndexes(db),
      `${NO_STATEMENT}, so neither table nor columns are known.`,
    );
  const clauses = insertsIn(question.statement).filter(
    (insert) =>
      insert.conflict !== null && insert.conflict.columns.length + insert.conflict.expressions.length > 0,
  );
  if (clauses.length === 0)
    return nothing(
      await invalidUniqueIndexes(db),
      'No ON CONFLICT (…) is in the part of the statement that was logged: it may be cut short, or inside a function.',
    );
  const path = await searchPathOf(db, question.user);
  const unseen: string[] = [];
  const found: Found[] = [];
  for (const { schema, table, conflict } of clauses) {
    const facts = meant(await tableFacts(db, table), schema, path);
    if (facts === null)
      unseen.push(
        `There is no one table ${table} that ${question.user} would find; a temporary table is not seen from here.`,
      );
    else found.push(explain(facts, conflict!));
  }
  // With several clauses, the one that finds no index is what failed.
  const failing = found.find((each) => each.case !== 'serves-now') ?? found[0];
  return failing ? { ...failing, unseen: [...failing.unseen, ...unseen] } : nothing([], ...unseen);
}

function explain(facts: TableFacts, target: ConflictSeen): Found {
  const { case: which, index } = explainConflict(target, facts.uniqueIndexes);
  const columns = [
    ...target.columns.map((column) => facts.columns[column] ?? quoteIdentifier(column)),
    ...target.expressions,
  ];
  const clause = `ON CONFLICT (${columns.join(', ')})${target.predicate === null ? '' : ` WHERE ${target.predicate}`}`;
  const kind =
    which === 'invalid-index'
      ? invalidIndex
      : PREDICATE_CASES.has(which)
        ? conflictPredicate
        : missingConflictTarget;
  const schemaOf = facts.table.slice(0, -unqualified(facts.table).length);
  return {
    kind,
    case: which,
    object: {
      ...NO_OBJECT,
      table: facts.table,
      columns,
      name: index === null ? null : which === 'invalid-index' ? `${schemaOf}${index.name}` : index.name,
      detail: index === null ? constantPredicate(target) : index.predicate,
    },
    subject: `${facts.table} (${columns.join(', ')})`,
    cause: SENTENCES[which](clause, facts, index),
    unseen:
      which === 'predicate-differs'
        ? ['Predicates are compared by their text; the server compares what they mean.']
        : which === 'unseen-values'
          ? [
              'Literals in the statement are not shown, so it cannot be seen whether they are those of the index.',
            ]
          : [],
    ...(which === 'serves-now'
      ? {
          repairWords:
            'Nothing, if the error has stopped. Otherwise see whether the application uses another database, schema or statement.',
        }
      : {}),
  };
}

/** What a missing index may be limited to: the statement's own predicate, where all of it was logged. */
const constantPredicate = ({ predicate }: ConflictSeen): string | null =>
  predicate === null || /[?$…]/.test(predicate) ? null : predicate;

const PREDICATE_CASES: ReadonlySet<ConflictCase> = new Set([
  'predicate-missing',
  'predicate-differs',
  'bind-parameter',
  'unseen-values',
]);

const SENTENCES: Readonly<
  Record<ConflictCase, (clause: string, facts: TableFacts, index: UniqueIndex | null) => readonly string[]>
> = {
  'no-index': (clause, facts) => [`${facts.table} has no unique index at all, so ${clause} finds none.`],
  'other-columns': (clause, facts) => [
    `${clause} needs a unique index over just these columns, and ${facts.table} has none: it has ` +
      `${facts.uniqueIndexes.map(describe).join('; ')}.`,
  ],
  'invalid-index': (clause, _facts, index) => [
    `The index that ${clause} needs is there, but ${index!.name} is INVALID: its build failed or was cut off, and ON CONFLICT does not see it.`,
  ],
  'predicate-missing': (clause, _facts, index) => [
    `The unique index ${index!.name} over these columns is partial, WHERE ${index!.predicate}, and ${clause} does not carry this predicate.`,
  ],
  'predicate-differs': (clause, _facts, index) => [
    `The unique index ${index!.name} over these columns is partial, WHERE ${index!.predicate}, which ${clause} does not imply.`,
  ],
  'bind-parameter': (clause, _facts, index) => [
    `The unique index ${index!.name} is partial, WHERE ${index!.predicate}, and ${clause} has a parameter in its place.`,
    'That works until the server plans a prepared statement without its values, at the sixth execution in a session; then it fails each time.',
  ],
  'unseen-values': (clause, _facts, index) => [
    `The unique index ${index!.name} is partial, WHERE ${index!.predicate}, and ${clause} has the same form.`,
  ],
  'serves-now': (clause, facts, index) => [
    `${index!.name} on ${facts.table} serves ${clause} now: it was made after the error, or the statement ran on another table of this name.`,
  ],
};

function describe(index: UniqueIndex): string {
  const predicate = index.predicate === null ? '' : ` WHERE ${index.predicate}`;
  return `${index.name} (${index.keys.map((key) => key.text).join(', ')})${predicate}${index.valid ? '' : ', INVALID'}`;
}

/** `public.orders` → `orders`, brackets and dots inside quotes respected. */
const unqualified = (table: string): string => /(?:"(?:[^"]|"")+"|[^".]+)$/.exec(table)?.[0] ?? table;

/** Suspects, where nothing else is known. */
async function invalidUniqueIndexes(db: Database): Promise<readonly string[]> {
  const rows = await db.query<{ sentence: string }>(invalidIndex.catalogue.sql, [null, null]);
  return rows.map((row) => row.sentence).filter((sentence) => sentence.includes(' and unique'));
}

const nothing = (cause: readonly string[], ...unseen: readonly string[]): Found => ({
  kind: null,
  case: null,
  object: NO_OBJECT,
  subject: null,
  cause,
  unseen,
});
