/** Whether a rollback may run `down` by itself: an allow-list of what cannot lose data and concerns only what `up` made. */
import type { AlterTableCmd, Node } from 'libpg-query';
import type { Migration } from '../../lambda/engine/manifest';
import type { FileKnowledge } from './knowledge';
import { all, as, nameOf, relationOf, words } from './tree';

export function undoOf(down: readonly Node[], file: FileKnowledge): Migration['undo'] {
  if (down.length === 0) return 'none';
  return down.every((statement) => isHarmless(statement, file)) ? 'automatic' : 'by-name';
}

function isHarmless(statement: Node, file: FileKnowledge): boolean {
  if (as(statement, 'CommentStmt')) return true;
  const drop = as(statement, 'DropStmt');
  if (drop)
    return (
      drop.removeType === 'OBJECT_INDEX' &&
      drop.behavior !== 'DROP_CASCADE' &&
      (drop.objects ?? []).every((index) => file.indexes.has(nameOf(words(index))))
    );
  const alter = as(statement, 'AlterTableStmt');
  if (alter?.objtype !== 'OBJECT_TABLE' || !alter.relation) return false;
  const table = relationOf(alter.relation);
  return all(alter.cmds, 'AlterTableCmd').every((command) => isHarmlessCommand(command, table, file));
}

function isHarmlessCommand(
  { subtype, name, behavior }: AlterTableCmd,
  table: string,
  file: FileKnowledge,
): boolean {
  if (behavior === 'DROP_CASCADE') return false;
  if (subtype === 'AT_DropConstraint') return file.constraints.has(`${table} ${name}`);
  return subtype === 'AT_ColumnDefault' || subtype === 'AT_DropNotNull';
}
