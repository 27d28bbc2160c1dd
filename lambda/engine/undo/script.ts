/** What is sent to undo a migration: limits, locks, its `down`, and the ledger's row, as one transaction. Pure. */

import type { Names } from '../apply/names';
import { asOwner, pathSetting, ScriptBuilder, type Scripted } from '../apply/script-builder';
import { type Known, undoneStatement } from '../ledger/rows';
import { lockPlan } from '../locks/locks';
import type { RecordedStatement, UndoStep } from '../plan/rollback';

/** @param last the ledger's row as it is known, which says afterwards that it is undone; null where more is to come */
export function undoScript(
  { name, limits }: Pick<UndoStep, 'name' | 'limits'>,
  statements: readonly RecordedStatement[],
  names: Names,
  last: { readonly expects: Known | null } | null,
): Scripted {
  const { namespace, deployment, ownerRole } = names;
  const plan = lockPlan(statements, limits);
  const script = new ScriptBuilder(name, {
    ...pathSetting(names),
    lock_timeout: plan.lockTimeoutMs,
    statement_timeout: plan.startMs,
  });
  if (ownerRole !== null) script.add('settings', asOwner(ownerRole));
  script.lock(plan);
  for (const [i, { sql }] of statements.entries()) script.addHeld('down', sql, i);
  script.runDeferred(
    statements.map(({ command }) => command),
    statements.length - 1,
  );
  if (ownerRole !== null) script.add('ledger', 'RESET ROLE');
  if (last !== null) script.add('ledger', undoneStatement(namespace, name, deployment, last.expects));
  return script.build();
}
