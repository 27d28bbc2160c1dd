/** 42P10: which of the cases it is. The message names neither table nor columns; the statement does. */
import type { DiagnosisQuestion, Verdict } from '../../contract/diagnosis';
import type { Database } from '../../postgres/database';
import { WITHHELD_NAME } from '../../sql/clauses';
import type { ConflictElement } from '../../sql/conflict-clause';
import { type InsertSeen, insertsIn } from '../../sql/insert';
import { quoteIdentifier } from '../../sql/quote';
import { type ConflictCase, describeIndex, explainConflict, type UniqueIndex } from '../conflict';
import type { DefectKind } from '../defect';
import { searchPathOf } from '../facts';
import { conflictPredicate } from '../kinds/conflict-predicate';
import { invalidIndex } from '../kinds/invalid-index';
import { missingConflictTarget } from '../kinds/missing-conflict-target';
import { NO_OBJECT } from '../object';
import type { Relation } from '../relations';
import { matchMessage } from '../signatures';
import { inOrder, relationsBehind, targetOf, type WrittenTable } from '../targets';
import type { ExplainedClause } from './explained-clause';
import { type Found, listed, NO_STATEMENT, notFound } from './finding';
import { repairConflict } from './on-conflict-repair';
import { diagnoseOnConstraint } from './on-constraint';

export async function diagnoseOnConflict(db: Database, question: DiagnosisQuestion): Promise<Found> {
  const words = matchMessage(question.message, null);
  if (words !== null && words.message.sqlstate !== '42P10')
    return diagnoseOnConstraint(db, question, words.names);
  if (question.statement === null)
    return notFound(
      [`${NO_STATEMENT}, so neither table nor columns are known.`],
      await invalidUniqueIndexes(db),
    );
  const clauses = insertsIn(question.statement).filter(
    (insert) => (insert.conflict?.elements.length ?? 0) > 0,
  );
  if (clauses.length === 0)
    return notFound(
      [
        'The part of the statement that was logged has no ON CONFLICT (…): it may be cut off, or inside a function.',
      ],
      await invalidUniqueIndexes(db),
    );
  if (clauses.every(({ table }) => table === WITHHELD_NAME))
    return notFound([
      'The statement does not show the name of the table, because of the characters in it, so the table could not ' +
        'be looked up.',
    ]);
  const [relations, path] = await Promise.all([
    relationsBehind(
      db,
      clauses.map(({ table }) => table),
      question.user,
    ),
    searchPathOf(db, question.user),
  ]);
  const findings = clauses.map((insert) => explainClause(insert, relations, path, question.user));
  const explained = findings.filter((each) => typeof each !== 'string');
  const unseen = findings.filter((each) => typeof each === 'string');
  // With several clauses, the one that finds no index is what failed.
  const failing = explained.find(({ found }) => found.verdict !== 'not-reproduced') ?? explained[0];
  if (failing === undefined) return notFound(unseen);
  const repair = await repairConflict(db, failing);
  return {
    ...failing.found,
    ...(repair === null ? {} : { repair }),
    unseen: [...failing.found.unseen, ...unseen],
  };
}

/** A sentence where the table cannot be told. */
function explainClause(
  insert: InsertSeen,
  relations: readonly Relation[],
  path: readonly string[],
  user: string,
): ExplainedClause | string {
  const targets = inOrder(
    relations.filter(({ name }) => name === insert.table).map((named) => targetOf(named, relations)),
    ({ named }) => named,
    insert.schema,
    path,
  );
  if (targets.length === 0)
    return `There is no table ${insert.schema === null ? '' : `${insert.schema}.`}${insert.table} in this database now. A temporary table of another session is seen only while that session lasts.`;
  const explained = targets.map((target) => explain(target, insert));
  const failing = explained.filter(({ found }) => found.verdict !== 'not-reproduced');
  const [first, ...more] = failing.length > 0 ? failing : explained;
  const unseen = [...first!.found.unseen];
  const likeliest = explained[0]!;
  if (failing.length > 0 && likeliest !== first)
    unseen.push(
      `${user}'s own search path leads to ${likeliest.table.sql}, which would not have raised the error. A session with ` +
        'another search path found this table.',
    );
  const others = more.map(({ table }) => table.sql);
  if (others.length > 0 && failing.length > 0)
    unseen.push(
      `Tables of this name in other schemas would raise the same error: ${listed(others)}. The log does not show ` +
        'which one the session found.',
    );
  if (others.length > 0 && failing.length === 0)
    unseen.push(`Neither would the other tables of this name: ${listed(others)}.`);
  return { ...first!, found: { ...first!.found, unseen } };
}

function explain(target: WrittenTable, insert: InsertSeen): ExplainedClause {
  const { table } = target;
  const conflict = insert.conflict!;
  const elements = conflict.elements.map((element): ConflictElement => {
    const behind = element.column === null ? undefined : target.columns.get(element.column);
    return behind === undefined ? element : { ...element, column: behind };
  });
  const { case: which, index } = explainConflict(
    { elements, predicate: conflict.predicate },
    table.uniqueIndexes,
  );
  const keys = elements.map((element) => {
    const known = table.columns.find(({ name }) => name === element.column);
    return (
      (known?.sql ?? (element.column === null ? element.text : quoteIdentifier(element.column))) +
      suffix(element)
    );
  });
  const clause = `ON CONFLICT (${keys.join(', ')})${conflict.predicate === null ? '' : ` WHERE ${conflict.predicate}`}`;
  const { kind, verdict } = MEANING[which];
  const behindView = target.named === table ? [] : [`${target.named.sql} is a view of ${table.sql}.`];
  return {
    found: {
      kind,
      case: which,
      verdict,
      object: {
        ...NO_OBJECT,
        table: table.sql,
        columns: keys,
        name: index === null ? null : which === 'invalid-index' ? index.sql : index.name,
        detail: index?.predicate ?? constantPredicate(conflict.predicate),
      },
      subject: `${table.sql} (${keys.join(', ')})`,
      cause: [...SENTENCES[which](clause, table, index), ...behindView],
      unseen: UNSEEN[which] ?? [],
    },
    table,
    case: which,
    index,
    insert,
    elements,
    keys,
  };
}

