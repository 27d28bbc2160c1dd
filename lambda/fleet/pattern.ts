/** Patterns of names: `*` is any characters and `?` one; everything else is itself. Pure. */

/** In one pass forward: a `*` takes as little as it can, and is given more where the rest does not fit. */
export function matches(pattern: string, name: string): boolean {
  const [wanted, given] = [[...pattern], [...name]];
  let [at, from] = [0, 0];
  let star: { readonly at: number; from: number } | null = null;
  while (from < given.length) {
    if (wanted[at] === '*') star = { at: at++, from };
    else if (at < wanted.length && (wanted[at] === '?' || wanted[at] === given[from])) {
      at++;
      from++;
    } else if (star) [at, from] = [star.at + 1, ++star.from];
    else return false;
  }
  return wanted.slice(at).every((left) => left === '*');
}
