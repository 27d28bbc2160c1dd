/** Diagnoses 23502: finds the table, and what the catalog and the statement tell about the column. */
import type { DiagnosisRequest } from '../../contract/diagnosis';
import type { Database } from '../../postgres/database';
import { listTableNames, parseInserts, parseUpdates } from '../../sql/insert';
import { readSearchPath } from '../function-facts';
import type { Relation } from '../relations';
import { exceedsType } from '../sequence-status';
import {
  reachesTable,
  readUnderlyingRelations,
  resolveWrittenTable,
  sortBySearchPath,
  type WrittenTable,
} from '../targets';
import {
  type DiagnosisFinding,
  formatNameList,
  makeManualDecision,
  makeNotFound,
  NO_STATEMENT_CAVEAT,
} from './finding';
import { diagnoseCase } from './not-null-case';
import { parseWrites, type StatementContext } from './not-null-statement';

export async function diagnoseNotNull(db: Database, question: DiagnosisRequest): Promise<DiagnosisFinding> {
  const { statement, column, user } = question;
  const written =
    statement === null
      ? []
      : [...parseInserts(statement), ...parseUpdates(statement)].map(({ table }) => table);
  // PostgreSQL 12 does not name the table in the message.
  const tables =
    question.table !== null
      ? [question.table]
      : written.length > 0 || statement === null
        ? written
        : listTableNames(statement);
  if (column === null || tables.length === 0)
    return makeNotFound(['The log does not name the table, and the statement was not logged.']);
  const [relations, path] = await Promise.all([
    readUnderlyingRelations(db, [...tables, ...written], user),
    readSearchPath(db, user),
  ]);
  const contexts = buildStatementContexts({ ...question, column }, tables, relations, path);
  if (contexts.length === 0)
    return makeNotFound([
      `There is no table ${tables.join(' or ')} with a column ${column} in this database now. A temporary table of another ` +
        'session is seen only while that session lasts.',
    ]);
  const found = chooseDiagnosis(contexts, question);
  const { table: name, column: of } = found.object;
  if (!found.repair?.sql.some((sql) => sql.includes('setval(')) || name === null || of === null) return found;
  const baseType = contexts
    .flatMap(({ row, roots }) => [row, ...roots])
    .find(({ sql }) => sql === name)
    ?.columns.find(({ sql }) => sql === of)?.baseType;
  const exceeds = baseType !== undefined && (await exceedsType(db, { table: name, column: of, baseType }));
  if (exceeds === false) return found;
  if (exceeds !== true)
    return {
      ...found,
      unseen: [...found.unseen, `Whether the ids of ${name}.${of} leave room for a sequence: ${exceeds}.`],
    };
  return {
    ...found,
    repair: makeManualDecision(
      `The highest id in ${name}.${of} is in the last tenth of the range of ${baseType}, or at its end, so a ` +
        'sequence above it would soon fail. If ' +
        'that id is an outlier (a test, an import), change that row first; if the ids are really used up, the ' +
        'column needs a wider type.',
    ),
  };
}

/** Returns the tables that the row may have been written to, the most likely first. */
function buildStatementContexts(
  question: Pick<DiagnosisRequest, 'statement' | 'user'> & { readonly column: string },
  tables: readonly string[],
  relations: readonly Relation[],
  path: readonly string[],
): readonly StatementContext[] {
  const writes = question.statement === null ? [] : parseWrites(question.statement);
  const rows = relations.filter(
    (each) =>
      tables.includes(each.name) &&
      each.kind !== 'view' &&
      each.columns.some(({ name }) => name === question.column),
  );
  const contexts = rows.flatMap((row): StatementContext[] => {
    const column = row.columns.find(({ name }) => name === question.column)!;
    const roots = relations.filter((each) => row.ancestors.includes(each.oid));
    const through = writes.flatMap((write) =>
      relations
        .filter(
          (each) => each.name === write.table && (write.schema === null || each.schema === write.schema),
        )
        .map((named): WrittenTable => resolveWrittenTable(named, relations))
        .filter((target) => reachesTable(target, row) || (target.opaque !== null && writes.length === 1))
        .map((target) => ({ write, target })),
    );
    if (through.length === 0) return [{ row, roots, column, write: null, target: null, user: question.user }];
    return through.map(({ write, target }) => ({ row, roots, column, write, target, user: question.user }));
  });
  const aimed = contexts.filter(({ target }) => target !== null);
  // If the statement names one of the tables, only a function or a trigger could have written to another.
  const likely = aimed.length > 0 ? aimed : contexts;
  return sortBySearchPath(likely, ({ row, target }) => target?.named ?? row, null, path);
}

/**
 * Decides which of the tables failed. A session may have another search path than its role's default, so every table of
 * the name is considered, and the first that would raise the error is chosen. If none would, the error is not
 * reproduced.
 */
function chooseDiagnosis(
  contexts: readonly StatementContext[],
  question: DiagnosisRequest,
): DiagnosisFinding {
  const judged = contexts.map((context) => ({ context, found: diagnoseCase(context, question) }));
  const failing = judged.filter(({ found }) => found.verdict !== 'not-reproduced');
  const [first, ...more] = failing.length > 0 ? failing : judged;
  const { found, context } = first!;
  const names = (list: typeof judged): readonly string[] => [
    ...new Set(list.map((each) => each.context.row.sql)),
  ];
  const unseen = [...found.unseen];
  if (question.statement === null)
    unseen.push(`${NO_STATEMENT_CAVEAT}, so it is not known whether the application supplied NULL itself.`);
  const likeliest = judged[0]!.context;
  if (failing.length > 0 && likeliest !== context)
    unseen.push(
      `${question.user}'s own search path leads to ${likeliest.row.sql}, which would not have raised the error. A session ` +
        'with another search path found this table.',
    );
  const others = names(more).filter((name) => name !== context.row.sql);
  if (others.length > 0 && failing.length > 0)
    unseen.push(
      `Tables of this name in other schemas would raise the same error: ${formatNameList(others)}. The log does not show ` +
        'which one the session found.',
    );
  if (failing.length === 0 && others.length > 0)
    unseen.push(`Neither would the other tables of this name: ${formatNameList(others)}.`);
  return { ...found, unseen };
}
