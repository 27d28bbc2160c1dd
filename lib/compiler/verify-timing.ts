/** Decides whether verify runs in the transaction of `up` or after its commit. */
import type { Node } from 'libpg-query';
import { blocksWriters } from '../../lambda/contract/locks';
import type { Migration, Statement } from '../../lambda/contract/manifest';
import { isHarmlessBuiltin } from './model/builtins';
import { inspectTree } from './rules/inspect';

/**
 * Decides when verify runs. Reading table data may take long, and writers must not wait that long for a lock of the
 * migration.
 */
export function decideVerifyTiming(
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
  const { locks, calls } = inspectTree(query);
  return (
    [...locks.keys()].some((relation) => !CATALOG_RELATION.test(relation)) ||
    calls.some(({ name }) => !isHarmlessBuiltin(name))
  );
}

/** Names that begin with pg_ belong to the system and are found first. */
const CATALOG_RELATION = /^(pg_catalog\.|information_schema\.|trueup\.|pg_[a-z0-9_]+$)/;
