/**
 * Diagnoses other errors of ON CONFLICT: the named constraint does not exist (42704), is deferrable (55000), or is an
 * exclusion constraint or no key at all (42809).
 */
import type { DiagnosisRequest } from '../../contract/diagnosis';
import type { Database } from '../../postgres/database';
import { parseInserts } from '../../sql/insert';
import { readSearchPath } from '../function-facts';
import { readUnderlyingRelations, resolveWrittenTable, sortBySearchPath } from '../targets';
import { type DiagnosisFinding, makeNotFound, NO_STATEMENT_CAVEAT } from './finding';
import { diagnoseMissing } from './on-constraint-missing';
import { diagnoseUnusable } from './on-constraint-unusable';

/**
 * Diagnoses the error.
 * @param words named groups of the message
 */
export async function diagnoseOnConstraint(
  db: Database,
  question: DiagnosisRequest,
  words: Readonly<Record<string, string>>,
): Promise<DiagnosisFinding> {
  const inserts = question.statement === null ? [] : parseInserts(question.statement);
  const upserts = inserts.filter(({ conflict }) => conflict !== null);
  const tables = words.table === undefined ? upserts.map(({ table }) => table) : [words.table];
  if (tables.length === 0)
    return makeNotFound([`${NO_STATEMENT_CAVEAT}, so neither table nor constraint is known.`]);
  const [relations, path] = await Promise.all([
    readUnderlyingRelations(db, [...tables, ...upserts.map(({ table }) => table)], question.user),
    readSearchPath(db, question.user),
  ]);
  const targets = sortBySearchPath(
    relations
      .filter(({ name }) => tables.includes(name))
      .map((named) => resolveWrittenTable(named, relations)),
    ({ named }) => named,
    upserts.find(({ table }) => tables.includes(table))?.schema ?? null,
    path,
  );
  const found: DiagnosisFinding[] = [];
  for (const target of targets) {
    const insert = upserts.find(({ table }) => table === target.named.name) ?? upserts[0] ?? null;
    found.push(
      words.constraint === undefined
        ? await diagnoseUnusable(db, target, insert, question.message)
        : await diagnoseMissing(db, target.table, words.constraint, insert),
    );
  }
  return (
    found.find(({ verdict }) => verdict !== null && verdict !== 'not-reproduced') ??
    found.find(({ verdict }) => verdict !== null) ??
    found[0] ??
    makeNotFound([`There is no table ${tables.join(' or ')} in this database now.`])
  );
}
