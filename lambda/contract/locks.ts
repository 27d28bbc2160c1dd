/** Table locks: the modes, their order, and the locks that a statement takes. */

/**
 * PostgreSQL's table-level lock modes, weakest first
 * (https://www.postgresql.org/docs/current/explicit-locking.html).
 */
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

/** Keeps the strongest lock on each relation. */
export function keepStrongest<Key>(locks: Map<Key, LockMode>, relation: Key, mode: LockMode): void {
  const known = locks.get(relation);
  if (known === undefined || isStronger(mode, known)) locks.set(relation, mode);
}

/**
 * Represents relations that cannot be named beforehand: those that a DO block, a function or CASCADE touches. It is
 * quoted, so that it is a valid identifier, and no real relation has this name.
 */
export const ANY_RELATION = '"*"';

export interface RelationLock {
  /** {@link ANY_RELATION}, or the name as in SQL, quoted where needed, e.g. `orders`, `sales."Order"`. */
  readonly relation: string;
  readonly mode: LockMode;
  /** Whether the relation is created earlier in the same file, so that no other session can be using it. */
  readonly created: boolean;
}
