/** Builds the transaction that undoes a migration: limits, locks, its `down`, and the ledger's row. Pure. */

import type { RunNames } from '../apply/run-names';
import {
  type BuiltScript,
  buildSearchPathSetting,
  buildSetRoleSql,
  ScriptBuilder,
} from '../apply/script-builder';
import { buildUndoneSql, type KnownRow } from '../ledger/ledger-rows';
import { planLocks } from '../locks/locks';
import type { RecordedDownStatement, UndoStep } from '../plan/rollback';

/**
 * Builds one such transaction. @param last the ledger's row as this run knows it, which is marked as undone; `null`
 * if more statements follow
 */
export function buildUndoScript(
  { name, limits }: Pick<UndoStep, 'name' | 'limits'>,
  statements: readonly RecordedDownStatement[],
  names: RunNames,
  last: { readonly expects: KnownRow | null } | null,
): BuiltScript {
  const { namespace, deployment, ownerRole } = names;
  const plan = planLocks(statements, limits);
  const script = new ScriptBuilder(name, {
    ...buildSearchPathSetting(names),
    lock_timeout: plan.lockTimeoutMs,
    statement_timeout: plan.startMs,
  });
  if (ownerRole !== null) script.add('settings', buildSetRoleSql(ownerRole));
  script.lock(plan);
  for (const [i, { sql }] of statements.entries()) script.addHeld('down', sql, i);
  script.runDeferred(
    statements.map(({ command }) => command),
    statements.length - 1,
  );
  if (ownerRole !== null) script.add('ledger', 'RESET ROLE');
  if (last !== null) script.add('ledger', buildUndoneSql(namespace, name, deployment, last.expects));
  return script.build();
}
