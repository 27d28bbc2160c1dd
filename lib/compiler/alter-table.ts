/**
 * ALTER TABLE and its kin: lock and cost of each subcommand.
 * https://www.postgresql.org/docs/current/sql-altertable.html; what the page does not say is in the server's
 * AlterTableGetLockLevel(), which test/compiler/locks.test.ts checks on real servers.
 */
import type { AlterDomainStmt, AlterTableCmd, AlterTableStmt, AlterTableType } from 'libpg-query';
import type { LockMode } from '../../lambda/engine/manifest';
import { addColumn, addConstraint } from './columns';
import { findUnseen } from './data';
import { type Context, FactsBuilder } from './facts';
import { inspect } from './inspect';
import { all, as, nameOf, relationOf, words } from './tree';

/** Every subcommand that is not here takes ACCESS EXCLUSIVE. */
const WEAKER: Partial<Record<AlterTableType, LockMode>> = {
  AT_ValidateConstraint: 'SHARE UPDATE EXCLUSIVE',
  AT_SetStatistics: 'SHARE UPDATE EXCLUSIVE',
  AT_SetOptions: 'SHARE UPDATE EXCLUSIVE',
  AT_ResetOptions: 'SHARE UPDATE EXCLUSIVE',
  AT_ClusterOn: 'SHARE UPDATE EXCLUSIVE',
  AT_DropCluster: 'SHARE UPDATE EXCLUSIVE',
  AT_AttachPartition: 'SHARE UPDATE EXCLUSIVE',
  AT_DetachPartitionFinalize: 'SHARE UPDATE EXCLUSIVE',
  AT_EnableTrig: 'SHARE ROW EXCLUSIVE',
  AT_EnableAlwaysTrig: 'SHARE ROW EXCLUSIVE',
  AT_EnableReplicaTrig: 'SHARE ROW EXCLUSIVE',
  AT_DisableTrig: 'SHARE ROW EXCLUSIVE',
  AT_EnableTrigAll: 'SHARE ROW EXCLUSIVE',
  AT_DisableTrigAll: 'SHARE ROW EXCLUSIVE',
  AT_EnableTrigUser: 'SHARE ROW EXCLUSIVE',
  AT_DisableTrigUser: 'SHARE ROW EXCLUSIVE',
};

const COMMANDS: Readonly<Record<string, string>> = {
  OBJECT_TABLE: 'ALTER TABLE',
  OBJECT_INDEX: 'ALTER INDEX',
  OBJECT_VIEW: 'ALTER VIEW',
  OBJECT_MATVIEW: 'ALTER MATERIALIZED VIEW',
  OBJECT_SEQUENCE: 'ALTER SEQUENCE',
  OBJECT_FOREIGN_TABLE: 'ALTER FOREIGN TABLE',
  OBJECT_TYPE: 'ALTER TYPE',
};

export function alterTable({ relation, cmds, objtype }: AlterTableStmt, context: Context): FactsBuilder {
  const facts = new FactsBuilder(COMMANDS[objtype ?? ''] ?? 'ALTER TABLE', context);
  const table = relationOf(relation!);
  const commands = all(cmds, 'AlterTableCmd');
  for (const command of commands) {
    // A composite type is nobody's table.
    if (objtype !== 'OBJECT_TYPE') facts.lock(table, lockOf(command));
    RULES[command.subtype!]?.(facts, table, command, commands.length === 1);
    // A default by itself is computed with later rows only.
    if (command.subtype !== 'AT_ColumnDefault') findUnseen(facts, inspect(command.def ?? {}).calls);
    if (command.behavior === 'DROP_CASCADE' && command.subtype !== 'AT_DropColumn')
      facts.destroy('CASCADE drops whatever depends on it').lockUnseen('ACCESS EXCLUSIVE');
  }
  return facts;
}

function lockOf({ subtype, def }: AlterTableCmd): LockMode {
  switch (subtype) {
    case 'AT_AddConstraint':
      return as(def, 'Constraint')?.contype === 'CONSTR_FOREIGN' ? 'SHARE ROW EXCLUSIVE' : 'ACCESS EXCLUSIVE';
    case 'AT_DetachPartition':
      return as(def, 'PartitionCmd')?.concurrent ? 'SHARE UPDATE EXCLUSIVE' : 'ACCESS EXCLUSIVE';
    case 'AT_SetRelOptions':
    case 'AT_ResetRelOptions':
      return all(as(def, 'List')?.items, 'DefElem').every(({ defname }) => WEAK_OPTIONS.test(defname ?? ''))
        ? 'SHARE UPDATE EXCLUSIVE'
        : 'ACCESS EXCLUSIVE';
    default:
      return WEAKER[subtype!] ?? 'ACCESS EXCLUSIVE';
  }
}

