/** What is known of one statement: the vocabulary that the rules of all statement kinds share. */
import type { RangeVar } from 'libpg-query';
import {
  ANY_RELATION,
  isStronger,
  keepStrongest,
  type LockMode,
  type RelationLock,
} from '../../../lambda/contract/locks';
import type { Execution, StatementTarget } from '../../../lambda/contract/manifest';
import type { Rule } from '../lint/rule';
import type { FileModel } from '../model/schema-model';
import { onPath, outside, type SearchPath } from '../model/search-path';
import { relationOf } from '../read/tree';
import type { OutsideCommand } from './outside-commands';

/** Something that needs a word of consent, or is refused outright. */
export interface RuleFinding {
  /** A clause without a full stop. */
  readonly what: string;
  /** What to write in its place; empty where there is nothing better. */
  readonly remedy: string;
  /** Byte offset in the section, where it is not the statement's beginning. */
  readonly at?: number;
}

/** Found by a lint rule, by whose id the file may consent to it. */
export interface LintFinding extends RuleFinding {
  readonly rule: string;
}

export interface Facts {
  readonly command: string;
  readonly execution: Execution;
  readonly locks: readonly RelationLock[];
  readonly destroys: readonly LintFinding[];
  readonly rewrites: readonly LintFinding[];
  readonly target: StatementTarget | null;
  readonly refused: readonly RuleFinding[];
}

export interface Context {
  readonly file: FileModel;
  /** Relations that nobody else can be using; empty for a `down`, which runs when others may. */
  readonly created: ReadonlySet<string>;
  /** In force when the statement runs. */
  readonly path: SearchPath;
}

/** Collects the facts of a statement; what is not said keeps the value of a harmless statement in a transaction. */
export class FactsBuilder {
  private sent: Execution = 'transaction';
  target: StatementTarget | null = null;
  readonly destroys: LintFinding[] = [];
  readonly rewrites: LintFinding[] = [];
  readonly refused: RuleFinding[] = [];
  private readonly modes = new Map<string, LockMode>();

  constructor(
    public command: string,
    readonly context: Context,
  ) {}

  /** What is known now; what is created later in the file changes nothing of it. */
  facts(): Facts {
    const { command, sent: execution, destroys, rewrites, target, refused } = this;
    return { command, execution, locks: this.locks(), destroys, rewrites, target, refused };
  }

  locks(): RelationLock[] {
    const locks = new Map<string, RelationLock>();
    for (const [key, mode] of this.modes) {
      const created = this.context.created.has(key);
      const relation = outside(key, created);
      const known = locks.get(relation);
      if (!known || isStronger(mode, known.mode)) locks.set(relation, { relation, mode, created });
    }
    return [...locks.values()];
  }

  /** PostgreSQL refuses it in a transaction block. @param target by what a later run tells whether it was done */
  outside(command: OutsideCommand, target: StatementTarget): this {
    this.command = command;
    this.sent = 'outside';
    this.target = target;
    return this;
  }

  /** It needs a transaction of its own. */
  separate(): this {
    this.sent = 'separate';
    return this;
  }

  /** Under which a relation is known, from its name as written. */
  key(relation: string): string {
    return onPath(relation, this.context.path, this.context.created);
  }

  isNew(relation: string): boolean {
    return this.context.created.has(this.key(relation));
  }

  /** Its rows too: a view is new, what it shows is not. */
  hasOnlyNewRows(relation: string): boolean {
    return this.isNew(relation) && !this.context.file.showsOldRows.has(this.key(relation));
  }

  lock(relation: RangeVar | string | undefined, mode: LockMode): this {
    if (relation === undefined) return this;
    return this.lockKnown(this.key(typeof relation === 'string' ? relation : relationOf(relation)), mode);
  }

  /** By its key: what the folder knows of it was perhaps said under another path. */
  lockKnown(key: string | undefined, mode: LockMode): this {
    if (key === undefined) return this;
    keepStrongest(this.modes, key, mode);
    return this;
  }

  /** Locks on relations that the statement does not name. */
  lockUnseen(mode: LockMode): this {
    return this.lock(ANY_RELATION, mode);
  }

  /** It breaks a lint rule. @param args for what the rule says */
  breaks<Args extends readonly unknown[]>(rule: Rule<Args>, args: Args, at?: number): this {
    this[rule.consent].push(findingOf(rule, args, at));
    return this;
  }

  refuse(what: string, remedy: string, at?: number): this {
    this.refused.push({ what, remedy, at });
    return this;
  }
}

export function findingOf<Args extends readonly unknown[]>(
  { id, says }: Rule<Args>,
  args: Args,
  at?: number,
): LintFinding {
  const { what, remedy = '' } = says(...args);
  return { rule: id, what, remedy, at };
}
