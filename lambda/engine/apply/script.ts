/**
 * Builds a migration's settings, locks, `up`, `verify` and ledger row as one transaction, so that no lock is held
 * while a client computes, and nothing can be committed unverified or unrecorded. Pure.
 */

import type { Migration, Statement } from '../../contract/manifest';
import {
  buildRecordSql,
  computeKnownRowAfter,
  type KnownRow,
  type MigrationRow,
} from '../ledger/ledger-rows';
import { planLocks } from '../locks/locks';
import { LOCK_TIMEOUT_MS, LONG_LOCK_TIMEOUT_MS } from '../time/limits';
import {
  buildRaiseRowsSql,
  type NotCheckedPolicy,
  PREFLIGHT_FAILED_SQLSTATE,
  VERIFICATION_FAILED_SQLSTATE,
} from './raise-rows';
import type { RunNames } from './run-names';
import {
  type BuiltScript,
  buildSearchPathSetting,
  buildSetLimitSql,
  buildSetRoleSql,
  ScriptBuilder,
} from './script-builder';

export interface Segment {
  readonly execution: Statement['execution'];
  readonly from: number;
  /** Index after the last statement. */
  readonly to: number;
}

/** Groups consecutive statements that may share a transaction; every other statement is a separate segment. */
export function splitIntoSegments(migration: Migration, from: number): Segment[] {
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

/**
 * Whether all of the migration, including its verify section, fits into one transaction, which may share a message
 * with others.
 */
export const isSingleTransaction = (migration: Migration): boolean =>
  migration.verifyWhen === 'before-commit' &&
  migration.statements.every((s) => s.execution === 'transaction');

/** Returns the ledger row after `done` statements. Without a verify section the migration is applied at once. */
export function computeRowAfter(migration: Migration, done: number, verified: boolean): MigrationRow {
  const complete = done === migration.statements.length;
  const hasVerify = migration.verify.length > 0;
  return {
    state: !complete ? 'partial' : verified || !hasVerify ? 'applied' : 'unverified',
    statement: done,
    running: null,
    verified: complete && verified && hasVerify,
  };
}

/**
 * Builds one segment as a transaction: preflight (at the start), locks, statements, verify (where it belongs here),
 * ledger row.
 */
export function buildApplyScript(
  migration: Migration,
  segment: Segment,
  names: RunNames,
  options: {
    readonly verify: boolean;
    readonly preflight: boolean;
    /** The ledger's row as this run knows it; the transaction fails if it has any other value. */
    readonly expects: KnownRow | null;
    /** The segment whose end the ledger row records. @default - the segment itself */
    readonly record?: Segment;
    /**
     * Whether a later transaction of the same message waits for the disk, which covers this one too. WAL is written
     * in order, so a crash can lose the end of a message but never its middle.
     * @default false
     */
    readonly flushedLater?: boolean;
    /**
     * Maximum time for planning, before the commit, the statements of the running application that the migration
     * touches, in milliseconds.
     * @default - no statement is planned
     */
    readonly guardMs?: number | null;
    /** The number of rows that its batch has changed before this. @default - none */
    readonly rowsChanged?: number;
    /** Whether to run nothing, and only verify and record what already exists. @default false */
    readonly baselined?: boolean;
  },
): BuiltScript {
  const statements = migration.statements.slice(segment.from, segment.to);
  const patient = segment.execution === 'separate';
  const plan = planLocks(patient ? [] : statements, migration.settings);
  const preflight = options.preflight && migration.preflight.length > 0;
  const script = new ScriptBuilder(migration.name, {
    ...buildSearchPathSetting(names),
    lock_timeout: patient ? LONG_LOCK_TIMEOUT_MS : plan.lockTimeoutMs,
    // Preflight holds no locks and may take as long as it needs, so the limits are set after it.
    statement_timeout: preflight ? null : plan.startMs,
    synchronous_commit: options.flushedLater ? 'off' : null,
  });
  if (names.ownerRole !== null) script.add('settings', buildSetRoleSql(names.ownerRole));
  if (preflight) {
    script.add('preflight', buildRaiseRowsSql(migration.preflight, PREFLIGHT_FAILED_SQLSTATE));
    if (plan.startMs !== null) script.add('settings', buildSetLimitSql('statement_timeout', plan.startMs));
  }
  script.lock(plan);
  for (const [i, statement] of statements.entries()) script.addHeld('up', statement.sql, segment.from + i);
  script.runDeferred(
    statements.map(({ command }) => command),
    segment.to - 1,
  );
  if (options.verify && migration.verify.length > 0) {
    const proof = buildRaiseRowsSql(
      migration.verify,
      VERIFICATION_FAILED_SQLSTATE,
      options.baselined ? 'raise' : 'note',
    );
    script.addHeld('verify', proof, 0, segment.to - 1);
  }
  if (names.ownerRole !== null) script.add('ledger', 'RESET ROLE');
  if (options.guardMs != null) script.addGuard(migration, names, segment.to - 1, options.guardMs);
  const done = (options.record ?? segment).to;
  const { baselined = false, rowsChanged } = options;
  const row = { ...computeRowAfter(migration, done, options.verify), baselined, rowsChanged };
  const { namespace, deployment } = names;
  script.add('ledger', buildRecordSql(namespace, deployment, migration, row, options.expects));
  return script.build(computeKnownRowAfter(deployment, migration, row));
}

/**
 * Builds a transaction with only the verify section and the ledger statements. It changes nothing else, since a
 * verify section consists of queries.
 */
export function buildVerifyScript(
  migration: Migration,
  names: RunNames,
  ledgerStatements: readonly string[],
  unchecked: NotCheckedPolicy,
): BuiltScript {
  const script = new ScriptBuilder(migration.name, {
    ...buildSearchPathSetting(names),
    lock_timeout: LOCK_TIMEOUT_MS,
  });
  if (names.ownerRole !== null) script.add('settings', buildSetRoleSql(names.ownerRole));
  script.add('verify', buildRaiseRowsSql(migration.verify, VERIFICATION_FAILED_SQLSTATE, unchecked));
  if (names.ownerRole !== null) script.add('ledger', 'RESET ROLE');
  for (const sql of ledgerStatements) script.add('ledger', sql);
  return script.build();
}
