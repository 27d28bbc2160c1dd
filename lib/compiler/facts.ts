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
import { onPath, outside, type SearchPath } from './search-path';
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
  /** In force when the statement runs. */
  readonly path: SearchPath;
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
    const locks = new Map<string, RelationLock>();
    for (const [key, mode] of this.modes) {
      const created = this.context.created.has(key);
      const relation = outside(key, created);
      const known = locks.get(relation);
      if (!known || isStronger(mode, known.mode)) locks.set(relation, { relation, mode, created });
    }
    return [...locks.values()];
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
    return this.isNew(relation) && !this.context.file.windows.has(this.key(relation));
  }

  lock(relation: RangeVar | string | undefined, mode: LockMode): this {
    if (relation === undefined) return this;
    return this.lockKnown(this.key(typeof relation === 'string' ? relation : relationOf(relation)), mode);
  }

  /** By its key: what the folder knows of it was perhaps said under another path. */
  lockKnown(key: string | undefined, mode: LockMode): this {
    if (key === undefined) return this;
    const known = this.modes.get(key);
    if (!known || isStronger(mode, known)) this.modes.set(key, mode);
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

const isStronger = (mode: LockMode, other: LockMode): boolean =>
  LOCK_MODES.indexOf(mode) > LOCK_MODES.indexOf(other);
