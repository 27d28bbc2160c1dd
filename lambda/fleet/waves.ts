/** In which order tenants are migrated: a few first, so that what is wrong with a migration is wrong for a few. Pure. */
import { createHash } from 'node:crypto';

/** Of all targets, for the second wave. */
export const EARLY_SHARE = 0.05;

export type WaveName = 'canary' | 'early' | 'rest';

export interface Wave<T> {
  readonly name: WaveName;
  readonly targets: readonly T[];
}

interface Placed {
  readonly name: string;
  readonly database: string;
}

/**
 * The canaries, or one; then 5 %; then the rest. Who is in which depends on nothing but the names: it is the same in the
 * next run, whatever the order of the list.
 * @throws {RangeError} where a canary is no target
 */
export function wavesOf<T extends Placed>(
  targets: readonly T[],
  canaries: readonly string[] = [],
): Wave<T>[] {
  const named = new Set(canaries);
  const missing = canaries.filter((name) => !targets.some((target) => target.name === name));
  if (missing.length > 0) throw new RangeError(`not in the list: ${missing.join(', ')}`);
  const drawn = byLot(targets.filter(({ name }) => !named.has(name)));
  const first = named.size > 0 ? targets.filter(({ name }) => named.has(name)) : drawn.splice(0, 1);
  const early = drawn.splice(0, Math.ceil(targets.length * EARLY_SHARE));
  const waves: Wave<T>[] = [
    { name: 'canary', targets: first },
    { name: 'early', targets: early },
    { name: 'rest', targets: drawn },
  ];
  return waves
    .filter((wave) => wave.targets.length > 0)
    .map(({ name, targets: of }) => ({ name, targets: [...of].sort(byPlace) }));
}

/** Neither the oldest tenants nor the first of the alphabet are always early. */
const byLot = <T extends Placed>(targets: readonly T[]): T[] =>
  targets
    .map((target) => ({ target, lot: createHash('sha256').update(target.name).digest('hex') }))
    .sort((a, b) => compare(a.lot, b.lot))
    .map(({ target }) => target);

/** Neighbours share a database, and so a connection. */
const byPlace = (a: Placed, b: Placed): number => compare(a.database, b.database) || compare(a.name, b.name);
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
