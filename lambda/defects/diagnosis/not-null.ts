/** 23502: which table it was, and what the catalogue and the statement say of the column. */
import type { DiagnosisQuestion } from '../../contract/diagnosis';
import type { Database } from '../../postgres/database';
import { insertsIn, tablesIn, updatesIn } from '../../sql/insert';
import { searchPathOf } from '../facts';
import type { Relation } from '../relations';
import { endsTheType } from '../sequences';
import { inOrder, leadsTo, relationsBehind, targetOf, type WrittenTable } from '../targets';
import { decide, type Found, listed, NO_STATEMENT, notFound } from './finding';
import { judge } from './not-null-case';
import { type Sight, writesTo } from './not-null-sight';

export async function diagnoseNotNull(db: Database, question: DiagnosisQuestion): Promise<Found> {
  const { statement, column, user } = question;
  const written =
    statement === null ? [] : [...insertsIn(statement), ...updatesIn(statement)].map(({ table }) => table);
  // PostgreSQL 12 does not name the table.
  const tables =
    question.table !== null
      ? [question.table]
      : written.length > 0 || statement === null
        ? written
        : tablesIn(statement);
  if (column === null || tables.length === 0)
    return notFound(['The log does not name the table, and the statement was not logged.']);
  const [relations, path] = await Promise.all([
    relationsBehind(db, [...tables, ...written], user),
    searchPathOf(db, user),
  ]);
  const sights = sightsOf({ ...question, column }, tables, relations, path);
  if (sights.length === 0)
    return notFound([
      `There is no table ${tables.join(' or ')} with a column ${column} in this database now. A temporary table of another ` +
        'session is seen only while that session lasts.',
    ]);
  const found = decideAmong(sights, question);
  const { table: name, column: of } = found.object;
  if (!found.repair?.sql.some((sql) => sql.includes('setval(')) || name === null || of === null) return found;
  const baseType = sights
    .flatMap(({ row, roots }) => [row, ...roots])
    .find(({ sql }) => sql === name)
    ?.columns.find(({ sql }) => sql === of)?.baseType;
  if (baseType === undefined || !(await endsTheType(db, { table: name, column: of, baseType }))) return found;
  return {
    ...found,
    repair: decide(
      `The highest id in ${name}.${of} is in the last tenth of the range of ${baseType}, or at its end, so a ` +
        'sequence above it would soon fail. If ' +
        'that id is an outlier (a test, an import), change that row first; if the ids are really used up, the ' +
        'column needs a wider type.',
    ),
  };
}

/** Where the row may have gone, the likeliest first. */
export function sightsOf(
  question: Pick<DiagnosisQuestion, 'statement' | 'user'> & { readonly column: string },
  tables: readonly string[],
  relations: readonly Relation[],
  path: readonly string[],
): readonly Sight[] {
  const writes = question.statement === null ? [] : writesTo(question.statement);
  const rows = relations.filter(
    (each) =>
      tables.includes(each.name) &&
      each.kind !== 'view' &&
      each.columns.some(({ name }) => name === question.column),
  );
  const sights = rows.flatMap((row): Sight[] => {
    const column = row.columns.find(({ name }) => name === question.column)!;
    const roots = relations.filter((each) => row.ancestors.includes(each.oid));
    const through = writes.flatMap((write) =>
      relations
        .filter(
          (each) => each.name === write.table && (write.schema === null || each.schema === write.schema),
        )
        .map((named): WrittenTable => targetOf(named, relations))
        .filter((target) => leadsTo(target, row) || (target.opaque !== null && writes.length === 1))
        .map((target) => ({ write, target })),
    );
    if (through.length === 0) return [{ row, roots, column, write: null, target: null, user: question.user }];
    return through.map(({ write, target }) => ({ row, roots, column, write, target, user: question.user }));
  });
  const aimed = sights.filter(({ target }) => target !== null);
  // A statement that names one of them did not write another, unless a function or a trigger did.
  const likely = aimed.length > 0 ? aimed : sights;
  return inOrder(likely, ({ row, target }) => target?.named ?? row, null, path);
}

/**
 * A session may have set another search path than its role begins with, so all tables of the name count: the first that
 * would raise the error is what failed. None: then nothing is said of when it was repaired.
 */
function decideAmong(sights: readonly Sight[], question: DiagnosisQuestion): Found {
  const judged = sights.map((sight) => ({ sight, found: judge(sight, question) }));
  const failing = judged.filter(({ found }) => found.verdict !== 'not-reproduced');
  const [first, ...more] = failing.length > 0 ? failing : judged;
  const { found, sight } = first!;
  const names = (list: typeof judged): readonly string[] => [
    ...new Set(list.map((each) => each.sight.row.sql)),
  ];
  const unseen = [...found.unseen];
  if (question.statement === null)
    unseen.push(`${NO_STATEMENT}, so it is not known whether the application supplied NULL itself.`);
  const likeliest = judged[0]!.sight;
  if (failing.length > 0 && likeliest !== sight)
    unseen.push(
      `${question.user}'s own search path leads to ${likeliest.row.sql}, which would not have raised the error. A session ` +
        'with another search path found this table.',
    );
  const others = names(more).filter((name) => name !== sight.row.sql);
  if (others.length > 0 && failing.length > 0)
    unseen.push(
      `Tables of this name in other schemas would raise the same error: ${listed(others)}. The log does not show ` +
        'which one the session found.',
    );
  if (failing.length === 0 && others.length > 0)
    unseen.push(`Neither would the other tables of this name: ${listed(others)}.`);
  return { ...found, unseen };
}
