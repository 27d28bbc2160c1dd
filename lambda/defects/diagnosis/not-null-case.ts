/** Decides which case of 23502 a table and a statement are. It needs no database. */
import type { DiagnosisRequest } from '../../contract/diagnosis';
import { notNullTooEarly } from '../kinds/not-null-too-early';
import { type DiagnosisFinding, makeManualDecision, makeRepair, NOTHING_NOW_REPAIR } from './finding';
import { diagnoseExplicitNull, diagnoseModifiedValue, diagnoseUnknownValue } from './not-null-explicit';
import { gatherFacts } from './not-null-facts';
import { diagnoseOmittedColumn } from './not-null-omitted';
import { resolveAssignment, type StatementContext } from './not-null-statement';

export function diagnoseCase(
  context: StatementContext,
  question: Pick<DiagnosisRequest, 'statement'>,
): DiagnosisFinding {
  const { row, column, write } = context;
  const given = resolveAssignment(context);
  const facts = gatherFacts(context, given);
  const { found, name, leaving, partition } = facts;
  if (!column.notNull)
    return {
      ...found,
      case: 'not-reproduced',
      verdict: 'not-reproduced',
      cause: [`${name} is nullable now.`],
      repair: makeRepair(NOTHING_NOW_REPAIR),
    };
  if (row.temporary)
    return {
      ...found,
      case: 'temporary',
      verdict: 'application',
      cause: [
        `${name} is a column of a temporary table that exists now: the code that creates the table decides about NOT NULL.`,
      ],
      repair: makeManualDecision(
        'Find the code that creates the temporary table; a change made here would not last.',
      ),
    };
  if (column.generated)
    return {
      ...found,
      case: 'generated',
      verdict: 'application',
      cause: [
        `${name} is a generated column, and the values of the other columns made it NULL.`,
        ...partition,
      ],
      repair: makeRepair(
        'The application must supply the columns that it is computed from, or the expression must return a value ' +
          'where they are NULL.',
      ),
    };
  const clearing = row.foreignKeys.find((key) => key.clears !== null && key.cleared.includes(column.name));
  const cleared =
    clearing !== undefined &&
    question.statement !== null &&
    (write === null || (write.form === 'UPDATE' && (given === 'null' || given === 'default')));
  if (cleared && !(clearing.clears === 'default' && facts.filled))
    return {
      ...found,
      kind: notNullTooEarly,
      case: 'set-null',
      verdict: 'schema',
      cause: [
        `${name} is NOT NULL, but foreign key ${clearing.name} sets it to ` +
          `${clearing.clears === 'null' ? 'null' : 'its default (it has none)'} when the referenced row is deleted ` +
          'or changed.',
        ...partition,
      ],
    };
  if (leaving) return diagnoseOmittedColumn(context, facts, given);
  if (given === 'literal' || given === 'kept') return diagnoseModifiedValue(context, facts, given);
  if (given === 'unseen') return diagnoseUnknownValue(context, facts, question);
  return diagnoseExplicitNull(context, facts, given);
}
