/** Which case of 23502 one table and one statement are: decided from facts, without a database. */
import type { DiagnosisQuestion } from '../../contract/diagnosis';
import { prematureNotNull } from '../kinds/premature-not-null';
import { decide, type Found, NOTHING_NOW, repairBy } from './finding';
import { factsOf } from './not-null-facts';
import { changedOnTheWay, gaveNull, unseen } from './not-null-given';
import { leftOut } from './not-null-left-out';
import { givenIn, type Sight } from './not-null-sight';

export function judge(sight: Sight, question: Pick<DiagnosisQuestion, 'statement'>): Found {
  const { row, column, write } = sight;
  const given = givenIn(sight);
  const facts = factsOf(sight, given);
  const { found, name, leaving, partition } = facts;
  if (!column.notNull)
    return {
      ...found,
      case: 'not-reproduced',
      verdict: 'not-reproduced',
      cause: [`${name} is nullable now.`],
      repair: repairBy(NOTHING_NOW),
    };
  if (row.temporary)
    return {
      ...found,
      case: 'temporary',
      verdict: 'application',
      cause: [
        `${name} is a column of a temporary table that exists now: the code that creates the table decides about NOT NULL.`,
      ],
      repair: decide('Find the code that creates the temporary table; a change made here would not last.'),
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
      repair: repairBy(
        'The application must supply the columns that it is computed from, or the expression must return a value ' +
          'where they are NULL.',
      ),
    };
  const clearing = row.foreignKeys.find((key) => key.clears !== null && key.columns.includes(column.name));
  const cleared =
    clearing !== undefined &&
    question.statement !== null &&
    (write === null || (write.form === 'UPDATE' && (given === 'null' || given === 'default')));
  if (cleared && !(clearing.clears === 'default' && facts.filled))
    return {
      ...found,
      kind: prematureNotNull,
      case: 'set-null',
      verdict: 'schema',
      cause: [
        `${name} is NOT NULL, but foreign key ${clearing.name} sets it to ` +
          `${clearing.clears === 'null' ? 'null' : 'its default (it has none)'} when the referenced row is deleted ` +
          'or changed.',
        ...partition,
      ],
    };
  if (leaving) return leftOut(sight, facts, given);
  if (given === 'literal' || given === 'kept') return changedOnTheWay(sight, facts, given);
  if (given === 'unseen') return unseen(sight, facts, question);
  return gaveNull(sight, facts, given);
}
