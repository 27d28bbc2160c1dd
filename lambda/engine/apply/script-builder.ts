/** A transaction as it is sent, each statement with where it comes from, and how long its locks may be held. Pure. */

import type { Migration } from '../../contract/manifest';
import type { Transaction } from '../../postgres/database';
import { quoteIdentifier } from '../../sql/quote';
import { guardStatement } from '../guard/statements';
import type { Known } from '../ledger/rows';
import type { LockPlan } from '../locks/locks';
import { searchPathOf } from '../schemas';
import type { Names } from './names';

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

/** For a tenant in a schema of its own. */
export const pathSetting = ({ schemas }: Pick<Names, 'schemas'>): Record<string, string | null> => ({
  search_path: schemas == null ? null : searchPathOf(schemas),
});

/** From here on, to the transaction's end. */
export const setLimit = (name: string, milliseconds: number): string => `SET LOCAL ${name} = ${milliseconds}`;

export const asOwner = (role: string): string => `SET LOCAL ROLE ${quoteIdentifier(role)}`;
