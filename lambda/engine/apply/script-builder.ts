/** Builds a transaction, with the origin of each statement and the time for which its locks may be held. Pure. */

import type { Migration } from '../../contract/manifest';
import type { Transaction } from '../../postgres/database';
import { quoteIdentifier } from '../../sql/quote';
import { buildGuardStatementSql } from '../guard/guard-sql';
import type { KnownRow } from '../ledger/ledger-rows';
import type { LockPlan } from '../locks/locks';
import { formatSearchPath } from '../search-path';
import type { RunNames } from './run-names';

/**
 * The part of a migration that a statement belongs to. `hold` checks, between two statements, how much of the hold
 * time is left; its `index` is that of the statement before it.
 */
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

/** The origin of a statement, used to map a server error to its place in the file. */
export interface StatementOrigin {
  readonly migration: string;
  readonly section: ScriptSection;
  /** Index in the section, from 0. */
  readonly index: number;
}

export interface BuiltScript {
  readonly transaction: Transaction;
  readonly origins: readonly StatementOrigin[];
  /** The migration's ledger row after the commit; `null` if the script writes none. */
  readonly leaves: KnownRow | null;
  /** Where the script acquires its locks; `null` if it acquires none beforehand. */
  readonly locking: { readonly at: number; readonly plan: LockPlan } | null;
}

export class ScriptBuilder {
  private readonly statements: string[] = [];
  private readonly origins: StatementOrigin[] = [];
  private holdMs: number | null = null;
  private locking: BuiltScript['locking'] = null;
  /**
   * Starts a transaction. @param settings in force from its start; numbers are milliseconds, `null` leaves a setting
   * unchanged
   */
  constructor(
    private readonly migration: string,
    private readonly settings: Readonly<Record<string, string | number | null>>,
  ) {}

  add(section: ScriptSection, sql: string, index = 0): this {
    this.statements.push(sql);
    this.origins.push({ migration: this.migration, section, index });
    return this;
  }

  /** Acquires the locks. The time for which they may be held starts here. */
  lock(plan: LockPlan): this {
    if (plan.take === null) return this;
    this.holdMs = plan.holdMs;
    this.locking = { at: this.statements.length, plan };
    return this.add('locks', plan.take);
  }

  /**
   * Adds a statement of the file, limited by the remaining hold time; `statement_timeout` on its own would restart
   * with each statement.
   */
  addHeld(section: 'up' | 'down' | 'verify', sql: string, index = 0, after = index - 1): this {
    this.hold(after);
    return this.add(section, sql, index);
  }

  /** Adds the guard, under the same limit; it computes the remaining time itself. */
  addGuard(migration: Migration, names: RunNames, after: number, guardMs: number): this {
    this.hold(after);
    return this.add('guard', buildGuardStatementSql(migration, names, { holdMs: this.holdMs, guardMs }));
  }

  /**
   * Runs the deferred checks (foreign keys, constraint triggers) now, because no timeout applies to them at the
   * commit. Statements that only change definitions defer nothing.
   */
  runDeferred(commands: readonly string[], after: number): this {
    if (this.holdMs === null || commands.every((command) => DDL_COMMAND.test(command))) return this;
    this.hold(after);
    return this.add('hold', 'SET CONSTRAINTS ALL IMMEDIATE', after);
  }

  private hold(after: number): void {
    if (this.holdMs !== null) this.add('hold', `SELECT trueup._hold(${this.holdMs})`, Math.max(0, after));
  }

  build(leaves: KnownRow | null = null): BuiltScript {
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

const DDL_COMMAND = /^(ALTER|COMMENT|CREATE|DROP|GRANT|REVOKE)\b/;

/** Returns the search path setting of a tenant in its own schema. */
export const buildSearchPathSetting = ({
  schemas,
}: Pick<RunNames, 'schemas'>): Record<string, string | null> => ({
  search_path: schemas == null ? null : formatSearchPath(schemas),
});

/** Sets a limit from here to the end of the transaction. */
export const buildSetLimitSql = (name: string, milliseconds: number): string =>
  `SET LOCAL ${name} = ${milliseconds}`;

export const buildSetRoleSql = (role: string): string => `SET LOCAL ROLE ${quoteIdentifier(role)}`;
