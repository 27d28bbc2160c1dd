/** Whether verify runs in the transaction of `up`, or after its commit. */
import type { Node } from 'libpg-query';
import { blocksWriters } from '../../lambda/contract/locks';
import type { Migration, Statement } from '../../lambda/contract/manifest';
import { isHarmlessBuiltin } from './model/builtins';
import { inspect } from './rules/inspect';

/** Reading table data takes as long as the table is large; writers must not queue that long behind our lock. */
export function verifyWhen(
  statements: readonly Statement[],
  verify: readonly Node[],
): Migration['verifyWhen'] {
  if (statements.some(({ execution }) => execution !== 'transaction')) return 'after-commit';
  const holds = statements.some(({ locks }) =>
    locks.some(({ mode, created }) => !created && blocksWriters(mode)),
  );
  return holds && verify.some(readsTableData) ? 'after-commit' : 'before-commit';
}

function readsTableData(query: Node): boolean {
  const { locks, calls } = inspect(query);
  return (
    [...locks.keys()].some((relation) => !CATALOGUE.test(relation)) ||
    calls.some(({ name }) => !isHarmlessBuiltin(name))
  );
}

/** Names that begin with pg_ are the system's own, and found first. */
const CATALOGUE = /^(pg_catalog\.|information_schema\.|trueup\.|pg_[a-z0-9_]+$)/;
