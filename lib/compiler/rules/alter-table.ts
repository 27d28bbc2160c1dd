/**
 * ALTER TABLE and similar statements: lock and cost of each subcommand.
 * https://www.postgresql.org/docs/current/sql-altertable.html; what that page leaves open is in the server's
 * AlterTableGetLockLevel(). test/compiler/rules/locks.test.ts checks both on real servers.
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
import { usingExpression } from '../lint/using-expression';
import { validateSeparately } from '../lint/validate-separately';
import { formatRelation, formatSqlName, listNameParts, unwrapNode, unwrapNodes } from '../read/tree';
import { recordAddColumn, recordAddConstraint } from './add-column';
import { recordUnseenCalls } from './data';
import { FactsBuilder, type RuleContext } from './facts';
import { inspectTree } from './inspect';

/** Locks of subcommands; all others take ACCESS EXCLUSIVE. */
const WEAKER_LOCKS: Partial<Record<AlterTableType, LockMode>> = {
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

const ALTER_COMMANDS: Readonly<Record<string, string>> = {
  OBJECT_TABLE: 'ALTER TABLE',
  OBJECT_INDEX: 'ALTER INDEX',
  OBJECT_VIEW: 'ALTER VIEW',
  OBJECT_MATVIEW: 'ALTER MATERIALIZED VIEW',
  OBJECT_SEQUENCE: 'ALTER SEQUENCE',
  OBJECT_FOREIGN_TABLE: 'ALTER FOREIGN TABLE',
  OBJECT_TYPE: 'ALTER TYPE',
};

export function classifyAlterTable(
  { relation, cmds, objtype }: AlterTableStmt,
  context: RuleContext,
): FactsBuilder {
  const facts = new FactsBuilder(ALTER_COMMANDS[objtype ?? ''] ?? 'ALTER TABLE', context);
  const table = formatRelation(relation!);
  const commands = unwrapNodes(cmds, 'AlterTableCmd');
  for (const command of commands) {
    // A composite type has no table to lock.
    if (objtype !== 'OBJECT_TYPE') facts.lock(table, chooseLock(command));
    SUBCOMMAND_RULES[command.subtype!]?.(facts, table, command, commands.length === 1);
    // A default that is only set is computed for later rows.
    if (command.subtype !== 'AT_ColumnDefault')
      recordUnseenCalls(facts, inspectTree(command.def ?? {}).calls);
    if (command.behavior === 'DROP_CASCADE' && command.subtype !== 'AT_DropColumn')
      facts.breaks(cascade, ['CASCADE drops whatever depends on it']).lockUnseen('ACCESS EXCLUSIVE');
  }
  return facts;
}

function chooseLock({ subtype, def }: AlterTableCmd): LockMode {
  switch (subtype) {
    case 'AT_AddConstraint':
      return unwrapNode(def, 'Constraint')?.contype === 'CONSTR_FOREIGN'
        ? 'SHARE ROW EXCLUSIVE'
        : 'ACCESS EXCLUSIVE';
    case 'AT_DetachPartition':
      return unwrapNode(def, 'PartitionCmd')?.concurrent ? 'SHARE UPDATE EXCLUSIVE' : 'ACCESS EXCLUSIVE';
    case 'AT_SetRelOptions':
    case 'AT_ResetRelOptions':
      return unwrapNodes(unwrapNode(def, 'List')?.items, 'DefElem').every(({ defname }) =>
        WEAK_LOCK_OPTIONS.test(defname ?? ''),
      )
        ? 'SHARE UPDATE EXCLUSIVE'
        : 'ACCESS EXCLUSIVE';
    default:
      return WEAKER_LOCKS[subtype!] ?? 'ACCESS EXCLUSIVE';
  }
}

/**
 * Storage parameters with a weaker lock: those that the page names, and those with the same lock in the server's
 * reloptions.c.
 */
const WEAK_LOCK_OPTIONS =
  /^(fillfactor|toast_tuple_target|parallel_workers|autovacuum_\w+|vacuum_\w+|log_autovacuum_\w+|deduplicate_items)$/;

type SubcommandRule = (facts: FactsBuilder, table: string, command: AlterTableCmd, alone: boolean) => void;

const SUBCOMMAND_RULES: Partial<Record<AlterTableType, SubcommandRule>> = {
  AT_AddColumn(facts, table, { def }) {
    const column = unwrapNode(def, 'ColumnDef');
    for (const { pktable } of unwrapNodes(column?.constraints, 'Constraint'))
      facts.lock(pktable, 'SHARE ROW EXCLUSIVE');
    if (column && isTable(facts) && !facts.isNew(table)) recordAddColumn(facts, table, column);
  },

  AT_DropColumn(facts, table, { name, behavior }) {
    const column = formatSqlName([name ?? '']);
    for (const other of facts.context.file.folder.referencedFrom(facts.key(table), column))
      facts.lockKnown(other, 'ACCESS EXCLUSIVE');
    if (!facts.isNew(table) || behavior === 'DROP_CASCADE') facts.breaks(dropColumn, [`${table}.${column}`]);
    if (behavior === 'DROP_CASCADE') facts.lockUnseen('ACCESS EXCLUSIVE');
  },

  AT_AlterColumnType(facts, table, { name, def }) {
    // Constraints on the column are recreated, on both sides of a foreign key.
    const { folder } = facts.context.file;
    const own = formatSqlName([name ?? '']);
    const key = facts.key(table);
    for (const other of [...folder.referencedFrom(key, own), ...folder.referringTo(key, own)])
      facts.lockKnown(other, 'ACCESS EXCLUSIVE');
    if (facts.isNew(table)) return;
    const column = `${table}.${own}`;
    const definition = unwrapNode(def, 'ColumnDef');
    const widens =
      WIDENED_TYPES.has(listNameParts(definition?.typeName?.names).at(-1) ?? '') && !definition?.raw_default;
    facts.breaks(columnType, [column, widens], definition?.location);
    if (definition?.raw_default) facts.breaks(usingExpression, [column], definition.location);
  },

  AT_SetNotNull(facts, table, { name }) {
    const column = formatSqlName([name ?? '']);
    if (facts.isNew(table) || isKnownNotNull(facts, table, column)) return;
    facts.breaks(setNotNull, [table, column]);
  },

  AT_AddConstraint(facts, table, { def }) {
    const constraint = unwrapNode(def, 'Constraint');
    facts.lock(constraint?.pktable, 'SHARE ROW EXCLUSIVE');
    if (constraint && !facts.isNew(table)) recordAddConstraint(facts, table, constraint);
  },

  AT_ValidateConstraint(facts, table, { name }, alone) {
    const constraint = facts.context.file.folder.constraints.get(facts.key(table))?.get(name ?? '');
    if (constraint?.references) facts.lockKnown(constraint.references, 'ROW SHARE');
    facts.target = { kind: 'constraint', action: 'validate', name: name ?? '', table };
    if (alone) {
      facts.separate();
      facts.command += ' VALIDATE CONSTRAINT';
    } else if (!facts.isNew(table)) facts.breaks(validateSeparately, [table]);
  },

  AT_DropConstraint(facts, table, { name }) {
    const constraint = facts.context.file.folder.constraints.get(facts.key(table))?.get(name ?? '');
    if (constraint?.references) facts.lockKnown(constraint.references, 'ACCESS EXCLUSIVE');
  },

  AT_SetExpression: buildRewriteRule('the new expression of a stored generated column rewrites the table'),
  AT_SetLogged: buildRewriteRule('SET LOGGED rewrites the table'),
  AT_SetUnLogged: buildRewriteRule('SET UNLOGGED rewrites the table'),
  AT_SetTableSpace: buildRewriteRule('SET TABLESPACE copies the whole relation'),
  AT_SetAccessMethod: buildRewriteRule('SET ACCESS METHOD rewrites the table'),

  AT_AddInherit(facts, _table, { def }) {
    facts.lock(unwrapNode(def, 'RangeVar'), 'SHARE UPDATE EXCLUSIVE');
  },
  AT_DropInherit(facts, _table, { def }) {
    facts.lock(unwrapNode(def, 'RangeVar'), 'ACCESS SHARE');
  },

  AT_AttachPartition(facts, table, { def }) {
    const partition = unwrapNode(def, 'PartitionCmd')?.name;
    facts.lock(partition, 'ACCESS EXCLUSIVE');
    for (const other of facts.context.file.folder.referencedFrom(facts.key(table)))
      facts.lockKnown(other, 'SHARE ROW EXCLUSIVE');
    if (partition && isTable(facts) && !facts.isNew(formatRelation(partition)))
      facts.breaks(attachPartition, [formatRelation(partition)], partition.location);
  },

  AT_DetachPartition(facts, table, { def }) {
    const partition = unwrapNode(def, 'PartitionCmd');
    facts.lock(partition?.name, 'ACCESS EXCLUSIVE');
    if (!partition?.concurrent) return;
    facts.outside('ALTER TABLE DETACH PARTITION CONCURRENTLY', {
      kind: 'partition',
      action: 'detach',
      table,
      partition: formatRelation(partition.name!),
    });
  },
  AT_DetachPartitionFinalize(facts, _table, { def }) {
    facts.lock(unwrapNode(def, 'PartitionCmd')?.name, 'ACCESS EXCLUSIVE');
  },
};

function buildRewriteRule(what: string): SubcommandRule {
  return (facts, table) => {
    if (!facts.isNew(table)) facts.breaks(rewriteTable, [`${what} (${table})`, '']);
  };
}

/** Types to which a column may change without a change of its values. */
const WIDENED_TYPES = new Set([
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

/** Tells whether the folder has a validated CHECK (column IS NOT NULL), with which the server skips the scan. */
const isKnownNotNull = (facts: FactsBuilder, table: string, column: string): boolean =>
  [...(facts.context.file.folder.constraints.get(facts.key(table))?.values() ?? [])].some(
    ({ notNull, validated }) => notNull === column && validated,
  );

/** Classifies ALTER DOMAIN, which scans every table that has a column of the domain. */
export function classifyAlterDomain(
  { subtype, def, behavior }: AlterDomainStmt,
  context: RuleContext,
): FactsBuilder {
  const facts = new FactsBuilder('ALTER DOMAIN', context);
  const adds = subtype === 'C' && !unwrapNode(def, 'Constraint')?.skip_validation;
  if (subtype === 'C') recordUnseenCalls(facts, inspectTree(def ?? {}).calls);
  if (behavior === 'DROP_CASCADE')
    facts.breaks(cascade, ['CASCADE drops whatever depends on it']).lockUnseen('ACCESS EXCLUSIVE');
  // SET NOT NULL, ADD CONSTRAINT and VALIDATE CONSTRAINT. The last also takes SHARE up to PostgreSQL 17.
  if (subtype === 'O' || adds || subtype === 'V') facts.lockUnseen('SHARE').breaks(domainConstraint, []);
  return facts;
}
