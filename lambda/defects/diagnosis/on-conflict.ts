/** 42P10: which of the cases it is. The message names neither table nor columns; the statement does. */
import type { DiagnosisQuestion } from '../../contract/diagnosis';
import type { Database } from '../../postgres/database';
import { WITHHELD_NAME } from '../../sql/clauses';
import type { ConflictElement } from '../../sql/conflict-clause';
import { type InsertSeen, insertsIn } from '../../sql/insert';
import { quoteIdentifier } from '../../sql/quote';
import { type ConflictFinding, explainConflict } from '../conflict';
import { searchPathOf } from '../facts';
import { invalidIndex } from '../kinds/invalid-index';
import { NO_OBJECT } from '../object';
import type { Relation } from '../relations';
import { matchMessage } from '../signatures';
import { inOrder, relationsBehind, targetOf, type WrittenTable } from '../targets';
import { COMPARED_BY_TEXT, MEANING, SENTENCES, UNSEEN } from './conflict-words';
import type { ExplainedClause } from './explained-clause';
import { type Found, listed, NO_STATEMENT, notFound } from './finding';
import { repairConflict } from './on-conflict-repair';
import { diagnoseOnConstraint } from './on-constraint';
import { type PlannedConflict, planConflict } from './planned-conflict';

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
  const read = explained.find(({ found }) => found.verdict !== 'not-reproduced') ?? explained[0];
  const planned = await planConflict(db, question.statement, question.user, path);
  if (read === undefined) return notFound(planned?.plans === false ? [...unseen, STILL_FAILS] : unseen);
  const failing = clauses.length > 1 || planned === null ? read : asPlanned(read, planned);
  const repair = await repairConflict(db, failing);
  return {
    ...failing.found,
    ...(repair === null ? {} : { repair }),
    unseen: [...failing.found.unseen, ...unseen],
  };
}

const STILL_FAILS = 'The server, asked for a plan now, still finds no unique index for it.';

/** The planner knows what expressions and predicates mean, which reading them cannot; why it is so, the catalogue tells. */
function asPlanned(read: ExplainedClause, planned: PlannedConflict): ExplainedClause {
  const { table, target, insert, index } = read;
  // Otherwise the planner has found another table of this name than the one that the error is about.
  if (!planned.relations.includes(table.sql)) return read;
  if (planned.plans) {
    const arbiter = table.uniqueIndexes.find(
      ({ name, sql }) => planned.arbiters.includes(name) || planned.arbiters.includes(sql),
    );
    if (read.case === 'not-reproduced' || arbiter === undefined) return read;
    return explain(target, insert, { case: 'not-reproduced', index: arbiter });
  }
  if (read.case === 'not-reproduced' && index !== null)
    return explain(target, insert, {
      case: index.predicate === null ? 'other-spelling' : 'predicate-differs',
      index,
    });
  // The planner has compared what they mean.
  const unseen = read.found.unseen.filter((sentence) => sentence !== COMPARED_BY_TEXT);
  return { ...read, found: { ...read.found, unseen } };
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

function explain(target: WrittenTable, insert: InsertSeen, given?: ConflictFinding): ExplainedClause {
  const { table } = target;
  const conflict = insert.conflict!;
  const elements = conflict.elements.map((element): ConflictElement => {
    const behind = element.column === null ? undefined : target.columns.get(element.column);
    return behind === undefined ? element : { ...element, column: behind };
  });
  const { case: which, index } =
    given ?? explainConflict({ elements, predicate: conflict.predicate }, table.uniqueIndexes);
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
    target,
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

/** Suspects, where nothing else is known. */
async function invalidUniqueIndexes(db: Database): Promise<readonly string[]> {
  const rows = await db.query<{ sentence: string }>(invalidIndex.catalogue.sql, [null, null]);
  return rows.map((row) => row.sentence).filter((sentence) => sentence.includes(' and unique'));
}