const suffix = ({ collation, operatorClass }: ConflictElement): string =>
  (collation === null ? '' : ` COLLATE ${quoteIdentifier(collation)}`) +
  (operatorClass === null ? '' : ` ${operatorClass}`);

/** What a missing index may be limited to: the statement's own predicate, where all of it was logged. */
const constantPredicate = (predicate: string | null): string | null =>
  predicate === null || /[?$…]/.test(predicate) ? null : predicate;

const MEANING: Readonly<Record<ConflictCase, { readonly kind: DefectKind; readonly verdict: Verdict }>> = {
  'no-index': { kind: missingConflictTarget, verdict: 'schema' },
  'other-columns': { kind: missingConflictTarget, verdict: 'schema' },
  'narrower-key': { kind: missingConflictTarget, verdict: 'application' },
  'other-spelling': { kind: missingConflictTarget, verdict: 'application' },
  'other-collation': { kind: missingConflictTarget, verdict: 'application' },
  exclusion: { kind: missingConflictTarget, verdict: 'application' },
  'invalid-index': { kind: invalidIndex, verdict: 'schema' },
  'predicate-missing': { kind: conflictPredicate, verdict: 'application' },
  'predicate-differs': { kind: conflictPredicate, verdict: 'application' },
  'bind-parameter': { kind: conflictPredicate, verdict: 'application' },
  'unseen-values': { kind: conflictPredicate, verdict: 'application' },
  'not-reproduced': { kind: missingConflictTarget, verdict: 'not-reproduced' },
};

const UNSEEN: Partial<Record<ConflictCase, readonly string[]>> = {
  'predicate-differs': ['Predicates are compared by their text; the server compares what they mean.'],
  'unseen-values': [
    'Literals in the statement are not shown, so it is not known whether they match the index.',
  ],
  'not-reproduced': [
    'The catalogue keeps no timestamps, so it is not known whether the index is newer than the error, or whether a ' +
      'session wrote to another table of this name.',
  ],
};

const SENTENCES: Readonly<
  Record<ConflictCase, (clause: string, table: Relation, index: UniqueIndex | null) => readonly string[]>
> = {
  'no-index': (clause, table) => [`${table.sql} has no unique index at all, so ${clause} finds none.`],
  'other-columns': (clause, table) => [
    `${clause} needs a unique index on exactly these columns, and ${table.sql} has none: it has ` +
      `${table.uniqueIndexes.map(describeIndex).join('; ')}.`,
  ],
  'narrower-key': (clause, table, index) => [
    `${clause} needs a unique index on exactly these columns. On ${table.sql}, fewer of them are already unique: ` +
      `${describeIndex(index!)}.`,
  ],
  'other-spelling': (clause, table, index) => [
    `${clause} needs a unique index on exactly these columns and expressions. ${table.sql} has one on the same ` +
      `columns in another form: ${describeIndex(index!)}.`,
  ],
  'other-collation': (clause, table, index) => [
    `${clause} asks for a collation or an operator class that ${index!.name} on ${table.sql} does not have: it is ${describeIndex(index!)}.`,
  ],
  exclusion: (clause, table, index) => [
    `The columns of ${clause} belong to ${index!.name} on ${table.sql}, an exclusion constraint, which ON CONFLICT ` +
      'never infers from columns.',
  ],
  'invalid-index': (clause, _table, index) => [
    `The index that ${clause} needs exists, but ${index!.name} is INVALID: ${
      index!.partitioned
        ? 'it is not on every partition'
        : 'its build failed, was interrupted, or is still running'
    }, and ON CONFLICT does not use it.`,
  ],
  'predicate-missing': (clause, _table, index) => [
    `The unique index ${index!.name} on these columns is partial, WHERE ${index!.predicate}, and ${clause} lacks ` +
      'this predicate.',
  ],
  'predicate-differs': (clause, _table, index) => [
    `The unique index ${index!.name} on these columns is partial, WHERE ${index!.predicate}, which ${clause} does not imply.`,
  ],
  'bind-parameter': (clause, _table, index) => [
    `The unique index ${index!.name} is partial, WHERE ${index!.predicate}, and ${clause} has a parameter in its place.`,
    'That works until the server switches to a generic plan for the prepared statement, at the sixth execution in ' +
      'a session; from then on it fails every time.',
  ],
  'unseen-values': (clause, _table, index) => [
    `${clause} has the form of the unique index ${describeIndex(index!)}.`,
  ],
  'not-reproduced': (clause, table, index) => [`${index!.name} on ${table.sql} matches ${clause} now.`],
};

/** Suspects, where nothing else is known. */
async function invalidUniqueIndexes(db: Database): Promise<readonly string[]> {
  const rows = await db.query<{ sentence: string }>(invalidIndex.catalogue.sql, [null, null]);
  return rows.map((row) => row.sentence).filter((sentence) => sentence.includes(' and unique'));
}
