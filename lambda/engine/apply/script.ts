/**
 * Builds what is sent: a migration's settings, locks, `up`, `verify` and ledger row as one transaction, so that no lock
 * is held while a client thinks and nothing can be committed unproved or unrecorded. Pure.
 */

import type { Migration, Statement } from '../../contract/manifest';
import { type Known, knownAfter, type MigrationRow, recordStatement } from '../ledger/rows';
import { lockPlan } from '../locks/locks';
import { LOCK_TIMEOUT_MS, LONG_LOCK_TIMEOUT_MS } from '../time/limits';
import type { Names } from './names';
import { PREFLIGHT_FAILED, raiseRows, VERIFICATION_FAILED } from './raise-rows';
import { asOwner, pathSetting, ScriptBuilder, type Scripted, setLimit } from './script-builder';

export interface Segment {
  readonly execution: Statement['execution'];
  readonly from: number;
  /** Index after the last statement. */
  readonly to: number;
}

/** Statements that go together: neighbours that may share a transaction, everything else alone. */
export function segmentsOf(migration: Migration, from: number): Segment[] {
  const segments: Segment[] = [];
  for (let i = from; i < migration.statements.length; i++) {
    const { execution } = migration.statements[i]!;
    const last = segments.at(-1);
    if (execution === 'transaction' && last?.execution === 'transaction')
      segments[segments.length - 1] = { ...last, to: i + 1 };
    else segments.push({ execution, from: i, to: i + 1 });
  }
  return segments;
}

/** All of it fits into one transaction, its proof included: it may share a message with others. */
export const isSimple = (migration: Migration): boolean =>
  migration.verifyWhen === 'before-commit' &&
  migration.statements.every((s) => s.execution === 'transaction');

/** How the row looks once `done` statements are. Without a verify section there is nothing to wait for. */
export function rowAfter(migration: Migration, done: number, verified: boolean): MigrationRow {
  const complete = done === migration.statements.length;
  const hasVerify = migration.verify.length > 0;
  return {
    state: !complete ? 'partial' : verified || !hasVerify ? 'applied' : 'unverified',
    statement: done,
    running: null,
    proved: complete && verified && hasVerify,
  };
}

/** One segment as a transaction: preflight (at the start), locks, statements, verify (where it belongs here), ledger. */
export function applyScript(
  migration: Migration,
  segment: Segment,
  names: Names,
  options: {
    readonly verify: boolean;
    readonly preflight: boolean;
    /** The ledger's row as it is known; any other one stops the transaction. */
    readonly expects: Known | null;
    /** How far the ledger's row says it is. @default - to the segment's end */
    readonly record?: Segment;
    /**
     * A later transaction of the same message waits for the disk, for this one too: the log is written in order, so a
     * crash can take the end of a message, never its middle. @default false
     */
    readonly flushedLater?: boolean;
    /** The running application's statements are planned before the commit. @default false */
    readonly guard?: boolean;
    /** Nothing is run: what is there already is verified and recorded. @default false */
    readonly baselined?: boolean;
  },
): Scripted {
  const statements = migration.statements.slice(segment.from, segment.to);
  const patient = segment.execution === 'separate';
  const plan = lockPlan(patient ? [] : statements, migration.settings);
  const preflight = options.preflight && migration.preflight.length > 0;
  const script = new ScriptBuilder(migration.name, {
    ...pathSetting(names),
    lock_timeout: patient ? LONG_LOCK_TIMEOUT_MS : plan.lockTimeoutMs,
    // Preflight holds nothing up and looks for as long as it must, so the limits come after it.
    statement_timeout: preflight ? null : plan.startMs,
    synchronous_commit: options.flushedLater ? 'off' : null,
  });
  if (names.ownerRole !== null) script.add('settings', asOwner(names.ownerRole));
  if (preflight) {
    script.add('preflight', raiseRows(migration.preflight, PREFLIGHT_FAILED));
    if (plan.startMs !== null) script.add('settings', setLimit('statement_timeout', plan.startMs));
  }
  script.lock(plan);
  for (const [i, statement] of statements.entries()) script.addHeld('up', statement.sql, segment.from + i);
  script.runDeferred(
    statements.map(({ command }) => command),
    segment.to - 1,
  );
  if (options.verify && migration.verify.length > 0) {
    script.addHeld('verify', raiseRows(migration.verify, VERIFICATION_FAILED), 0, segment.to - 1);
  }
  if (names.ownerRole !== null) script.add('ledger', 'RESET ROLE');
  if (options.guard) script.addGuard(migration, names, segment.to - 1);
  const done = (options.record ?? segment).to;
  const row = { ...rowAfter(migration, done, options.verify), baselined: options.baselined ?? false };
  const { namespace, deployment } = names;
  script.add('ledger', recordStatement(namespace, deployment, migration, row, options.expects));
  return script.build(knownAfter(deployment, migration, row));
}

/** Verify alone, with the ledger's row behind it. Read only in effect: what it runs are queries. */
export function verifyScript(
  migration: Migration,
  names: Names,
  ledgerStatements: readonly string[],
): Scripted {
  const script = new ScriptBuilder(migration.name, { ...pathSetting(names), lock_timeout: LOCK_TIMEOUT_MS });
  if (names.ownerRole !== null) script.add('settings', asOwner(names.ownerRole));
  script.add('verify', raiseRows(migration.verify, VERIFICATION_FAILED));
  if (names.ownerRole !== null) script.add('ledger', 'RESET ROLE');
  for (const sql of ledgerStatements) script.add('ledger', sql);
  return script.build();
}
