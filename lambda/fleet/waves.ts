/**
 * Determines the order in which tenants are migrated: a few first, so that a faulty migration fails for only a few.
 * Pure.
 */
import { createHash } from 'node:crypto';

/** Number of canaries of a fleet that names none. */
export const DEFAULT_CANARY_COUNT = 1;

/** Percentage of all tenants in the second wave. */
export const DEFAULT_EARLY_SHARES: readonly number[] = [5];

export type WaveName = 'canary' | 'early' | `early ${number}` | 'rest';

export interface Wave<T> {
  readonly name: WaveName;
  readonly tenants: readonly T[];
}

interface WaveMember {
  readonly name: string;
  readonly database: string;
}

/** Computes the number of tenants in each wave between the canaries and the rest. */
export function computeEarlyCounts(tenants: number, canaries: number, shares: readonly number[]): number[] {
  let left = tenants - Math.min(tenants, canaries);
  return shares.map((share) => {
    const count = Math.min(left, Math.ceil((tenants * share) / 100));
    left -= count;
    return count;
  });
}

/**
 * Splits the tenants into waves: the canaries, or {@link DEFAULT_CANARY_COUNT} tenants; then a share for each of `shares`; then the rest. A
 * tenant's wave depends only on the names: it is the same in the next run, whatever the order of the list.
 * @throws {RangeError} if a canary is not in the list
 */
export function splitIntoWaves<T extends WaveMember>(
  tenants: readonly T[],
  canaries: readonly string[] = [],
  shares: readonly number[] = DEFAULT_EARLY_SHARES,
): Wave<T>[] {
  const named = new Set(canaries);
  const missing = canaries.filter((name) => !tenants.some((tenant) => tenant.name === name));
  if (missing.length > 0) throw new RangeError(`not in the list: ${missing.join(', ')}`);
  const drawn = sortByHash(tenants.filter(({ name }) => !named.has(name)));
  const first =
    named.size > 0 ? tenants.filter(({ name }) => named.has(name)) : drawn.splice(0, DEFAULT_CANARY_COUNT);
  const early = computeEarlyCounts(tenants.length, first.length, shares).map(
    (count, i): Wave<T> => ({
      name: shares.length === 1 ? 'early' : `early ${i + 1}`,
      tenants: drawn.splice(0, count),
    }),
  );
  const waves: Wave<T>[] = [{ name: 'canary', tenants: first }, ...early, { name: 'rest', tenants: drawn }];
  return waves
    .filter((wave) => wave.tenants.length > 0)
    .map(({ name, tenants: of }) => ({ name, tenants: [...of].sort(comparePlaces) }));
}

/** Sorts by a hash, so that neither the oldest tenants nor the first of the alphabet are always in an early wave. */
const sortByHash = <T extends WaveMember>(tenants: readonly T[]): T[] =>
  tenants
    .map((tenant) => ({ tenant, lot: createHash('sha256').update(tenant.name).digest('hex') }))
    .sort((a, b) => compareStrings(a.lot, b.lot))
    .map(({ tenant }) => tenant);

/** Sorts tenants of one database next to each other, so that they share a connection. */
const comparePlaces = (a: WaveMember, b: WaveMember): number =>
  compareStrings(a.database, b.database) || compareStrings(a.name, b.name);
const compareStrings = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
