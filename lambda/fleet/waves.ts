/** In which order tenants are migrated: a few first, so that what is wrong with a migration is wrong for a few. Pure. */
import { createHash } from 'node:crypto';

/** Percent of all targets, for the second wave. */
export const EARLY_SHARES: readonly number[] = [5];

export type WaveName = 'canary' | 'early' | `early ${number}` | 'rest';

export interface Wave<T> {
  readonly name: WaveName;
  readonly targets: readonly T[];
}

interface Placed {
  readonly name: string;
  readonly database: string;
}

/** How many targets are in each wave between the canaries and the rest. */
export function earlyCounts(targets: number, canaries: number, shares: readonly number[]): number[] {
  let left = targets - Math.min(targets, canaries);
  return shares.map((share) => {
    const count = Math.min(left, Math.ceil((targets * share) / 100));
    left -= count;
    return count;
  });
}

/**
 * The canaries, or one; then a share for each of `shares`; then the rest. Who is in which depends on nothing but the names: it is the same in the
 * next run, whatever the order of the list.
 * @throws {RangeError} where a canary is no target
 */
export function wavesOf<T extends Placed>(
  targets: readonly T[],
  canaries: readonly string[] = [],
  shares: readonly number[] = EARLY_SHARES,
): Wave<T>[] {
  const named = new Set(canaries);
  const missing = canaries.filter((name) => !targets.some((target) => target.name === name));
  if (missing.length > 0) throw new RangeError(`not in the list: ${missing.join(', ')}`);
  const drawn = byLot(targets.filter(({ name }) => !named.has(name)));
  const first = named.size > 0 ? targets.filter(({ name }) => named.has(name)) : drawn.splice(0, 1);
  const early = earlyCounts(targets.length, first.length, shares).map(
    (count, i): Wave<T> => ({
      name: shares.length === 1 ? 'early' : `early ${i + 1}`,
      targets: drawn.splice(0, count),
    }),
  );
  const waves: Wave<T>[] = [{ name: 'canary', targets: first }, ...early, { name: 'rest', targets: drawn }];
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
