/** Decides the case of 23502 for a statement that leaves the column to the database. It needs no database. */
import type { Repair } from '../../contract/diagnosis';
import { quoteLiteral } from '../../sql/quote';
import { isIdName } from '../keys';
import { missingPrimaryKeyDefault } from '../kinds/missing-primary-key-default';
import { notNullTooEarly } from '../kinds/not-null-too-early';
import type { Column, Relation } from '../relations';
import { buildIdDefaultRepair, canBeGenerated } from '../repair/id-default';
import {
  type DiagnosisFinding,
  formatNameList,
  makeManualDecision,
  makeRepair,
  NOTHING_NOW_REPAIR,
} from './finding';
import type { NotNullFacts } from './not-null-facts';
import type { ColumnAssignment, StatementContext } from './not-null-statement';

/** Explains a NULL if the statement leaves the column to the database. */
export function diagnoseOmittedColumn(
  context: StatementContext,
  facts: NotNullFacts,
  given: ColumnAssignment,
): DiagnosisFinding {
  const { found, name, filled, certain, triggers, partition } = facts;
  const wording =
    given === 'left-out'
      ? 'The statement leaves the column out.'
      : given === 'mixed'
        ? 'Some rows of the statement leave it to its default.'
        : 'The statement writes DEFAULT for it.';
  if (filled === null) return diagnoseMissingDefault(context, facts, wording);
  if (triggers.length > 0) return diagnoseTrigger(facts, `${name} ${filled}. ${wording}`);
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
        'The catalog keeps no timestamps, so it is not known whether the default is newer than the error, or ' +
          'whether a session wrote to another table of this name.',
      ],
      repair: makeRepair(NOTHING_NOW_REPAIR),
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
      'The log does not show what the default returned. The catalog keeps no timestamps: the default may also be ' +
        'newer than the error.',
    ],
    repair: makeManualDecision(
      'If the default returned NULL, change it to an expression that does not, for example with coalesce().',
    ),
  };
}

/** Explains a NULL if neither a default nor an identity fills the column. */
export function diagnoseMissingDefault(
  context: StatementContext,
  facts: NotNullFacts,
  wording: string,
): DiagnosisFinding {
  const { found, name, triggers, partition } = facts;
  const { row, roots, column, target, user } = context;
  const facing = [row, ...roots, ...(target === null ? [] : [target.table])].find(
    ({ sql }) => sql === found.object.table,
  )!;
  const own = facing.columns.find((each) => each.name === column.name)!;
  const meant =
    triggers.length === 0
      ? []
      : [`${formatNameList(triggers)} fires before the row is written and does not fill it.`];
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
  if (disabled.length > 0 && found.kind === missingPrimaryKeyDefault) {
    const enabling = disabled.map((trigger) => `ALTER TABLE ${facing.sql} ENABLE TRIGGER ${trigger.name};`);
    const named = formatNameList(disabled.map((trigger) => `${trigger.name} (${trigger.function})`));
    const one = disabled.length === 1;
    return {
      ...found,
      case: 'trigger-disabled',
      verdict: 'schema',
      cause: [
        ...cause,
        `${named} would fire before an INSERT, but ${one ? 'is disabled' : 'they are disabled'}.`,
      ],
      unseen: [`It is not known whether ${one ? 'the trigger' : 'one of the triggers'} filled the column.`],
      repair: makeManualDecision(
        `If ${one ? 'the trigger' : 'one of the triggers'} filled the column, enable it again${
          one ? '' : `: ${enabling.join(' ')} Enable only that one`
        }. An additional default would take its values from another source.`,
        one ? enabling : [],
      ),
    };
  }
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
          : `Its parent ${parent!.sql} fills the column; the child does not.`,
      ],
      repair: restrictRepair(
        rootColumn.identity && rootColumn.default === null && rootColumn.sequence !== null
          ? buildIdDefaultRepair(facing.sql, { ...own, sequence: rootColumn.sequence }, user)
          : makeRepair(
              above !== undefined
                ? `Write to ${above.sql}, or give the partition the same default.`
                : `Give the child the default of ${parent!.sql}.`,
              [`ALTER TABLE ${facing.sql} ALTER COLUMN ${own.sql} SET DEFAULT ${rootColumn.default};`],
            ),
        context,
        own,
        above,
      ),
    };
  if (found.kind === missingPrimaryKeyDefault) {
    return {
      ...found,
      case: canBeGenerated(own) ? null : 'given-key',
      verdict: 'schema',
      cause,
      repair: restrictRepair(
        buildIdDefaultRepair((above ?? facing).sql, own, user),
        context,
        own,
        above,
        facing.primaryKey.length > 1 && !isIdName(own.name, (above ?? facing).name)
          ? [
              `This is for a column that identifies the row itself. If ${name} refers to a row of another table, the application must supply it.`,
            ]
          : [],
      ),
    };
  }
  const reference = facing.foreignKeys.find((key) => key.columns.includes(own.name));
  const byApplication =
    reference === undefined
      ? `The application must supply it: the database cannot generate a value that identifies the right row. ${describeDefaultDecision(facing, own)}`
      : `The application must supply it: by foreign key ${reference.name} it references a row, and only the application knows which one.`;
  if (inKey)
    return {
      ...found,
      case: reference === undefined ? 'key-part' : 'reference',
      verdict: 'application',
      cause,
      repair: makeManualDecision(byApplication),
    };
  return {
    ...found,
    case: reference === undefined ? null : 'reference',
    verdict: 'schema',
    cause,
    repair: buildDropNotNull(
      context,
      reference === undefined ? `${describeDefaultDecision(facing, own)} ` : '',
    ),
    ...(reference === undefined ? { check: buildNullableCheckSql(facing, own) } : {}),
  };
}