/** Storage parameters that the page names, and those that the server's reloptions.c gives the same lock. */
const WEAK_OPTIONS =
  /^(fillfactor|toast_tuple_target|parallel_workers|autovacuum_\w+|vacuum_\w+|log_autovacuum_\w+|deduplicate_items)$/;

type Rule = (facts: FactsBuilder, table: string, command: AlterTableCmd, alone: boolean) => void;

const RULES: Partial<Record<AlterTableType, Rule>> = {
  AT_AddColumn(facts, table, { def }) {
    const column = as(def, 'ColumnDef');
    for (const { pktable } of all(column?.constraints, 'Constraint'))
      facts.lock(pktable, 'SHARE ROW EXCLUSIVE');
    if (column && isTable(facts) && !facts.isNew(table)) addColumn(facts, table, column);
  },

  AT_DropColumn(facts, table, { name, behavior }) {
    const column = nameOf([name ?? '']);
    for (const other of facts.context.file.folder.referencedFrom(facts.key(table), column))
      facts.lockKnown(other, 'ACCESS EXCLUSIVE');
    if (!facts.isNew(table) || behavior === 'DROP_CASCADE')
      facts.destroy(`DROP COLUMN removes ${table}.${column}`);
    if (behavior === 'DROP_CASCADE') facts.lockUnseen('ACCESS EXCLUSIVE');
  },

  AT_AlterColumnType(facts, table, { name, def }) {
    // Constraints over the column are made again, on both sides of a foreign key.
    const { folder } = facts.context.file;
    const own = nameOf([name ?? '']);
    const key = facts.key(table);
    for (const other of [...folder.referencedFrom(key, own), ...folder.referringTo(key, own)])
      facts.lockKnown(other, 'ACCESS EXCLUSIVE');
    if (facts.isNew(table)) return;
    const column = `${table}.${own}`;
    const definition = as(def, 'ColumnDef');
    const widens = WIDENED.has(words(definition?.typeName?.names).at(-1) ?? '') && !definition?.raw_default;
    facts.rewrite(
      `the new type of ${column} ${widens ? 'may rewrite' : 'rewrites'} the table`,
      widens
        ? 'Where the old type is the same with a smaller limit, or varchar becomes text, nothing is rewritten: then consent and say so. Else, where the table is large, add a new column, fill it in a batch, and switch over.'
        : 'Where the table is large, add a new column, fill it in a batch, and switch over.',
      definition?.location,
    );
    if (definition?.raw_default)
      facts.destroy(`USING replaces every value of ${column}`, definition.location);
  },

  AT_SetNotNull(facts, table, { name }) {
    const column = nameOf([name ?? '']);
    if (facts.isNew(table) || knownNotNull(facts, table, column)) return;
    facts.rewrite(
      `all of ${table} is scanned to prove that ${column} holds no NULL`,
      `First ADD CONSTRAINT … CHECK (${column} IS NOT NULL) NOT VALID and VALIDATE it; then no scan is needed.`,
    );
  },

  AT_AddConstraint(facts, table, { def }) {
    const constraint = as(def, 'Constraint');
    facts.lock(constraint?.pktable, 'SHARE ROW EXCLUSIVE');
    if (constraint && !facts.isNew(table)) addConstraint(facts, table, constraint);
  },

  AT_ValidateConstraint(facts, table, { name }, alone) {
    const constraint = facts.context.file.folder.constraints.get(facts.key(table))?.get(name ?? '');
    if (constraint?.references) facts.lockKnown(constraint.references, 'ROW SHARE');
    facts.target = { kind: 'constraint', action: 'validate', name: name ?? '', table };
    if (alone) {
      facts.execution = 'separate';
      facts.command += ' VALIDATE CONSTRAINT';
    } else if (!facts.isNew(table))
      facts.rewrite(
        `all of ${table} is scanned under the lock of the other subcommands`,
        'Write VALIDATE CONSTRAINT as a statement of its own: alone it hinders neither readers nor writers.',
      );
  },

  AT_DropConstraint(facts, table, { name }) {
    const constraint = facts.context.file.folder.constraints.get(facts.key(table))?.get(name ?? '');
    if (constraint?.references) facts.lockKnown(constraint.references, 'ACCESS EXCLUSIVE');
  },

  AT_SetExpression: rewriteOf('the new expression of a stored generated column rewrites the table'),
  AT_SetLogged: rewriteOf('SET LOGGED rewrites the table'),
  AT_SetUnLogged: rewriteOf('SET UNLOGGED rewrites the table'),
  AT_SetTableSpace: rewriteOf('SET TABLESPACE copies the whole relation'),
  AT_SetAccessMethod: rewriteOf('SET ACCESS METHOD rewrites the table'),

  AT_AddInherit(facts, _table, { def }) {
    facts.lock(as(def, 'RangeVar'), 'SHARE UPDATE EXCLUSIVE');
  },
  AT_DropInherit(facts, _table, { def }) {
    facts.lock(as(def, 'RangeVar'), 'ACCESS SHARE');
  },

  AT_AttachPartition(facts, table, { def }) {
    const partition = as(def, 'PartitionCmd')?.name;
    facts.lock(partition, 'ACCESS EXCLUSIVE');
    for (const other of facts.context.file.folder.referencedFrom(facts.key(table)))
      facts.lockKnown(other, 'SHARE ROW EXCLUSIVE');
    if (partition && isTable(facts) && !facts.isNew(relationOf(partition)))
      facts.rewrite(
        `all of ${relationOf(partition)} is scanned to prove that its rows belong to the partition`,
        'First give it a CHECK constraint that says what the partition bound says (NOT VALID, then VALIDATE).',
        partition.location,
      );
  },

  AT_DetachPartition(facts, _table, { def }) {
    const partition = as(def, 'PartitionCmd');
    facts.lock(partition?.name, 'ACCESS EXCLUSIVE');
    if (!partition?.concurrent) return;
    facts.execution = 'outside';
    facts.command = 'ALTER TABLE DETACH PARTITION CONCURRENTLY';
  },
  AT_DetachPartitionFinalize(facts, _table, { def }) {
    facts.lock(as(def, 'PartitionCmd')?.name, 'ACCESS EXCLUSIVE');
  },
};

