/** The facts about one statement: the vocabulary that the rules of all statement kinds share. */
import type { RangeVar } from 'libpg-query';
import {
  ANY_RELATION,
  isStronger,
  keepStrongest,
  type LockMode,
  type RelationLock,
} from '../../../lambda/contract/locks';
import type { ExecutionMode, StatementTarget } from '../../../lambda/contract/manifest';
import type { Rule } from '../lint/rule';
import type { FileModel } from '../model/schema-model';
import { resolveOnPath, type SearchPath, toReportedName } from '../model/search-path';
import { formatRelation } from '../read/tree';
import type { NonTransactionalCommand } from './outside-commands';

/** A problem that needs consent, or that is rejected outright. */
export interface RuleFinding {
  /** A clause without a full stop. */
  readonly what: string;
  /** Text to write instead; empty if there is nothing better. */
  readonly remedy: string;
  /** Byte offset in the section, if it is not the beginning of the statement. */
  readonly at?: number;
}

/** A finding of a lint rule, to which the file may consent by the rule's id. */
export interface LintFinding extends RuleFinding {
  readonly rule: string;
}

export interface RuleFacts {
  readonly command: string;
  readonly execution: ExecutionMode;
  readonly locks: readonly RelationLock[];
  readonly destroys: readonly LintFinding[];
  readonly rewrites: readonly LintFinding[];
  readonly target: StatementTarget | null;
  readonly refused: readonly RuleFinding[];
}

export interface RuleContext {
  readonly file: FileModel;
  /** Relations that no other session can be using. Empty for a `down`, which runs when others may be using them. */
  readonly created: ReadonlySet<string>;
  /** The search path in force when the statement runs. */
  readonly path: SearchPath;
}

/**
 * Collects the facts of a statement. Facts that are not set have the value of a harmless statement in a transaction.
 */
export class FactsBuilder {
  private sent: ExecutionMode = 'transaction';
  target: StatementTarget | null = null;
  readonly destroys: LintFinding[] = [];
  readonly rewrites: LintFinding[] = [];
  readonly refused: RuleFinding[] = [];
  private readonly modes = new Map<string, LockMode>();

  constructor(
    public command: string,
    readonly context: RuleContext,
  ) {}

  /** Returns the facts as known now. Relations that the file creates later do not change them. */
  facts(): RuleFacts {
    const { command, sent: execution, destroys, rewrites, target, refused } = this;
    return { command, execution, locks: this.locks(), destroys, rewrites, target, refused };
  }

  locks(): RelationLock[] {
    const locks = new Map<string, RelationLock>();
    for (const [key, mode] of this.modes) {
      const created = this.context.created.has(key);
      const relation = toReportedName(key, created);
      const known = locks.get(relation);
      if (!known || isStronger(mode, known.mode)) locks.set(relation, { relation, mode, created });
    }
    return [...locks.values()];
  }

  /**
   * Marks a statement that PostgreSQL rejects in a transaction block.
   * @param target the object by which a later run recognizes whether the statement was completed
   */
  outside(command: NonTransactionalCommand, target: StatementTarget): this {
    this.command = command;
    this.sent = 'non-transactional';
    this.target = target;
    return this;
  }

  /** Marks a statement that needs a separate transaction. */
  separate(): this {
    this.sent = 'separate';
    return this;
  }

  /** Returns the key of a relation from its name in the file. */
  key(relation: string): string {
    return resolveOnPath(relation, this.context.path, this.context.created);
  }

  isNew(relation: string): boolean {
    return this.context.created.has(this.key(relation));
  }

  /** Tells whether all rows of a relation are new too: a view may be new, but the rows it shows are not. */
  hasOnlyNewRows(relation: string): boolean {
    return this.isNew(relation) && !this.context.file.showsOldRows.has(this.key(relation));
  }

  lock(relation: RangeVar | string | undefined, mode: LockMode): this {
    if (relation === undefined) return this;
    return this.lockKnown(this.key(typeof relation === 'string' ? relation : formatRelation(relation)), mode);
  }

  /** Adds a lock by key: the folder may have learned the relation's name under another search path. */
  lockKnown(key: string | undefined, mode: LockMode): this {
    if (key === undefined) return this;
    keepStrongest(this.modes, key, mode);
    return this;
  }

  /** Adds a lock on relations that the statement does not name. */
  lockUnseen(mode: LockMode): this {
    return this.lock(ANY_RELATION, mode);
  }

  /**
   * Adds a finding of a lint rule.
   * @param args values for the rule's message
   */
  breaks<Args extends readonly unknown[]>(rule: Rule<Args>, args: Args, at?: number): this {
    this[rule.consent].push(buildLintFinding(rule, args, at));
    return this;
  }

  refuse(what: string, remedy: string, at?: number): this {
    this.refused.push({ what, remedy, at });
    return this;
  }
}

export function buildLintFinding<Args extends readonly unknown[]>(
  { id, says }: Rule<Args>,
  args: Args,
  at?: number,
): LintFinding {
  const { what, remedy = '' } = says(...args);
  return { rule: id, what, remedy, at };
}
