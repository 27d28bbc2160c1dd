/** What is known of one statement: the vocabulary that the rules of all statement kinds share. */
import type { RangeVar } from 'libpg-query';
import {
  ANY_RELATION,
  type Execution,
  LOCK_MODES,
  type LockMode,
  type RelationLock,
  type Target,
} from '../../lambda/engine/manifest';
import type { FileKnowledge } from './knowledge';
import { relationOf } from './tree';

/** Something that needs a word of consent, or is refused outright. */
export interface Finding {
  /** A clause without a full stop. */
  readonly what: string;
  /** What to write in its place; empty where there is nothing better. */
  readonly remedy: string;
  /** Byte offset in the section, where it is not the statement's beginning. */
  readonly at?: number;
}

export interface Facts {
  readonly command: string;
  readonly execution: Execution;
  readonly locks: readonly RelationLock[];
  readonly destroys: readonly Finding[];
  readonly rewrites: readonly Finding[];
  readonly target: Target | null;
  readonly refused: readonly Finding[];
}

export interface Context {
  readonly file: FileKnowledge;
  /** Relations that nobody else can be using; empty for a `down`, which runs when others may. */
  readonly created: ReadonlySet<string>;
}

/** Collects the facts of a statement; what is not said keeps the value of a harmless statement in a transaction. */
export class FactsBuilder {
  execution: Execution = 'transaction';
  target: Target | null = null;
  readonly destroys: Finding[] = [];
  readonly rewrites: Finding[] = [];
  readonly refused: Finding[] = [];
  private readonly modes = new Map<string, LockMode>();

  constructor(
    public command: string,
    readonly context: Context,
  ) {}

  /** What is known now; what is created later in the file changes nothing of it. */
  facts(): Facts {
    const { command, execution, destroys, rewrites, target, refused } = this;
    return { command, execution, locks: this.locks(), destroys, rewrites, target, refused };
  }

  locks(): RelationLock[] {
    return [...this.modes].map(([relation, mode]) => ({ relation, mode, created: this.isNew(relation) }));
  }

  isNew(relation: string): boolean {
    return this.context.created.has(relation);
  }

  lock(relation: RangeVar | string | undefined, mode: LockMode): this {
    if (relation === undefined) return this;
    const name = typeof relation === 'string' ? relation : relationOf(relation);
    const known = this.modes.get(name);
    if (!known || LOCK_MODES.indexOf(mode) > LOCK_MODES.indexOf(known)) this.modes.set(name, mode);
    return this;
  }

  /** Locks on relations that the statement does not name. */
  lockUnseen(mode: LockMode): this {
    return this.lock(ANY_RELATION, mode);
  }

  destroy(what: string, at?: number): this {
    this.destroys.push({ what, remedy: '', at });
    return this;
  }

  rewrite(what: string, remedy: string, at?: number): this {
    this.rewrites.push({ what, remedy, at });
    return this;
  }

  refuse(what: string, remedy: string, at?: number): this {
    this.refused.push({ what, remedy, at });
    return this;
  }
}
