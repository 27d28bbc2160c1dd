/** Which case of 23502 one table and one statement are: decided from facts, without a database. */
import type { DiagnosisQuestion } from '../../contract/diagnosis';
import { missingIdDefault } from '../kinds/missing-id-default';
import { prematureNotNull } from '../kinds/premature-not-null';
import { NO_OBJECT } from '../object';
import type { Column, Relation } from '../relations';
import { canBeGenerated, idDefault } from '../repair/id-default';
import { nameIn } from '../targets';
import { decide, type Found, listed, repairBy } from './finding';
import { type GivenHere, givenIn, type Sight } from './not-null-sight';

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
      cause: [`${name} may be null, as the catalogue has it now.`],
      repair: repairBy(NOTHING_NOW),
    };
  if (row.temporary)
    return {
      ...found,
      case: 'temporary',
      verdict: 'application',
      cause: [
        `${name} is a column of a temporary table that is there now: the code that makes the table decides what it demands.`,
      ],
      repair: decide(
        'Look for the code that makes the temporary table; nothing that is run here would stay.',
      ),
    };
  if (column.generated)
    return {
      ...found,
      case: 'generated',
      verdict: 'application',
      cause: [`${name} is computed from other columns, and what they held made it NULL.`, ...partition],
      repair: repairBy(
        'The application has to give the columns that it is computed from; or the expression has to give a value where they are NULL.',
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
        `${name} is NOT NULL, but foreign key ${clearing.name} sets it to ${clearing.clears === 'null' ? 'null' : 'its default, and it has none,'} when the referenced row goes or changes.`,
        ...partition,
      ],
    };
  if (leaving) return leftOut(sight, facts, given);
  if (given === 'literal' || given === 'kept') return changedOnTheWay(sight, facts, given);
  if (given === 'unseen') return unseen(sight, facts, question);
  return gaveNull(sight, facts, given);
}

interface Facts {
  /** Kind and object; case, verdict and cause are filled in. */
  readonly found: Omit<Found, 'case' | 'verdict' | 'cause'>;
  readonly name: string;
  /** What an INSERT that leaves the column out gets, in words; null where it gets nothing. */
  readonly filled: string | null;
  /** The filling never gives NULL. */
  readonly certain: boolean;
  readonly leaving: boolean;
  readonly triggers: readonly string[];
  readonly partition: readonly string[];
}

function factsOf(sight: Sight, given: GivenHere): Facts {
  const { row, roots, column, target } = sight;
  // What is not an INSERT into a partition itself went through the topmost table, whose defaults it used.
  const root = row.partition ? roots.find((each) => !each.partition) : undefined;
  const facing = target !== null && target.opaque === null ? target.table : (root ?? row);
  const own = facing.columns.find(({ name }) => name === column.name) ?? column;
  const shown = target === null ? null : nameIn(target, column.name);
  const ofView =
    target !== null && target.named !== target.table
      ? (target.named.columns.find(({ name }) => name === shown)?.default ?? null)
      : null;
  const expression = ofView ?? own.default;
  const kind = isId(facing, own) ? missingIdDefault : prematureNotNull;
  const update = sight.write?.form === 'UPDATE';
  return {
    found: {
      kind,
      object: { ...NO_OBJECT, table: facing.sql, column: own.sql, columns: [own.sql], detail: own.type },
      subject: `${facing.sql}.${own.sql}`,
      unseen: [],
    },
    name: `${facing.sql}.${own.sql}`,
    filled: expression !== null ? 'has a default' : own.identity ? 'is an identity' : null,
    certain: own.identity || (expression !== null && NEVER_NULL.test(expression)),
    leaving:
      given === 'left-out' ||
      given === 'default' ||
      (given === 'mixed' && expression === null && !own.identity),
    triggers: row.triggers
      .filter(({ on }) => on === 'both' || on === (update ? 'update' : 'insert'))
      .map((trigger) => `${trigger.name} (${trigger.function})`),
    partition:
      facing.oid === row.oid
        ? []
        : [`The row went into ${row.partition ? 'its partition' : 'its child'} ${row.sql}.`],
  };
}

/** A key that the database may be meant to make: alone in it, no reference; or it has a sequence of its own. */
function isId(table: Relation, column: Column): boolean {
  if (column.sequence?.owned) return true;
  const refers = table.foreignKeys.some((key) => key.columns.includes(column.name));
  return table.primaryKey.length === 1 && table.primaryKey[0] === column.name && !refers;
}

/** Constants, clocks and generators. Everything else may give NULL, as far as its text tells. */
const NEVER_NULL =
  /^\(?(?:-?\d|true|false|'(?:[^']|'')*'(?:::[\w ()[\]".]+)?$|(?:\w+\.)?(?:nextval|gen_random_uuid|uuid_generate_v\w+|uuidv[47]|now|clock_timestamp|statement_timestamp|transaction_timestamp|random)\(|CURRENT_(?:TIMESTAMP|DATE|TIME|USER)|LOCALTIME|SESSION_USER|ARRAY\[)/i;

