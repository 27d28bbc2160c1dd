/** Locks of tables: their modes, which is the stronger one, and what a statement takes. */

/** PostgreSQL's table-level lock modes, weakest first (https://www.postgresql.org/docs/current/explicit-locking.html). */
export const LOCK_MODES = [
  'ACCESS SHARE',
  'ROW SHARE',
  'ROW EXCLUSIVE',
  'SHARE UPDATE EXCLUSIVE',
  'SHARE',
  'SHARE ROW EXCLUSIVE',
  'EXCLUSIVE',
  'ACCESS EXCLUSIVE',
] as const;
export type LockMode = (typeof LOCK_MODES)[number];

/** True for a lock that writers queue behind: it conflicts with ROW EXCLUSIVE. */
export const blocksWriters = (mode: LockMode): boolean =>
  LOCK_MODES.indexOf(mode) >= LOCK_MODES.indexOf('SHARE');

export const isStronger = (mode: LockMode, other: LockMode): boolean =>
  LOCK_MODES.indexOf(mode) > LOCK_MODES.indexOf(other);

/** Of the locks on one relation, the map keeps the strongest. */
export function keepStrongest<Key>(locks: Map<Key, LockMode>, relation: Key, mode: LockMode): void {
  const known = locks.get(relation);
  if (known === undefined || isStronger(mode, known)) locks.set(relation, mode);
}

/**
 * Stands for relations that nobody can name beforehand: what a DO block, a function or CASCADE touches. It is quoted, so
 * that it is a valid name, and one that no relation bears.
 */
export const ANY_RELATION = '"*"';

export interface RelationLock {
  /** {@link ANY_RELATION}, or as SQL names it, quoted where needed, e.g. `orders`, `sales."Order"`. */
  readonly relation: string;
  readonly mode: LockMode;
  /** The relation is created earlier in the same file, so nobody else can be using it. */
  readonly created: boolean;
}
