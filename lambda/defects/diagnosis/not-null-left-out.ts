/** 23502 of a statement that leaves the column to the database: which case it is. Decided from facts, without a database. */
import type { Repair } from '../../contract/diagnosis';
import { missingIdDefault } from '../kinds/missing-id-default';
import { prematureNotNull } from '../kinds/premature-not-null';
import type { Column, Relation } from '../relations';
import { canBeGenerated, idDefault } from '../repair/id-default';
import { decide, type Found, listed, NOTHING_NOW, repairBy } from './finding';
import type { Facts } from './not-null-facts';
import type { GivenHere, Sight } from './not-null-sight';

/** The column is left to the database. */
export function leftOut(sight: Sight, facts: Facts, given: GivenHere): Found {
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
        `${name} ${filled} now, and no trigger changes it. ${wording} This would not fail now.`,
        ...partition,
      ],
      unseen: [
        'The catalogue keeps no timestamps, so it is not known whether the default is newer than the error, or ' +
          'whether a session wrote to another table of this name.',
      ],
      repair: repairBy(NOTHING_NOW),
    };
  return {
    ...found,
    case: 'default-null',
    verdict: 'schema',
    cause: [
      `${name} is NOT NULL, and its default is an expression that may return NULL. ${wording}`,
      ...partition,
    ],
    unseen: [
      'The log does not show what the default returned. The catalogue keeps no timestamps: the default may also be ' +
        'newer than the error.',
    ],
    repair: decide(
      'If the default returned NULL, change it to an expression that does not, for example with coalesce().',
    ),
  };
}

/** Nothing fills it. */
export function lost(sight: Sight, facts: Facts, wording: string): Found {
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
      cause: [...cause, `${listed(disabled)} would fire before an INSERT, but is disabled.`],
      unseen: ['It is not known whether the trigger filled the column.'],
      repair: decide(
        `If the trigger filled the column, enable it again: ALTER TABLE ${facing.sql} ENABLE TRIGGER, with its ` +
          'name. An additional default would ' +
          'take its values from another source.',
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
          ? `Its root ${above.sql} fills the column, but an INSERT directly into the partition does not use that.`
          : `Its parent ${parent!.sql} fills the column; the child has lost that.`,
      ],
      repair: unlessRefused(
        rootColumn.identity && rootColumn.default === null && rootColumn.sequence !== null
          ? idDefault(facing.sql, { ...own, sequence: rootColumn.sequence }, user)
          : repairBy(
              above !== undefined
                ? `Write to ${above.sql}, or give the partition the same default.`
                : `Give the child the default of ${parent!.sql}.`,
              [`ALTER TABLE ${facing.sql} ALTER COLUMN ${own.sql} SET DEFAULT ${rootColumn.default};`],
            ),
        sight,
        own,
        above,
      ),
    };
  if (found.kind === missingIdDefault) {
    return {
      ...found,
      case: canBeGenerated(own) ? null : 'given-key',
      verdict: 'schema',
      cause,
      repair: unlessRefused(idDefault((above ?? facing).sql, own, user), sight, own, above),
    };
  }
  const reference = facing.foreignKeys.find((key) => key.columns.includes(own.name));
  const byApplication =
    reference === undefined
      ? 'The application must supply it: the database cannot generate a value that identifies the right row.'
      : `The application must supply it: by foreign key ${reference.name} it references a row, and only the application knows which one.`;
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

/** A value that the database makes belongs into a partition, and passes a CHECK, only by chance: then a person has to decide. */
function unlessRefused(repair: Repair, { column }: Sight, own: Column, above: Relation | undefined): Repair {
  if (repair.decision) return repair;
  const reasons: string[] = [];
  const key = above?.partitionKey ?? [];
  // Up to 16 an identity serves only statements that name the table it was made on.
  if (above !== undefined && above.major < 17 && repair.sql.some((sql) => sql.includes('AS IDENTITY')))
    reasons.push(
      `This works only for statements that name ${above.sql}, so the application must write to it.`,
    );
  else if (key.includes(own.name) || key.includes(null))
    reasons.push(
      `${above!.sql} is partitioned by this column, and a generated value may belong to another partition, so the application must write to ${above!.sql}.`,
    );
  const checks = [...new Set([...own.checks, ...column.checks])];
  if (checks.length > 0)
    reasons.push(
      `This works only if the generated values pass ${listed(checks)}: read the CHECK constraint${checks.length > 1 ? 's' : ''} first.`,
    );
  return reasons.length === 0 ? repair : decide([...reasons, repair.words].join(' '), repair.sql);
}

/** The catalogue has something that fills the column, and a trigger that may empty it. */
export function byTrigger({ found, triggers, partition }: Facts, so: string): Found {
  return {
    ...found,
    kind: prematureNotNull,
    case: 'trigger',
    verdict: 'schema',
    cause: [
      `${so} ${triggers.length === 1 ? `Trigger ${triggers[0]} fires` : `Triggers fire (${listed(triggers)})`} before the row is written and may set it to NULL; nothing else in the catalogue does.`,
      ...partition,
    ],
    unseen: ['The log does not show what the trigger did with the row.'],
    repair: decide(
      'Read the trigger’s function: where it sets the column to NULL, it must keep the value or set another one.',
    ),
  };
}

/** DROP NOT NULL, on the topmost table that demands it: a partition cannot allow what its root forbids. */
export function allowNull({ row, roots, column }: Sight) {
  const demands = (each: Relation): boolean =>
    each.columns.some(({ name, notNull }) => name === column.name && notNull);
  const top = [...roots].reverse().find(demands) ?? row;
  const words =
    'If a row may exist before the value is known, allow NULL, and say why in a comment. If it must never be null, ' +
    'the application must supply the value.';
  return top.primaryKey.includes(column.name)
    ? decide('The application must supply the value: a primary key is never null.')
    : decide(words, [`ALTER TABLE ${top.sql} ALTER COLUMN ${column.sql} DROP NOT NULL;`]);
}
