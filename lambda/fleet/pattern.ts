/** Patterns of names: `*` matches any characters and `?` one; every other character matches itself. Pure. */

/**
 * Matches in one forward pass: a `*` first matches as few characters as possible, and one more each time the rest
 * does not match.
 */
export function matchesPattern(pattern: string, name: string): boolean {
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
