/**
 * An autovacuum that only cleans gives way to whoever waits for its lock for longer than deadlock_timeout, and to nobody
 * before. Waiting so long for the lock that the migration wants would keep the application waiting behind us. So the
 * transaction first waits for SHARE UPDATE EXCLUSIVE, which is in nobody's way but that of maintenance, and then takes
 * its own lock in the usual time. Pure.
 */

import { quoteTextArray } from '../../sql/quote';
import { type Origin, type Scripted, setLimit } from './script-builder';

export interface Outlast {
  /** As SQL names them. */
  readonly relations: readonly string[];
  readonly waitMs: number;
}

export function outlasting(script: Scripted, outlast: Outlast | null): Scripted {
  const { locking, transaction, origins } = script;
  if (outlast === null || locking === null) return script;
  const { at, plan } = locking;
  const modes = outlast.relations.map(() => 'SHARE UPDATE EXCLUSIVE');
  const take = `SELECT trueup._take_locks(${quoteTextArray(outlast.relations)}, ${quoteTextArray(modes)}, false)`;
  const added: [Origin['section'], string][] = [
    ['settings', setLimit('statement_timeout', 0)],
    ['settings', setLimit('lock_timeout', outlast.waitMs)],
    ['locks', take],
    ['settings', setLimit('lock_timeout', plan.lockTimeoutMs)],
    ['settings', setLimit('statement_timeout', plan.startMs ?? 0)],
  ];
  const { migration } = origins[at]!;
  const into = <T>(list: readonly T[], more: readonly T[]): T[] => [
    ...list.slice(0, at),
    ...more,
    ...list.slice(at),
  ];
  return {
    ...script,
    transaction: {
      ...transaction,
      statements: into(
        transaction.statements,
        added.map(([, sql]) => sql),
      ),
    },
    origins: into(
      origins,
      added.map(([section]) => ({ migration, section, index: 0 })),
    ),
  };
}
