/**
 * Decides whether a rollback may run `down` automatically: an allow-list of statements that cannot lose data and only
 * concern objects that `up` created.
 */
import type { AlterTableCmd, Node } from 'libpg-query';
import type { Migration } from '../../lambda/contract/manifest';
import type { FileModel } from './model/schema-model';
import { formatRelation, formatSqlName, listNameParts, unwrapNode, unwrapNodes } from './read/tree';

export function classifyUndo(down: readonly Node[], file: FileModel): Migration['undo'] {
  if (down.length === 0) return 'none';
  return down.every((statement) => isLossless(statement, file)) ? 'automatic' : 'by-name';
}

function isLossless(statement: Node, file: FileModel): boolean {
  if (unwrapNode(statement, 'CommentStmt')) return true;
  const drop = unwrapNode(statement, 'DropStmt');
  if (drop)
    return (
      drop.removeType === 'OBJECT_INDEX' &&
      drop.behavior !== 'DROP_CASCADE' &&
      (drop.objects ?? []).every((index) => file.indexes.has(formatSqlName(listNameParts(index))))
    );
  const alter = unwrapNode(statement, 'AlterTableStmt');
  if (alter?.objtype !== 'OBJECT_TABLE' || !alter.relation) return false;
  const table = formatRelation(alter.relation);
  return unwrapNodes(alter.cmds, 'AlterTableCmd').every((command) =>
    isLosslessSubcommand(command, table, file),
  );
}

function isLosslessSubcommand(
  { subtype, name, behavior }: AlterTableCmd,
  table: string,
  file: FileModel,
): boolean {
  if (behavior === 'DROP_CASCADE') return false;
  if (subtype === 'AT_DropConstraint') return file.constraints.get(table)?.has(name ?? '') ?? false;
  return subtype === 'AT_ColumnDefault' || subtype === 'AT_DropNotNull';
}
