/** Which object of the target is one of the source, where names may differ and several may do the same. Pure. */

interface Named {
  readonly name: string;
}

type Alike<T> = (one: T, other: T) => boolean;

export interface Twin<T> {
  readonly twin: T;
  /** It is another object of the source, which cannot be this one under another name as well. */
  readonly isTaken: boolean;
}

/**
 * What the target has for each object of one table of the source: the one of its name; else one whose name the source
 * does not have, none twice; else one that does the same and is taken.
 *
 * @param alike from the strictest to the loosest
 * @param isFixed has its name from elsewhere, so that it is not one of the source under another name
 */
export function twinsOf<T extends Named>(
  source: readonly T[],
  target: readonly T[],
  alike: readonly [Alike<T>, ...Alike<T>[]],
  isFixed: (each: T) => boolean = () => false,
): ReadonlyMap<T, Twin<T>> {
  const loosest = alike.at(-1)!;
  const names = new Set(source.map(({ name }) => name));
  const free = new Set(target.filter((each) => !names.has(each.name) && !isFixed(each)));
  const twins = new Map<T, Twin<T>>();
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
