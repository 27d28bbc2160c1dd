/**
 * Evaluates CloudWatch filter patterns, in the forms that Trueup emits and no others: terms and quoted phrases, all of
 * which must be in the event; `-` in front of one excludes; or all of them with `?`, of which one is enough; and JSON patterns of `=` and `!=` with `*` at the ends of a
 * string, and of `>` with a number, joined by && and ||. It is checked against the examples of the AWS documentation in
 * filter-pattern.test.ts beside it.
 */
export function compileFilterPattern(pattern: string): (event: string) => boolean {
  return pattern.startsWith('{') ? jsonPattern(pattern) : textPattern(pattern);
}

function textPattern(pattern: string): (event: string) => boolean {
  const wanted: string[] = [];
  const excluded: string[] = [];
  const optional: string[] = [];
  let rest = pattern.trimStart();
  while (rest !== '') {
    const found = /^([-?]?)(?:"([^"\\]*)"|(\w+))(?:\s+|$)/.exec(rest);
    if (found === null) throw new Error(`not a pattern of the forms evaluated here: ${pattern}`);
    const list = found[1] === '-' ? excluded : found[1] === '?' ? optional : wanted;
    list.push(found[2] ?? found[3]!);
    rest = rest.slice(found[0].length);
  }
  if (optional.length > 0) {
    // CloudWatch ignores `?` beside other terms, which nobody can have meant.
    if (wanted.length + excluded.length > 0) throw new Error(`? beside other terms: ${pattern}`);
    return (event) => optional.some((term) => event.includes(term));
  }
  return (event) =>
    wanted.every((term) => event.includes(term)) && !excluded.some((term) => event.includes(term));
}

interface Condition {
  readonly path: readonly string[];
  readonly matches: (found: string | number) => boolean;
}

function jsonPattern(pattern: string): (event: string) => boolean {
  const inner = /^\{\s*(.*?)\s*\}$/.exec(pattern)?.[1];
  if (inner === undefined) throw new Error(`not a JSON pattern: ${pattern}`);
  const alternatives = inner.split(' || ').map((all) => all.split(' && ').map(condition));
  return (event) => {
    let document: unknown;
    try {
      document = JSON.parse(event);
    } catch {
      return false;
    }
    return alternatives.some((all) => all.every((each) => holds(document, each)));
  };
}

function condition(text: string): Condition {
  const found = /^\$((?:\.[\w-]+|\[\d+\])+) (=|!=|>) (?:"([^"\\]*)"|([\w.*]+))$/.exec(text);
  if (found === null) throw new Error(`not a condition of the forms evaluated here: ${text}`);
  const [, path, operator, quoted, bare] = found;
  const names = [...path!.matchAll(/[\w-]+/g)].map(([name]) => name);
  if (operator === '>') return { path: names, matches: (found) => Number(found) > Number(bare) };
  const [, before, body, after] = /^(\*?)([\s\S]*?)(\*?)$/.exec(quoted ?? bare!)!;
  const escaped = body!.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const value = new RegExp(`${before ? '' : '^'}${escaped}${after ? '' : '$'}`);
  return { path: names, matches: (found) => value.test(String(found)) === (operator === '=') };
}

/** A property that is absent, an object or an array matches neither = nor !=. */
function holds(document: unknown, { path, matches }: Condition): boolean {
  let found: unknown = document;
  for (const name of path) found = (found as Record<string, unknown> | null | undefined)?.[name];
  if (typeof found !== 'string' && typeof found !== 'number') return false;
  return matches(found);
}
