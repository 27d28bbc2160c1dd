/**
 * Builds what is sent: a migration's settings, locks, `up`, `verify` and ledger row as one transaction, so that no lock
 * is held while a client thinks and nothing can be committed unproved or unrecorded. Pure.
 */
import type { Transaction } from '../postgres/database';
import { dollarQuote, quoteIdentifier, quoteLiteral } from '../postgres/quote';
import { type MigrationRow, recordStatement } from './ledger';
import { eventStatement } from './ledger-schema';
import {
  blocksWriters,
  LOCK_MODES,
  type LockMode,
  type Migration,
  type Query,
  type Statement,
} from './manifest';
import { HOLD_TIMEOUT_MS, LOCK_PHASE_TIMEOUT_MS, LOCK_TIMEOUT_MS, LONG_LOCK_TIMEOUT_MS } from './retry';

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
  constructor(private readonly migration: string) {}

  add(section: Section, sql: string, index = 0): this {
    this.statements.push(sql);
    this.origins.push({ migration: this.migration, section, index });
    return this;
  }

  build(): Scripted {
    return { transaction: { statements: this.statements }, origins: this.origins };
  }
}

/** The moment at which this transaction began; now() is the start of the whole message. */
const BEGAN = "SELECT set_config('trueup.began', clock_timestamp()::text, true)";

/** `SET LOCAL` of several settings; numbers are milliseconds. */
const limits = (values: Readonly<Record<string, number | string>>): string =>
  Object.entries(values)
    .map(([name, value]) => `set_config('${name}', '${value}', true)`)
    .join(', ');

export const begin = (values: Readonly<Record<string, number | string>>): string =>
  `${BEGAN}, ${limits(values)}`;
export const setLimits = (values: Readonly<Record<string, number>>): string => `SELECT ${limits(values)}`;

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

/** The strongest lock wanted on each relation that others may be using, where writers would queue behind it. */
export function locksToTake(
  statements: readonly {
    readonly locks: readonly { relation: string; mode: LockMode; created?: boolean }[];
  }[],
): [relation: string, mode: LockMode][] {
  const strongest = new Map<string, LockMode>();
  for (const { relation, mode, created } of statements.flatMap((s) => s.locks)) {
    if (created || !blocksWriters(mode)) continue;
    const known = strongest.get(relation);
    if (!known || LOCK_MODES.indexOf(mode) > LOCK_MODES.indexOf(known)) strongest.set(relation, mode);
  }
  // One order for everybody, so that two runners cannot take them crosswise.
  return [...strongest].sort(([a], [b]) => (a < b ? -1 : 1));
}

/**
 * Takes all locks before the first change. An index stands for its table; what does not exist (yet), and what the role
 * may not lock explicitly, is left to the statement itself.
 */
export function takeLocks(locks: readonly (readonly [relation: string, mode: LockMode])[]): string {
  const wanted = locks.map(([relation, mode]) => `(${quoteLiteral(relation)}, '${mode}')`).join(', ');
  const body = `DECLARE want record; target oid;
BEGIN
  FOR want IN SELECT * FROM (VALUES ${wanted}) AS w (relation, mode) LOOP
    SELECT coalesce(i.indrelid, c.oid) INTO target FROM pg_catalog.pg_class c
      LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
      WHERE c.oid = to_regclass(want.relation) AND (c.relkind IN ('r', 'p') OR i.indexrelid IS NOT NULL);
    IF FOUND THEN
      BEGIN
        EXECUTE format('LOCK TABLE %s IN %s MODE', target::regclass, want.mode);
      EXCEPTION WHEN insufficient_privilege THEN NULL;
      END;
    END IF;
  END LOOP;
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
  },
): Scripted {
  const statements = migration.statements.slice(segment.from, segment.to);
  const script = new ScriptBuilder(migration.name);
  const own = migration.settings;
  const patient = segment.execution === 'separate';
  const lockTimeoutMs = patient ? LONG_LOCK_TIMEOUT_MS : (own.lockTimeoutMs ?? LOCK_TIMEOUT_MS);
  const locks = patient ? [] : locksToTake(statements);
  const commit: Record<string, string> = options.flushedLater ? { synchronous_commit: 'off' } : {};
  script.add('settings', begin({ lock_timeout: lockTimeoutMs, ...commit }));
  if (names.ownerRole !== null) script.add('settings', asOwner(names.ownerRole));
  if (options.preflight && migration.preflight.length > 0) {
    script.add('preflight', raiseRows(migration.preflight, PREFLIGHT_FAILED));
  }
  // One statement with one lock takes it as its first act; asking beforehand would only cost time.
  const alone = statements.length === 1 && locks.length === 1;
  if (locks.length > 0 && !alone) {
    script.add(
      'settings',
      setLimits({ statement_timeout: Math.max(LOCK_PHASE_TIMEOUT_MS, lockTimeoutMs + 300) }),
    );
    script.add('locks', takeLocks(locks));
    script.add('settings', setLimits({ statement_timeout: own.statementTimeoutMs ?? HOLD_TIMEOUT_MS }));
  } else if (alone || own.statementTimeoutMs !== undefined) {
    script.add('settings', setLimits({ statement_timeout: own.statementTimeoutMs ?? HOLD_TIMEOUT_MS }));
  }
  for (const [i, statement] of statements.entries()) script.add('up', statement.sql, segment.from + i);
  if (options.verify && migration.verify.length > 0) {
    script.add('verify', raiseRows(migration.verify, VERIFICATION_FAILED));
  }
  if (names.ownerRole !== null) script.add('ledger', 'RESET ROLE');
  const done = (options.record ?? segment).to;
  const row = rowAfter(migration, done, options.verify);
  script.add('ledger', recordStatement(names.namespace, names.deployment, migration, row));
  if (done === migration.statements.length) {
    const event = row.state === 'applied' ? 'applied' : 'unverified';
    script.add(
      'ledger',
      eventStatement(names.namespace, names.deployment, migration.name, event, { proved: row.proved }),
    );
  }
  return script.build();
}

/** Verify alone, with the ledger's row behind it. Read only in effect: what it runs are queries. */
export function verifyScript(
  migration: Migration,
  names: Names,
  ledgerStatements: readonly string[],
): Scripted {
  const script = new ScriptBuilder(migration.name).add(
    'settings',
    setLimits({ lock_timeout: LOCK_TIMEOUT_MS }),
  );
  if (names.ownerRole !== null) script.add('settings', asOwner(names.ownerRole));
  script.add('verify', raiseRows(migration.verify, VERIFICATION_FAILED));
  if (names.ownerRole !== null) script.add('ledger', 'RESET ROLE');
  for (const sql of ledgerStatements) script.add('ledger', sql);
  return script.build();
}
