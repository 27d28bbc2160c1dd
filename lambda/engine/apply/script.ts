/**
 * Builds what is sent: a migration's settings, locks, `up`, `verify` and ledger row as one transaction, so that no lock
 * is held while a client thinks and nothing can be committed unproved or unrecorded. Pure.
 */

import type { Migration, Query, Statement } from '../../contract/manifest';
import type { Transaction } from '../../postgres/database';
import { dollarQuote, quoteIdentifier } from '../../sql/quote';
import { guardStatement } from '../guard/statements';
import { type Known, knownAfter, type MigrationRow, recordStatement } from '../ledger/rows';
import { type LockPlan, lockPlan } from '../locks/locks';
import { LOCK_TIMEOUT_MS, LONG_LOCK_TIMEOUT_MS } from '../time/limits';

/** Raised by our own blocks; PostgreSQL leaves class TU free. The message is a count and sentences, a line each. */
export const VERIFICATION_FAILED = 'TU001';
export const PREFLIGHT_FAILED = 'TU002';

/** `hold`: between two statements, what is left of the time; `index` is that of the statement before it. */
export type ScriptSection =
  | 'settings'
  | 'preflight'
  | 'locks'
  | 'hold'
  | 'up'
  | 'down'
  | 'verify'
  | 'guard'
  | 'ledger';

/** Where a sent statement comes from, so that the server's error can be put back into the file. */
export interface Origin {
  readonly migration: string;
  readonly section: ScriptSection;
  /** Index in the section, from 0. */
  readonly index: number;
}

export interface Scripted {
  readonly transaction: Transaction;
  readonly origins: readonly Origin[];
  /** The migration's row in the ledger once it is committed; null where it writes none. */
  readonly leaves: Known | null;
  /** Where it takes its locks; null where it takes none beforehand. */
  readonly locking: { readonly at: number; readonly plan: LockPlan } | null;
}

export interface Names {
  readonly namespace: string;
  readonly deployment: string;
  readonly ownerRole: string | null;
}

export class ScriptBuilder {
  private readonly statements: string[] = [];
  private readonly origins: Origin[] = [];
  private holdMs: number | null = null;
  private locking: Scripted['locking'] = null;
  /** @param settings in force from the transaction's start; numbers are milliseconds, null leaves it as it is */
  constructor(
    private readonly migration: string,
    private readonly settings: Readonly<Record<string, string | number | null>>,
  ) {}

  add(section: ScriptSection, sql: string, index = 0): this {
    this.statements.push(sql);
    this.origins.push({ migration: this.migration, section, index });
    return this;
  }

  /** Takes the locks. From here on the time for which they may be held runs. */
  lock(plan: LockPlan): this {
    if (plan.take === null) return this;
    this.holdMs = plan.holdMs;
    this.locking = { at: this.statements.length, plan };
    return this.add('locks', plan.take);
  }

  /** One of the file's, under what is left of that time: `statement_timeout` alone begins anew with each statement. */
  addHeld(section: 'up' | 'down' | 'verify', sql: string, index = 0, after = index - 1): this {
    this.hold(after);
    return this.add(section, sql, index);
  }

  /** Under what is left of that time too; it knows itself how much that is. */
  addGuard(migration: Migration, names: Names, after: number): this {
    this.hold(after);
    return this.add('guard', guardStatement(migration, names, { holdMs: this.holdMs }));
  }

  /**
   * What is deferred to the commit (foreign keys, constraint triggers) runs now: no timeout holds for it there. Nothing
   * is deferred by a change of definitions.
   */
  runDeferred(commands: readonly string[], after: number): this {
    if (this.holdMs === null || commands.every((command) => DEFINES.test(command))) return this;
    this.hold(after);
    return this.add('hold', 'SET CONSTRAINTS ALL IMMEDIATE', after);
  }

  private hold(after: number): void {
    if (this.holdMs !== null) this.add('hold', `SELECT trueup._hold(${this.holdMs})`, Math.max(0, after));
  }

  build(leaves: Known | null = null): Scripted {
    const given = Object.entries(this.settings).filter(([, value]) => value !== null);
    const settings = Object.fromEntries(given.map(([name, value]) => [name, String(value)]));
    return {
      transaction: { settings, statements: this.statements },
      origins: this.origins,
      leaves,
      locking: this.locking,
    };
  }
}

const DEFINES = /^(ALTER|COMMENT|CREATE|DROP|GRANT|REVOKE)\b/;

/** From here on, to the transaction's end. */
export const setLimit = (name: string, milliseconds: number): string => `SET LOCAL ${name} = ${milliseconds}`;

export const asOwner = (role: string): string => `SET LOCAL ROLE ${quoteIdentifier(role)}`;

/**
 * Runs queries whose rows are sentences, and raises them. Rows returned to the client would come after COMMIT.
 * The loop's variable is one text, so it takes each row's first column. The queries' names mean what the caller's path
 * says; the block's own are pinned.
 */
export function raiseRows(queries: readonly Query[], sqlstate: string): string {
  const loops = queries.map(
    ({ sql }) =>
      `  FOR s IN EXECUTE ${dollarQuote(sql)} LOOP
    n := n OPERATOR(pg_catalog.+) 1;
    IF n OPERATOR(pg_catalog.<=) 20 THEN
      a := pg_catalog.concat(a, E'\\n', pg_catalog.left(coalesce(s, '(null)'), 300));
    END IF;
  END LOOP;`,
  );
  const body = `DECLARE s pg_catalog.text; n int := 0; a pg_catalog.text := '';
BEGIN
${loops.join('\n')}
  IF n OPERATOR(pg_catalog.>) 0 THEN
    RAISE EXCEPTION USING ERRCODE = '${sqlstate}', MESSAGE = pg_catalog.concat(n, a);
  END IF;
END`;
  return `DO ${dollarQuote(body)}`;
}

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
  const script = new ScriptBuilder(migration.name, { lock_timeout: LOCK_TIMEOUT_MS });
  if (names.ownerRole !== null) script.add('settings', asOwner(names.ownerRole));
  script.add('verify', raiseRows(migration.verify, VERIFICATION_FAILED));
  if (names.ownerRole !== null) script.add('ledger', 'RESET ROLE');
  for (const sql of ledgerStatements) script.add('ledger', sql);
  return script.build();
}
