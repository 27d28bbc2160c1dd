/**
 * An autovacuum that does not prevent wraparound is cancelled when another session has waited for its lock longer
 * than deadlock_timeout, and not before. If the migration waited that long for its own lock, the application would
 * queue behind it. So the transaction first waits for SHARE UPDATE EXCLUSIVE, which blocks only maintenance commands,
 * and then acquires its own lock within the usual time. Pure.
 */

import { quoteTextArray } from '../../sql/quote';
import { type BuiltScript, buildSetLimitSql, type StatementOrigin } from './script-builder';

export interface AutovacuumWait {
  /** Names as written in SQL. */
  readonly relations: readonly string[];
  readonly waitMs: number;
}

export function addAutovacuumWait(script: BuiltScript, outlast: AutovacuumWait | null): BuiltScript {
  const { locking, transaction, origins } = script;
  if (outlast === null || locking === null) return script;
  const { at, plan } = locking;
  const modes = outlast.relations.map(() => 'SHARE UPDATE EXCLUSIVE');
  const take = `SELECT trueup._take_locks(${quoteTextArray(outlast.relations)}, ${quoteTextArray(modes)}, false)`;
  const added: [StatementOrigin['section'], string][] = [
    ['settings', buildSetLimitSql('statement_timeout', 0)],
    ['settings', buildSetLimitSql('lock_timeout', outlast.waitMs)],
    ['locks', take],
    ['settings', buildSetLimitSql('lock_timeout', plan.lockTimeoutMs)],
    ['settings', buildSetLimitSql('statement_timeout', plan.startMs ?? 0)],
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