const NOTHING_NOW =
  'Nothing in the schema, as the catalogue has it now. If the errors go on, the statement ran in another schema, database or session than this one.';

function leftOut(sight: Sight, facts: Facts, given: GivenHere): Found {
  const { found, name, filled, certain, triggers, partition } = facts;
  const wording =
    given === 'left-out'
      ? 'The statement leaves the column out.'
      : given === 'mixed'
        ? 'Some rows of the statement leave it to its default.'
        : 'The statement writes DEFAULT for it.';
  if (filled === null) return lost(sight, facts, wording);
  if (triggers.length > 0) return byTrigger(facts, `${name} ${filled}. ${wording}`);
  if (certain)
    return {
      ...found,
      case: 'not-reproduced',
      verdict: 'not-reproduced',
      cause: [
        `${name} ${filled}, as the catalogue has it now, and no trigger changes it. ${wording} Now this would not fail.`,
        ...partition,
      ],
      unseen: [
        'The catalogue keeps no times: whether the default is newer than the error, or a session wrote to another table of this name, is not seen.',
      ],
      repair: repairBy(NOTHING_NOW),
    };
  return {
    ...found,
    case: 'default-null',
    verdict: 'schema',
    cause: [
      `${name} is NOT NULL, and its default is an expression that may give NULL. ${wording}`,
      ...partition,
    ],
    unseen: [
      'What the default gave is not seen. The catalogue keeps no times: the default may also be newer than the error.',
    ],
    repair: decide(
      'If the default gave NULL, give it an expression that does not; coalesce() in it keeps the rest as it is.',
    ),
  };
}

/** Nothing fills it. */
function lost(sight: Sight, facts: Facts, wording: string): Found {
  const { found, name, triggers, partition } = facts;
  const { row, roots, column, target, user } = sight;
  const facing = [row, ...roots, ...(target === null ? [] : [target.table])].find(
    ({ sql }) => sql === found.object.table,
  )!;
  const own = facing.columns.find((each) => each.name === column.name)!;
  const meant =
    triggers.length === 0
      ? []
      : [`${listed(triggers)} fires before the row is written and does not fill it.`];
  const inKey = facing.primaryKey.includes(own.name);
  const cause = [
    inKey
      ? `${name} ${facing.primaryKey.length === 1 ? 'is the primary key' : `belongs to the primary key (${facing.primaryKey.join(', ')})`}, is of type ${own.type}, and has no default.`
      : `${name} is NOT NULL and has no default.`,
    wording,
    ...meant,
    ...partition,
  ];
  const disabled = facing.disabledTriggers;
  if (disabled.length > 0 && found.kind === missingIdDefault)
    return {
      ...found,
      case: 'trigger-disabled',
      verdict: 'schema',
      cause: [...cause, `${listed(disabled)} fires before an INSERT, and is disabled.`],
      unseen: ['Whether the trigger filled the column is not seen.'],
      repair: decide(
        `If the trigger filled the column, enable it again: ALTER TABLE ${facing.sql} ENABLE TRIGGER, with its name. A default beside it would take ` +
          'its values from elsewhere.',
      ),
    };
  const above = facing.partition ? roots.find((each) => !each.partition) : undefined;
  const parent = above ?? roots.find((each) => facing.ancestors.includes(each.oid));
  const rootColumn = parent?.columns.find((each) => each.name === own.name);
  const differs = rootColumn !== undefined && (rootColumn.default !== null || rootColumn.identity);
  if (differs)
    return {
      ...found,
      case: 'partition-differs',
      verdict: 'schema',
      cause: [
        ...cause,
        above !== undefined
          ? `Its root ${above.sql} fills the column, but an INSERT into the partition itself does not use that.`
          : `${parent!.sql}, whose child it is, fills the column; the child has lost that.`,
      ],
      repair:
        rootColumn.identity && rootColumn.default === null && rootColumn.sequence !== null
          ? idDefault(facing.sql, { ...own, sequence: rootColumn.sequence }, user)
          : repairBy(
              above !== undefined
                ? `Write to ${above.sql}, or give the partition the default of its root.`
                : `Give the child the default of ${parent!.sql}.`,
              [`ALTER TABLE ${facing.sql} ALTER COLUMN ${own.sql} SET DEFAULT ${rootColumn.default};`],
            ),
    };
  if (found.kind === missingIdDefault) {
    const repair = idDefault((above ?? facing).sql, own, user);
    // Up to 16 an identity serves only statements that name the table it was made on.
    const onlyRoot =
      above !== undefined && above.major < 17 && repair.sql.some((sql) => sql.includes('AS IDENTITY'));
    return {
      ...found,
      case: canBeGenerated(own) ? null : 'given-key',
      verdict: 'schema',
      cause,
      repair: onlyRoot
        ? decide(
            `This serves only statements that name ${above.sql}, so the application has to write to it. ${repair.words}`,
            repair.sql,
          )
        : repair,
    };
  }
  const reference = facing.foreignKeys.find((key) => key.columns.includes(own.name));
  const byApplication =
    reference === undefined
      ? 'The application has to give it: no value that the database could make by itself would name the right row.'
      : `The application has to give it: foreign key ${reference.name} says that it refers to a row, and only the application knows which.`;
  if (inKey)
    return {
      ...found,
      case: reference === undefined ? 'key-part' : 'reference',
      verdict: 'application',
      cause,
      repair: decide(byApplication),
    };
  return {
    ...found,
    case: reference === undefined ? null : 'reference',
    verdict: 'schema',
    cause,
    repair: allowNull(sight),
  };
}

