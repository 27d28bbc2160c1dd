/**
 * Decides the case of 23502 for a statement that supplies the column, or that does not show whether it does. It needs
 * no database.
 */
import type { DiagnosisRequest } from '../../contract/diagnosis';
import { WITHHELD_NAME } from '../../sql/clauses';
import { missingPrimaryKeyDefault } from '../kinds/missing-primary-key-default';
import { buildIdDefaultRepair } from '../repair/id-default';
import {
  type DiagnosisFinding,
  formatNameList,
  makeManualDecision,
  makeRepair,
  NOTHING_NOW_REPAIR,
} from './finding';
import type { NotNullFacts } from './not-null-facts';
import { buildDropNotNull, diagnoseMissingDefault, diagnoseTrigger } from './not-null-omitted';
import { type ColumnAssignment, parseWrites, type StatementContext } from './not-null-statement';

/** Explains a NULL that the statement itself supplied, as far as its text shows. */
export function diagnoseExplicitNull(
  context: StatementContext,
  facts: NotNullFacts,
  given: ColumnAssignment,
): DiagnosisFinding {
  const { found, name, filled, triggers, partition } = facts;
  const { column, row, roots, target, write, user } = context;
  const how =
    given === 'updated'
      ? 'The UPDATE part of the statement set it to NULL'
      : write?.form === 'UPDATE'
        ? `The statement sets it${given === 'null' ? ' to NULL' : ', and the value was NULL'}`
        : given === 'null'
          ? 'The statement supplies NULL for it'
          : write?.form === 'COPY'
            ? 'COPY supplies the column, and one of its rows had NULL'
            : given === 'some-null'
              ? 'Some rows of the statement supply NULL for it'
              : given === 'mixed'
                ? 'Some rows of the statement leave it to its default, and others supply a value that was NULL'
                : 'The statement supplies a value for it, and that was NULL';
  const trigger = triggers.length > 0 ? `, unless ${formatNameList(triggers)} changed it` : '';
  const insert = write?.form !== 'UPDATE' && given !== 'updated';
  if (filled !== null && insert)
    return {
      ...found,
      case: 'explicit-null',
      verdict: 'application',
      cause: [
        `${name} is NOT NULL and ${filled}, which applies only to statements that leave the column out.`,
        `${how}${trigger}.`,
        ...partition,
      ],
      repair: makeRepair(
        'Where the application has no value, it must leave the column out or write DEFAULT for it.',
      ),
    };
  const facing = [row, ...roots, ...(target === null ? [] : [target.table])].find(
    ({ sql }) => sql === found.object.table,
  )!;
  const own = facing.columns.find((each) => each.name === column.name)!;
  const cause = [
    facing.primaryKey.includes(own.name)
      ? `${name} belongs to the primary key, is of type ${own.type}, and ${filled ?? 'has no default'}.`
      : `${name} is NOT NULL and ${filled ?? 'has no default'}.`,
    `${how}${trigger}.`,
    ...partition,
  ];
  if (found.kind === missingPrimaryKeyDefault && insert) {
    const { sql } = buildIdDefaultRepair(facing.sql, own, user);
    return {
      ...found,
      case: 'explicit-null',
      verdict: 'application',
      cause,
      repair: makeManualDecision(
        `The application must supply the key or leave the column out: a default does not apply to a statement that supplies NULL.${
          sql.length > 0 ? ' If the database should generate the key, this is its default.' : ''
        }`,
        sql,
      ),
    };
  }
  return {
    ...found,
    case: insert ? 'explicit-null' : 'updated-to-null',
    verdict: 'application',
    cause,
    repair: buildDropNotNull(context),
  };
}

/** Explains a NULL although the statement supplies a literal that is not NULL, or does not set the column at all. */
export function diagnoseModifiedValue(
  _sight: StatementContext,
  facts: NotNullFacts,
  given: ColumnAssignment,
): DiagnosisFinding {
  const { found, name, triggers, partition } = facts;
  const wording =
    given === 'literal'
      ? 'The statement supplies a literal that is not NULL.'
      : 'The UPDATE does not set the column.';
  if (triggers.length > 0) return diagnoseTrigger(facts, `${name} is NOT NULL. ${wording}`);
  return {
    ...found,
    case: 'not-reproduced',
    verdict: 'not-reproduced',
    cause: [
      `${name} is NOT NULL. ${wording} No trigger that could have changed it exists now.`,
      ...partition,
    ],
    unseen: [
      'It is not known where the NULL came from: a trigger that no longer exists, a row from before the ' +
        'constraint, or another table of this name.',
    ],
    repair: makeRepair(NOTHING_NOW_REPAIR),
  };
}

/**
 * Explains a NULL if the statement does not show its source: it was not logged, or a function or trigger wrote the row.
 */
export function diagnoseUnknownValue(
  context: StatementContext,
  facts: NotNullFacts,
  { statement }: Pick<DiagnosisRequest, 'statement'>,
): DiagnosisFinding {
  const { found, name, filled, partition } = facts;
  const why =
    statement === null
      ? []
      : [
          context.target?.opaque
            ? `${context.target.opaque}, so the statement does not show what was written.`
            : context.write === null
              ? describeUnknownWrite(statement)
              : 'The part of the statement that was logged does not show whether it supplies the column.',
        ];
  if (filled !== null)
    return {
      ...found,
      case: 'default-exists',
      verdict: 'application',
      cause: [
        `${name} is NOT NULL and ${filled}, which applies only to statements that leave the column out.`,
        ...why,
        ...partition,
      ],
      repair: makeManualDecision(
        'Where the application has no value, it must leave the column out or write DEFAULT for it.',
      ),
    };
  const nothing = diagnoseMissingDefault(context, facts, '');
  const repair = nothing.repair!;
  return {
    ...nothing,
    cause: [...nothing.cause.filter((sentence) => sentence !== ''), ...why],
    repair:
      repair.decision || repair.sql.length === 0
        ? repair
        : { ...repair, words: `If statements leave the column out: ${lowerFirst(repair.words)}` },
  };
}

/** Why the statement shows no write to the table. */
function describeUnknownWrite(statement: string): string {
  if (/^\s*EXECUTE\b/i.test(statement))
    return 'The log has the EXECUTE of a prepared statement, but not its text.';
  if (parseWrites(statement).some(({ table }) => table === WITHHELD_NAME))
    return 'The statement does not show the name of the table that it writes to, because of the characters in it.';
  return 'The statement is not an INSERT into or UPDATE of this table: a trigger or a function wrote the row, or the part that does was not logged.';
}

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);
