/**
 * Diagnoses 42P10 and the other errors of ON CONFLICT. The message of 42P10 names neither table nor columns; the
 * statement does.
 */
import type { DiagnosisRequest } from '../../contract/diagnosis';
import type { Database } from '../../postgres/database';
import { WITHHELD_NAME } from '../../sql/clauses';
import type { ConflictElement } from '../../sql/conflict-clause';
import { type ParsedInsert, parseInserts } from '../../sql/insert';
import { quoteIdentifier } from '../../sql/quote';
import { type ConflictFinding, explainConflict } from '../conflict';
import { readSearchPath } from '../function-facts';
import { invalidIndex } from '../kinds/invalid-index';
import { NO_OBJECT } from '../object';
import type { Relation } from '../relations';
import { matchMessage } from '../signatures';
import {
  readUnderlyingRelations,
  resolveWrittenTable,
  sortBySearchPath,
  type WrittenTable,
} from '../targets';
import { CASE_CAVEATS, CASE_MEANINGS, CASE_SENTENCES, COMPARED_BY_TEXT_CAVEAT } from './conflict-words';
import type { ExplainedClause } from './explained-clause';
import { type DiagnosisFinding, formatNameList, makeNotFound, NO_STATEMENT_CAVEAT } from './finding';
import { repairConflict } from './on-conflict-repair';
import { diagnoseOnConstraint } from './on-constraint';
import { type PlannedConflict, planConflict } from './planned-conflict';

export async function diagnoseOnConflict(
  db: Database,
  question: DiagnosisRequest,
): Promise<DiagnosisFinding> {
  const words = matchMessage(question.message, null);
  if (words !== null && words.message.sqlstate !== '42P10')
    return diagnoseOnConstraint(db, question, words.names);
  if (question.statement === null)
    return makeNotFound(
      [`${NO_STATEMENT_CAVEAT}, so neither table nor columns are known.`],
      await readInvalidUniqueIndexes(db),
    );
  const clauses = parseInserts(question.statement).filter(
    (insert) => (insert.conflict?.elements.length ?? 0) > 0,
  );
  if (clauses.length === 0)
    return makeNotFound(
      [
        /^\s*EXECUTE\b/i.test(question.statement)
          ? 'The log has the EXECUTE of a prepared statement, but not its text.'
          : 'The part of the statement that was logged has no ON CONFLICT (…): it may be cut off, or inside a function.',
      ],
      await readInvalidUniqueIndexes(db),
    );
  if (clauses.every(({ table }) => table === WITHHELD_NAME))
    return makeNotFound([
      'The statement does not show the name of the table, because of the characters in it, so the table could not ' +
        'be looked up.',
    ]);
  const [relations, path] = await Promise.all([
    readUnderlyingRelations(
      db,
      clauses.map(({ table }) => table),
      question.user,
    ),
    readSearchPath(db, question.user),
  ]);
  const findings = clauses.map((insert) => explainClause(insert, relations, path, question.user));
  const explained = findings.filter((each) => typeof each !== 'string');
  const unseen = findings.filter((each) => typeof each === 'string');
  // Of several clauses, the one that matches no index is the one that failed.
  const read = explained.find(({ found }) => found.verdict !== 'not-reproduced') ?? explained[0];
  const planned = await planConflict(db, question.statement, question.user, path);
  if (read === undefined)
    return makeNotFound(planned?.plans === false ? [...unseen, STILL_FAILS_CAUSE] : unseen);
  const failing = clauses.length > 1 || planned === null ? read : mergePlannedConflict(read, planned);
  const repair = await repairConflict(db, failing);
  return {
    ...failing.found,
    ...(repair === null ? {} : { repair }),
    unseen: [...failing.found.unseen, ...unseen],
  };
}

const STILL_FAILS_CAUSE = 'The server, asked for a plan now, still finds no unique index for it.';

/**
 * Corrects the explanation by the planner's answer. The planner knows what expressions and predicates mean, while this
 * code compares texts. The reason still comes from the catalog.
 */
function mergePlannedConflict(read: ExplainedClause, planned: PlannedConflict): ExplainedClause {
  const { table, target, insert, index } = read;
  // If the table is not among them, the planner resolved the name to another table than the one in question.
  if (!planned.relations.includes(table.sql)) return read;
  if (planned.plans) {
    const arbiter = table.uniqueIndexes.find(
      ({ name, sql }) => planned.arbiters.includes(name) || planned.arbiters.includes(sql),
    );
    if (read.case === 'not-reproduced' || arbiter === undefined) return read;
    return explainTarget(target, insert, { case: 'not-reproduced', index: arbiter });
  }
  if (read.case === 'not-reproduced' && index !== null)
    return explainTarget(target, insert, {
      case: index.predicate === null ? 'other-spelling' : 'predicate-differs',
      index,
    });
  // The planner has compared the meaning of the predicates, so this reservation no longer applies.
  const unseen = read.found.unseen.filter((sentence) => sentence !== COMPARED_BY_TEXT_CAVEAT);
  return { ...read, found: { ...read.found, unseen } };
}

/** Returns the explanation of a clause, or a sentence if its table cannot be determined. */
function explainClause(
  insert: ParsedInsert,
  relations: readonly Relation[],
  path: readonly string[],
  user: string,
): ExplainedClause | string {
  const targets = sortBySearchPath(
    relations
      .filter(({ name }) => name === insert.table)
      .map((named) => resolveWrittenTable(named, relations)),
    ({ named }) => named,
    insert.schema,
    path,
  );
  if (targets.length === 0)
    return `There is no table ${insert.schema === null ? '' : `${insert.schema}.`}${insert.table} in this database now. A temporary table of another session exists only while that session lasts.`;
  const explained = targets.map((target) => explainTarget(target, insert));
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
      `Tables of this name in other schemas would raise the same error: ${formatNameList(others)}. The log does not show ` +
        'which one the session found.',
    );
  if (others.length > 0 && failing.length === 0)
    unseen.push(`Neither would the other tables of this name: ${formatNameList(others)}.`);
  return { ...first!, found: { ...first!.found, unseen } };
}

function explainTarget(target: WrittenTable, insert: ParsedInsert, given?: ConflictFinding): ExplainedClause {
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
      formatElementSuffix(element)
    );
  });
  const clause = `ON CONFLICT (${keys.join(', ')})${conflict.predicate === null ? '' : ` WHERE ${conflict.predicate}`}`;
  const { kind, verdict } = CASE_MEANINGS[which];
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
        detail: index?.predicate ?? extractConstantPredicate(conflict.predicate),
      },
      subject: `${table.sql} (${keys.join(', ')})`,
      cause: [...CASE_SENTENCES[which](clause, table, index), ...behindView],
      unseen: CASE_CAVEATS[which] ?? [],
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

const formatElementSuffix = ({ collation, operatorClass }: ConflictElement): string =>
  (collation === null ? '' : ` COLLATE ${quoteIdentifier(collation)}`) +
  (operatorClass === null ? '' : ` ${operatorClass}`);

/** Returns the statement's own predicate for a new index, if all of it was logged. */
const extractConstantPredicate = (predicate: string | null): string | null =>
  predicate === null || /[?$…]/.test(predicate) ? null : predicate;

/** Returns invalid unique indexes as suspects if nothing else is known. */
async function readInvalidUniqueIndexes(db: Database): Promise<readonly string[]> {
  const rows = await db.query<{ sentence: string }>(invalidIndex.catalog.sql, [null, null]);
  return rows.map((row) => row.sentence).filter((sentence) => sentence.includes(' and unique'));
}
