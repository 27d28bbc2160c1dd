/** 23502 of a statement that gives the column, or does not tell: which case it is. Decided from facts, without a database. */
import type { DiagnosisQuestion } from '../../contract/diagnosis';
import { missingIdDefault } from '../kinds/missing-id-default';
import { idDefault } from '../repair/id-default';
import { decide, type Found, listed, NOTHING_NOW, repairBy } from './finding';
import type { Facts } from './not-null-facts';
import { allowNull, byTrigger, lost } from './not-null-left-out';
import type { GivenHere, Sight } from './not-null-sight';

/** The statement itself gave the NULL, as far as it tells. */
export function gaveNull(sight: Sight, facts: Facts, given: GivenHere): Found {
  const { found, name, filled, triggers, partition } = facts;
  const { column, row, roots, target, write, user } = sight;
  const how =
    given === 'updated'
      ? 'The UPDATE part of the statement set it to NULL'
      : write?.form === 'UPDATE'
        ? `The statement sets it${given === 'null' ? ' to NULL' : ', and the value was NULL'}`
        : given === 'null'
          ? 'The statement supplies NULL for it'
          : write?.form === 'COPY'
            ? 'COPY supplies the column, and one of its rows had NULL'
            : given === 'mixed'
              ? 'The rows of the statement supply different values for it, and one of them was NULL'
              : 'The statement supplies a value for it, and that was NULL';
  const trigger = triggers.length > 0 ? `, unless ${listed(triggers)} changed it` : '';
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
      repair: repairBy(
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
  if (found.kind === missingIdDefault && insert) {
    const { sql } = idDefault(facing.sql, own, user);
    return {
      ...found,
      case: 'explicit-null',
      verdict: 'application',
      cause,
      repair: decide(
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
    repair: allowNull(sight),
  };
}

/** A value that is not NULL, or none at all, and NULL arrived. */
export function changedOnTheWay(_sight: Sight, facts: Facts, given: GivenHere): Found {
  const { found, name, triggers, partition } = facts;
  const wording =
    given === 'literal'
      ? 'The statement supplies a literal that is not NULL.'
      : 'The UPDATE does not set the column.';
  if (triggers.length > 0) return byTrigger(facts, `${name} is NOT NULL. ${wording}`);
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
    repair: repairBy(NOTHING_NOW),
  };
}

/** The statement does not tell: there is none, or something inside a function wrote the row. */
export function unseen(
  sight: Sight,
  facts: Facts,
  { statement }: Pick<DiagnosisQuestion, 'statement'>,
): Found {
  const { found, name, filled, partition } = facts;
  const why =
    statement === null
      ? []
      : [
          sight.target?.opaque
            ? `${sight.target.opaque}, so the statement does not show what was written.`
            : sight.write === null
              ? 'The statement is not an INSERT into or UPDATE of this table: a trigger or a function wrote the row, or the part that does was not logged.'
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
      repair: decide(
        'Where the application has no value, it must leave the column out or write DEFAULT for it.',
      ),
    };
  const nothing = lost(sight, facts, '');
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

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);
