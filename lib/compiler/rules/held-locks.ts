/**
 * Data changes behind a lock that stops readers. All locks of a transaction are taken before its first statement and
 * held until its end, so that it does not matter which of the two is written first.
 */
import { ANY_RELATION } from '../../../lambda/contract/locks';
import { rowsBehindLock } from '../lint/rows-behind-lock';
import type { ParsedStatement } from '../read/statements';
import { as } from '../read/tree';
import { type Facts, findingOf } from './facts';
import { inspect } from './inspect';

interface Known {
  readonly parsed: ParsedStatement;
  readonly facts: Facts;
}

export function withHeldLocks<T extends Known>(statements: readonly T[]): T[] {
  return transactionsOf(statements).flatMap((together) => {
    const closed = together
      .flatMap(({ facts }) => facts.locks)
      .find(
        ({ relation, mode, created }) => mode === 'ACCESS EXCLUSIVE' && !created && relation !== ANY_RELATION,
      );
    return closed ? together.map((statement) => behind(statement, closed.relation)) : together;
  });
}

/** Neighbours that share a transaction; what has one of its own stands alone. */
function transactionsOf<T extends Known>(statements: readonly T[]): T[][] {
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

function behind<T extends Known>(statement: T, relation: string): T {
  const { facts } = statement;
  const changed = facts.locks.find(({ mode, created }) => mode === 'ROW EXCLUSIVE' && !created);
  if (!changed || facts.execution !== 'transaction' || !changesManyRows(statement.parsed)) return statement;
  const finding = findingOf(rowsBehindLock, [facts.command, changed.relation, relation]);
  return { ...statement, facts: { ...facts, rewrites: [...facts.rewrites, finding] } };
}

/** Rows that the file itself lists are soon written. */
function changesManyRows({ node }: ParsedStatement): boolean {
  const { changes } = inspect(node);
  const listed = as(as(node, 'InsertStmt')?.selectStmt, 'SelectStmt')?.valuesLists;
  return changes.length > (listed ? 1 : 0);
}