function gaveNull(sight: Sight, facts: Facts, given: GivenHere): Found {
  const { found, name, filled, triggers, partition } = facts;
  const { column, row, roots, target, write, user } = sight;
  const how =
    given === 'updated'
      ? 'What the statement sets it to in its UPDATE was NULL'
      : write?.form === 'UPDATE'
        ? `The statement sets it${given === 'null' ? ' to NULL' : ', and what it gave was NULL'}`
        : given === 'null'
          ? 'The statement gives NULL for it'
          : write?.form === 'COPY'
            ? 'COPY gives the column, and one of its rows had NULL'
            : given === 'mixed'
              ? 'The rows of the statement give different things for it, and one of them was NULL'
              : 'The statement gives a value for it, and that was NULL';
  const trigger = triggers.length > 0 ? `, unless ${listed(triggers)} changed it` : '';
  const insert = write?.form !== 'UPDATE' && given !== 'updated';
  if (filled !== null && insert)
    return {
      ...found,
      case: 'explicit-null',
      verdict: 'application',
      cause: [
        `${name} is NOT NULL and ${filled}, which serves only statements that leave the column out.`,
        `${how}${trigger}.`,
        ...partition,
      ],
      repair: repairBy(
        'The application has to leave the column out, or write DEFAULT for it, where it has no value.',
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
        `The application has to give the key, or leave the column out: a default does not serve a statement that gives NULL.${
          sql.length > 0 ? ' If the database is to make the key, this is its default.' : ''
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
function changedOnTheWay(_sight: Sight, facts: Facts, given: GivenHere): Found {
  const { found, name, triggers, partition } = facts;
  const wording =
    given === 'literal'
      ? 'The statement gives a literal that is not NULL.'
      : 'The UPDATE does not set the column.';
  if (triggers.length > 0) return byTrigger(facts, `${name} is NOT NULL. ${wording}`);
  return {
    ...found,
    case: 'not-reproduced',
    verdict: 'not-reproduced',
    cause: [
      `${name} is NOT NULL. ${wording} No trigger that could have changed it is there now.`,
      ...partition,
    ],
    unseen: [
      'Where the NULL came from is not seen: a trigger that is gone, a row from before the constraint, another table of this name.',
    ],
    repair: repairBy(NOTHING_NOW),
  };
}

function byTrigger({ found, triggers, partition }: Facts, so: string): Found {
  return {
    ...found,
    kind: prematureNotNull,
    case: 'trigger',
    verdict: 'schema',
    cause: [
      `${so} ${triggers.length === 1 ? `Trigger ${triggers[0]} fires` : `Triggers fire (${listed(triggers)})`} before the row is written and may set it to NULL; nothing else in the catalogue does.`,
      ...partition,
    ],
    unseen: ['What the trigger did with the row is not seen.'],
    repair: decide(
      'Read the trigger’s function: where it sets the column to NULL, it has to keep the value or give one.',
    ),
  };
}

/** The statement does not tell: there is none, or something inside a function wrote the row. */
function unseen(sight: Sight, facts: Facts, { statement }: Pick<DiagnosisQuestion, 'statement'>): Found {
  const { found, name, filled, partition } = facts;
  const why =
    statement === null
      ? []
      : [
          sight.target?.opaque
            ? `${sight.target.opaque}, so the statement does not tell what was written.`
            : sight.write === null
              ? 'The statement is no INSERT or UPDATE of this table: a trigger or a function wrote the row, or the part that does was not logged.'
              : 'Whether it gives the column, the part of the statement that was logged does not tell.',
        ];
  if (filled !== null)
    return {
      ...found,
      case: 'default-exists',
      verdict: 'application',
      cause: [
        `${name} is NOT NULL and ${filled}, which serves only statements that leave the column out.`,
        ...why,
        ...partition,
      ],
      repair: decide(
        'Where the application has no value, it has to leave the column out, or write DEFAULT for it.',
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

/** DROP NOT NULL, on the topmost table that demands it: a partition cannot allow what its root forbids. */
function allowNull({ row, roots, column }: Sight) {
  const demands = (each: Relation): boolean =>
    each.columns.some(({ name, notNull }) => name === column.name && notNull);
  const top = [...roots].reverse().find(demands) ?? row;
  const words =
    'If a row may exist before the value is known, allow NULL, and say why in a comment. If it must never be null, the ' +
    'application has to give the value.';
  return top.primaryKey.includes(column.name)
    ? decide('The application has to give the value: a key is never null.')
    : decide(words, [`ALTER TABLE ${top.sql} ALTER COLUMN ${column.sql} DROP NOT NULL;`]);
}
