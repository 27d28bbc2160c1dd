/** Whether a rollback may run `down` by itself: an allow-list of what cannot lose data and concerns only what `up` made. */
import type { AlterTableCmd, Node } from 'libpg-query';
import type { Migration } from '../../lambda/contract/manifest';
import type { FileModel } from './model/schema-model';
import { all, as, relationOf, sqlName, words } from './read/tree';

export function undoOf(down: readonly Node[], file: FileModel): Migration['undo'] {
  if (down.length === 0) return 'none';
  return down.every((statement) => losesNoData(statement, file)) ? 'automatic' : 'by-name';
}

function losesNoData(statement: Node, file: FileModel): boolean {
  if (as(statement, 'CommentStmt')) return true;
  const drop = as(statement, 'DropStmt');
  if (drop)
    return (
      drop.removeType === 'OBJECT_INDEX' &&
      drop.behavior !== 'DROP_CASCADE' &&
      (drop.objects ?? []).every((index) => file.indexes.has(sqlName(words(index))))
    );
  const alter = as(statement, 'AlterTableStmt');
  if (alter?.objtype !== 'OBJECT_TABLE' || !alter.relation) return false;
  const table = relationOf(alter.relation);
  return all(alter.cmds, 'AlterTableCmd').every((command) => commandLosesNoData(command, table, file));
}

function commandLosesNoData(
  { subtype, name, behavior }: AlterTableCmd,
  table: string,
  file: FileModel,
): boolean {
  if (behavior === 'DROP_CASCADE') return false;
  if (subtype === 'AT_DropConstraint') return file.constraints.get(table)?.has(name ?? '') ?? false;
  return subtype === 'AT_ColumnDefault' || subtype === 'AT_DropNotNull';
}
