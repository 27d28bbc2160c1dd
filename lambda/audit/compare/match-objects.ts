/**
 * Matches objects of the source and the target whose names may differ, and of which several may be equivalent. Pure.
 */

interface NamedObject {
  readonly name: string;
}

type IsAlike<T> = (one: T, other: T) => boolean;

export interface MatchedObject<T> {
  readonly twin: T;
  /** The twin is the counterpart of another object of the source, so it cannot also be this one under a new name. */
  readonly isTaken: boolean;
}

/**
 * Finds the counterpart in the target for each object of a source table. It is the object of the same name; or else an
 * equivalent object whose name the source does not have, each used once; or else an equivalent object that is already
 * the counterpart of another.
 *
 * @param alike equivalence tests, from the strictest to the loosest
 * @param isFixed whether an object's name is determined elsewhere, so that it is not a renamed object of the source
 */
export function matchObjects<T extends NamedObject>(
  source: readonly T[],
  target: readonly T[],
  alike: readonly [IsAlike<T>, ...IsAlike<T>[]],
  isFixed: (each: T) => boolean = () => false,
): ReadonlyMap<T, MatchedObject<T>> {
  const loosest = alike.at(-1)!;
  const names = new Set(source.map(({ name }) => name));
  const free = new Set(target.filter((each) => !names.has(each.name) && !isFixed(each)));
  const twins = new Map<T, MatchedObject<T>>();
  for (const each of source) {
    const twin = target.find(({ name }) => name === each.name);
    if (twin && loosest(twin, each)) twins.set(each, { twin, isTaken: false });
  }
  for (const isAlike of alike)
    for (const each of source) {
      const twin = twins.has(each) ? undefined : [...free].find((other) => isAlike(other, each));
      if (twin === undefined) continue;
      free.delete(twin);
      twins.set(each, { twin, isTaken: false });
    }
  for (const each of source) {
    const twin = twins.has(each) ? undefined : target.find((other) => loosest(other, each));
    if (twin) twins.set(each, { twin, isTaken: true });
  }
  return twins;
}
