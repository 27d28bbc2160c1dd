/**
 * ALTER TABLE and its kin: lock and cost of each subcommand.
 * https://www.postgresql.org/docs/current/sql-altertable.html; what the page does not say is in the server's
 * AlterTableGetLockLevel(), which test/compiler/locks.test.ts checks on real servers.
 */
import type { AlterDomainStmt, AlterTableCmd, AlterTableStmt, AlterTableType } from 'libpg-query';
import type { LockMode } from '../../../lambda/contract/locks';
import { attachPartition } from '../lint/attach-partition';
import { cascade } from '../lint/cascade';
import { columnType } from '../lint/column-type';
import { domainConstraint } from '../lint/domain-constraint';
import { dropColumn } from '../lint/drop-column';
import { rewriteTable } from '../lint/rewrite-table';
import { setNotNull } from '../lint/set-not-null';
import { usingValues } from '../lint/using-values';
import { validateAlone } from '../lint/validate-alone';
import { all, as, relationOf, sqlName, words } from '../read/tree';
import { addColumn, addConstraint } from './columns';
import { findUnseen } from './data';
import { type Context, FactsBuilder } from './facts';
import { inspect } from './inspect';

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
      facts.breaks(cascade, ['CASCADE drops whatever depends on it']).lockUnseen('ACCESS EXCLUSIVE');
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
    const column = sqlName([name ?? '']);
    for (const other of facts.context.file.folder.referencedFrom(facts.key(table), column))
      facts.lockKnown(other, 'ACCESS EXCLUSIVE');
    if (!facts.isNew(table) || behavior === 'DROP_CASCADE') facts.breaks(dropColumn, [`${table}.${column}`]);
    if (behavior === 'DROP_CASCADE') facts.lockUnseen('ACCESS EXCLUSIVE');
  },

  AT_AlterColumnType(facts, table, { name, def }) {
    // Constraints over the column are made again, on both sides of a foreign key.
    const { folder } = facts.context.file;
    const own = sqlName([name ?? '']);
    const key = facts.key(table);
    for (const other of [...folder.referencedFrom(key, own), ...folder.referringTo(key, own)])
      facts.lockKnown(other, 'ACCESS EXCLUSIVE');
    if (facts.isNew(table)) return;
    const column = `${table}.${own}`;
    const definition = as(def, 'ColumnDef');
    const widens = WIDENED.has(words(definition?.typeName?.names).at(-1) ?? '') && !definition?.raw_default;
    facts.breaks(columnType, [column, widens], definition?.location);
    if (definition?.raw_default) facts.breaks(usingValues, [column], definition.location);
  },

  AT_SetNotNull(facts, table, { name }) {
    const column = sqlName([name ?? '']);
    if (facts.isNew(table) || knownNotNull(facts, table, column)) return;
    facts.breaks(setNotNull, [table, column]);
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
      facts.separate();
      facts.command += ' VALIDATE CONSTRAINT';
    } else if (!facts.isNew(table)) facts.breaks(validateAlone, [table]);
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
      facts.breaks(attachPartition, [relationOf(partition)], partition.location);
  },

  AT_DetachPartition(facts, table, { def }) {
    const partition = as(def, 'PartitionCmd');
    facts.lock(partition?.name, 'ACCESS EXCLUSIVE');
    if (!partition?.concurrent) return;
    facts.outside('ALTER TABLE DETACH PARTITION CONCURRENTLY', {
      kind: 'partition',
      action: 'detach',
      table,
      partition: relationOf(partition.name!),
    });
  },
  AT_DetachPartitionFinalize(facts, _table, { def }) {
    facts.lock(as(def, 'PartitionCmd')?.name, 'ACCESS EXCLUSIVE');
  },
};

function rewriteOf(what: string): Rule {
  return (facts, table) => {
    if (!facts.isNew(table)) facts.breaks(rewriteTable, [`${what} (${table})`, '']);
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
    facts.breaks(cascade, ['CASCADE drops whatever depends on it']).lockUnseen('ACCESS EXCLUSIVE');
  // SET NOT NULL, ADD CONSTRAINT, VALIDATE CONSTRAINT. The last takes SHARE too, up to PostgreSQL 17.
  if (subtype === 'O' || adds || subtype === 'V') facts.lockUnseen('SHARE').breaks(domainConstraint, []);
  return facts;
}