/**
 * Returns the first part of the decision if a statement leaves the column out: the default may have been lost when the
 * database was moved or the table was recreated.
 */
function describeDefaultDecision(table: Relation, column: Column): string {
  const usual = findUsualDefault(table, column);
  const alter = `ALTER TABLE ${table.sql} ALTER COLUMN ${column.sql} SET DEFAULT`;
  return (
    'If the column had a default that was lost, for example when the database was moved or the table was recreated, set it again: ' +
    (usual === null ? `${alter}, followed by the expression that it had.` : `${alter} ${usual};`)
  );
}

/** Returns the usual default of the type, or null if there is none. */
function findUsualDefault({ name: table }: Relation, { name, baseType }: Column): string | null {
  if (/^timestamp\b/.test(baseType)) return 'now()';
  if (baseType === 'date') return 'CURRENT_DATE';
  return baseType === 'uuid' && isIdName(name, table) ? 'gen_random_uuid()' : null;
}

/** Returns a query without rows once the column is nullable or has a default. */
function buildNullableCheckSql(table: Relation, column: Column): string {
  const arguments_ = `${quoteLiteral(table.sql)}, ${quoteLiteral(column.sql)}`;
  return `SELECT problem FROM trueup.col_is_null(${arguments_}) AS problem WHERE EXISTS (SELECT FROM trueup.col_has_default(${arguments_}))`;
}

/**
 * Turns a repair into a decision if a generated value could be rejected: it may belong to another partition or violate
 * a CHECK.
 */
function restrictRepair(
  repair: Repair,
  { column }: StatementContext,
  own: Column,
  above: Relation | undefined,
  doubts: readonly string[] = [],
): Repair {
  if (repair.decision) return repair;
  const reasons = [...doubts];
  const key = above?.partitionKey ?? [];
  // Before PostgreSQL 17, an identity only serves statements that name the table that it was created on.
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
      `This works only if the generated values pass ${formatNameList(checks)}: read the CHECK constraint${checks.length > 1 ? 's' : ''} first.`,
    );
  return reasons.length === 0 ? repair : makeManualDecision([...reasons, repair.words].join(' '), repair.sql);
}

/** Explains a NULL in a column that the database fills, but that a trigger may set to NULL. */
export function diagnoseTrigger({ found, triggers, partition }: NotNullFacts, so: string): DiagnosisFinding {
  return {
    ...found,
    kind: notNullTooEarly,
    case: 'trigger',
    verdict: 'schema',
    cause: [
      `${so} ${triggers.length === 1 ? `Trigger ${triggers[0]} fires` : `Triggers fire (${formatNameList(triggers)})`} before the row is written and may set it to NULL; nothing else in the catalog does.`,
      ...partition,
    ],
    unseen: ['The log does not show what the trigger did with the row.'],
    repair: makeManualDecision(
      'Read the trigger’s function: where it sets the column to NULL, it must keep the value or set another one.',
    ),
  };
}

/**
 * Returns the DROP NOT NULL for the topmost table that has the constraint: a partition cannot allow NULL if its root
 * does not.
 */
export function buildDropNotNull({ row, roots, column }: StatementContext, before = '') {
  const demands = (each: Relation): boolean =>
    each.columns.some(({ name, notNull }) => name === column.name && notNull);
  const top = [...roots].reverse().find(demands) ?? row;
  const words =
    before +
    'If a row may exist before the value is known, allow NULL, and say why in a comment. If it must never be null, ' +
    'the application must supply the value.';
  return top.primaryKey.includes(column.name)
    ? makeManualDecision('The application must supply the value: a primary key is never null.')
    : makeManualDecision(words, [`ALTER TABLE ${top.sql} ALTER COLUMN ${column.sql} DROP NOT NULL;`]);
}
