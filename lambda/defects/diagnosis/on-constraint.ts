/**
 * ON CONFLICT's other errors: a constraint of a name that is not there (42704), one that cannot arbitrate because it is
 * deferrable (55000), or because it is an exclusion constraint or no key at all (42809).
 */
import type { DiagnosisQuestion } from '../../contract/diagnosis';
import type { Database } from '../../postgres/database';
import { insertsIn } from '../../sql/insert';
import { searchPathOf } from '../facts';
import { inOrder, relationsBehind, targetOf } from '../targets';
import { type Found, NO_STATEMENT, notFound } from './finding';
import { diagnoseMissing } from './on-constraint-missing';
import { diagnoseUnusable } from './on-constraint-unusable';

/** @param words what the message names */
export async function diagnoseOnConstraint(
  db: Database,
  question: DiagnosisQuestion,
  words: Readonly<Record<string, string>>,
): Promise<Found> {
  const inserts = question.statement === null ? [] : insertsIn(question.statement);
  const upserts = inserts.filter(({ conflict }) => conflict !== null);
  const tables = words.table === undefined ? upserts.map(({ table }) => table) : [words.table];
  if (tables.length === 0) return notFound([`${NO_STATEMENT}, so neither table nor constraint is known.`]);
  const [relations, path] = await Promise.all([
    relationsBehind(db, [...tables, ...upserts.map(({ table }) => table)], question.user),
    searchPathOf(db, question.user),
  ]);
  const targets = inOrder(
    relations.filter(({ name }) => tables.includes(name)).map((named) => targetOf(named, relations)),
    ({ named }) => named,
    upserts.find(({ table }) => tables.includes(table))?.schema ?? null,
    path,
  );
  const found: Found[] = [];
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
    notFound([`There is no table ${tables.join(' or ')} in this database now.`])
  );
}