function rewriteOf(what: string): Rule {
  return (facts, table) => {
    if (!facts.isNew(table)) facts.rewrite(`${what} (${table})`, '');
  };
}

/** Types that a column may get without a change of its values. */
const WIDENED = new Set([
  'text',
  'varchar',
  'numeric',
  'varbit',
  'interval',
  'time',
  'timestamp',
  'timestamptz',
]);

const isTable = (facts: FactsBuilder): boolean => facts.command === 'ALTER TABLE';

/** A validated CHECK (column IS NOT NULL) of this folder: the server then skips the scan. */
const knownNotNull = (facts: FactsBuilder, table: string, column: string): boolean =>
  [...(facts.context.file.folder.constraints.get(facts.key(table))?.values() ?? [])].some(
    ({ notNull, validated }) => notNull === column && validated,
  );

/** ALTER DOMAIN looks at every table that has a column of the domain. */
export function alterDomain({ subtype, def, behavior }: AlterDomainStmt, context: Context): FactsBuilder {
  const facts = new FactsBuilder('ALTER DOMAIN', context);
  const adds = subtype === 'C' && !as(def, 'Constraint')?.skip_validation;
  if (subtype === 'C') findUnseen(facts, inspect(def ?? {}).calls);
  if (behavior === 'DROP_CASCADE')
    facts.destroy('CASCADE drops whatever depends on it').lockUnseen('ACCESS EXCLUSIVE');
  // SET NOT NULL, ADD CONSTRAINT, VALIDATE CONSTRAINT. The last takes SHARE too, up to PostgreSQL 17.
  if (subtype === 'O' || adds || subtype === 'V')
    facts
      .lockUnseen('SHARE')
      .rewrite(
        'every table with a column of the domain is scanned, and cannot be written meanwhile',
        'A CHECK constraint of the tables can be validated without that.',
      );
  return facts;
}
