/**
 * Finds data changes behind a lock that blocks readers. All locks of a transaction are taken before its first statement
 * and held until its end, so the order of the two does not matter.
 */

import type { Node } from 'libpg-query';
import { ANY_RELATION } from '../../../lambda/contract/locks';
import { dataChangeUnderLock } from '../lint/data-change-under-lock';
import type { FileModel } from '../model/schema-model';
import type { ParsedStatement } from '../read/statements';
import { listNameParts, quoteIfNeeded, unwrapNode } from '../read/tree';
import { buildLintFinding, type RuleFacts } from './facts';
import { inspectTree } from './inspect';

interface StatementWithFacts {
  readonly parsed: ParsedStatement;
  readonly facts: RuleFacts;
  /**
   * See {@link changesOneRow}.
   * @default - unknown
   */
  readonly oneRow?: boolean;
}

export function addHeldLockFindings<T extends StatementWithFacts>(statements: readonly T[]): T[] {
  return groupByTransaction(statements).flatMap((together) => {
    const closed = together
      .flatMap(({ facts }) => facts.locks)
      .find(
        ({ relation, mode, created }) => mode === 'ACCESS EXCLUSIVE' && !created && relation !== ANY_RELATION,
      );
    return closed ? together.map((statement) => addHeldLockFinding(statement, closed.relation)) : together;
  });
}

/** Groups neighboring statements that share a transaction. A statement with a separate transaction is its own group. */
function groupByTransaction<T extends StatementWithFacts>(statements: readonly T[]): T[][] {
  const transactions: T[][] = [];
  let shared = false;
  for (const statement of statements) {
    const shares = statement.facts.execution === 'transaction';
    if (shares && shared) transactions.at(-1)!.push(statement);
    else transactions.push([statement]);
    shared = shares;
  }
  return transactions;
}

function addHeldLockFinding<T extends StatementWithFacts>(statement: T, relation: string): T {
  const { facts } = statement;
  const changed = facts.locks.find(({ mode, created }) => mode === 'ROW EXCLUSIVE' && !created);
  if (!changed || facts.execution !== 'transaction' || !changesManyRows(statement)) return statement;
  const finding = buildLintFinding(dataChangeUnderLock, [facts.command, changed.relation, relation]);
  return { ...statement, facts: { ...facts, rewrites: [...facts.rewrites, finding] } };
}

/** Tells whether a statement may change many rows. Rows that the file itself lists are written quickly. */
function changesManyRows({ parsed: { node }, oneRow }: StatementWithFacts): boolean {
  if (oneRow) return false;
  const { changes } = inspectTree(node);
  const listed = unwrapNode(unwrapNode(node, 'InsertStmt')?.selectStmt, 'SelectStmt')?.valuesLists;
  return changes.length > (listed ? 1 : 0);
}

/**
 * Tells whether a statement is an UPDATE of one table that selects its row by all columns of the primary key known from
 * the folder and reads no other table.
 */
export function changesOneRow(node: Node, file: FileModel): boolean {
  const update = unwrapNode(node, 'UpdateStmt');
  if (!update?.relation || update.withClause || (update.fromClause ?? []).length > 0) return false;
  const key = file.folder.getPrimaryKey(file.key(update.relation));
  if (key === null || inspectTree(node).locks.size !== 1) return false;
  const columns = listEquatedColumns(update.whereClause);
  return key.every((column) => columns.has(column));
}

/**
 * Returns the columns that a condition such as `a = 1 AND b = 'x' AND c > 2` equates with constants. The other parts
 * only exclude rows.
 */
function listEquatedColumns(condition: Node | undefined): Set<string> {
  const both = unwrapNode(condition, 'BoolExpr');
  if (both?.boolop === 'AND_EXPR')
    return new Set((both.args ?? []).flatMap((part) => [...listEquatedColumns(part)]));
  const equal = unwrapNode(condition, 'A_Expr');
  if (equal?.kind !== 'AEXPR_OP' || listNameParts(equal.name).join('.') !== '=') return new Set();
  for (const [column, value] of [
    [equal.lexpr, equal.rexpr],
    [equal.rexpr, equal.lexpr],
  ]) {
    const name = listNameParts(unwrapNode(column, 'ColumnRef')?.fields).at(-1);
    const constant =
      unwrapNode(value, 'A_Const') ?? unwrapNode(unwrapNode(value, 'TypeCast')?.arg, 'A_Const');
    if (name !== undefined && constant) return new Set([quoteIfNeeded(name)]);
  }
  return new Set();
}
