/**
 * Builds what is sent: a migration's settings, locks, `up`, `verify` and ledger row as one transaction, so that no lock
 * is held while a client thinks and nothing can be committed unproved or unrecorded. Pure.
 */
import type { Transaction } from '../postgres/database';
import { dollarQuote, quoteIdentifier } from '../postgres/quote';
import { type MigrationRow, recordStatement } from './ledger-rows';
import { lockPlan } from './locks';
import type { Migration, Query, Statement } from './manifest';
import { LOCK_TIMEOUT_MS, LONG_LOCK_TIMEOUT_MS } from './retry';

/** Raised by our own blocks; PostgreSQL leaves class TU free. The message is a count and sentences, a line each. */
export const VERIFICATION_FAILED = 'TU001';
export const PREFLIGHT_FAILED = 'TU002';

export type Section = 'settings' | 'preflight' | 'locks' | 'up' | 'down' | 'verify' | 'ledger';

/** Where a sent statement comes from, so that the server's error can be put back into the file. */
export interface Origin {
  readonly migration: string;
  readonly section: Section;
  /** Index in the section, from 0. */
  readonly index: number;
}

export interface Scripted {
  readonly transaction: Transaction;
  readonly origins: readonly Origin[];
}

export interface Names {
  readonly namespace: string;
  readonly deployment: string;
  readonly ownerRole: string | null;
}

export class ScriptBuilder {
  private readonly statements: string[] = [];
  private readonly origins: Origin[] = [];
  /** @param settings in force from the transaction's start; numbers are milliseconds, null leaves it as it is */
  constructor(
    private readonly migration: string,
    private readonly settings: Readonly<Record<string, string | number | null>>,
  ) {}

  add(section: Section, sql: string, index = 0): this {
    this.statements.push(sql);
    this.origins.push({ migration: this.migration, section, index });
    return this;
  }

  build(): Scripted {
    const given = Object.entries(this.settings).filter(([, value]) => value !== null);
    const settings = Object.fromEntries(given.map(([name, value]) => [name, String(value)]));
    return { transaction: { settings, statements: this.statements }, origins: this.origins };
  }
}

/** From here on, to the transaction's end. */
export const setLimit = (name: string, milliseconds: number): string => `SET LOCAL ${name} = ${milliseconds}`;

export const asOwner = (role: string): string => `SET LOCAL ROLE ${quoteIdentifier(role)}`;

/**
 * Runs queries whose rows are sentences, and raises them. Rows returned to the client would come after COMMIT.
 * The loop's variable is one text, so it takes each row's first column.
 */
export function raiseRows(queries: readonly Query[], sqlstate: string): string {
  const loops = queries.map(
    ({ sql }) =>
      `  FOR s IN EXECUTE ${dollarQuote(sql)} LOOP\n    n := n + 1;\n    IF n <= 20 THEN a := a || E'\\n' || left(coalesce(s, '(null)'), 300); END IF;\n  END LOOP;`,
  );
  const body = `DECLARE s text; n int := 0; a text := '';\nBEGIN\n${loops.join('\n')}
  IF n > 0 THEN RAISE EXCEPTION USING ERRCODE = '${sqlstate}', MESSAGE = n::text || a; END IF;\nEND`;
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
  const provable = migration.verify.length > 0;
  return {
    state: !complete ? 'partial' : verified || !provable ? 'applied' : 'unverified',
    statement: done,
    running: null,
    proved: complete && verified && provable,
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
    /** How far the ledger's row says it is. @default - to the segment's end */
    readonly record?: Segment;
    /**
     * A later transaction of the same message waits for the disk, for this one too: the log is written in order, so a
     * crash can take the end of a message, never its middle. @default false
     */
    readonly flushedLater?: boolean;
    /** Nothing is run: what is there already is proved and recorded. @default false */
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
  if (plan.take !== null) {
    script.add('locks', plan.take).add('settings', setLimit('statement_timeout', plan.holdMs));
  }
  for (const [i, statement] of statements.entries()) script.add('up', statement.sql, segment.from + i);
  if (options.verify && migration.verify.length > 0) {
    script.add('verify', raiseRows(migration.verify, VERIFICATION_FAILED));
  }
  if (names.ownerRole !== null) script.add('ledger', 'RESET ROLE');
  const done = (options.record ?? segment).to;
  const row = { ...rowAfter(migration, done, options.verify), baselined: options.baselined ?? false };
  script.add('ledger', recordStatement(names.namespace, names.deployment, migration, row));
  return script.build();
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
