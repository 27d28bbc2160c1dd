/**
 * What a recording must not hold: accounts, ARNs, hosts, addresses, ids of requests, keys, URLs. Each is replaced by a
 * name with a number, the same text by the same name, so that what was equal stays equal. Pure.
 */

/** In this order: what is longer holds what is shorter. */
const KINDS: readonly (readonly [kind: string, pattern: RegExp])[] = [
  ['url', /\bhttps?:\/\/[^\s"'<>]+/g],
  ['arn', /\barn:[a-z-]+:[a-z0-9-]*:[a-z0-9-]*:\d*:[^\s"',)\]}]+/g],
  ['mail', /[\w.+-]+@[\w-]+(?:\.[\w-]+)+/g],
  ['uuid', /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi],
  ['key', /\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}\b/g],
  ['host', /\b(?:[\w-]+\.)+(?:amazonaws\.com(?:\.cn)?|on\.aws|internal|local)\b(?::\d+)?/gi],
  ['host', /\blocalhost\b(?::\d+)?/gi],
  ['address', /\b(?:\d{1,3}\.){3}\d{1,3}\b(?:[:(]\d+\)?)?/g],
  ['address', /\b(?:[0-9a-f]{1,4}:){3,7}[0-9a-f]{0,4}\b/gi],
  ['network', /\b(?:eni|sg|sgr|subnet|vpc|vpce|i)-[0-9a-f]{8,17}\b/g],
  ['resource', /\b(?:cluster|db)-[A-Z0-9]{20,}\b/g],
];

/** As it is in log lines and errors: the value of a field that is called so. */
const REQUEST = /\b(request[ -_]?(?:id|token)["']?\s*[:=]\s*["']?)([\w/+=-]{8,})/gi;

/** Alone: not part of a longer number, of which a time in milliseconds is one. */
const ACCOUNT = /(?<!\d|\d\.)\d{12}(?!\d|\.\d)/;

export interface Known {
  /** Replaced wherever they stand, each by the name. */
  readonly words: Readonly<Record<string, string>>;
}

export type Scrub = <Value>(value: Value) => Value;

/** A scrubber for one recording: numbers are given in the order of appearance. */
export function scrubber({ words }: Known): Scrub {
  const names = new Map<string, string>();
  const counts = new Map<string, number>();
  const nameOf = (kind: string, text: string): string => {
    const known = names.get(text);
    if (known !== undefined) return known;
    const number = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, number);
    names.set(text, `<${kind}-${number}>`);
    return `<${kind}-${number}>`;
  };
  const text = (raw: string): string => {
    let clean = raw;
    for (const [kind, pattern] of KINDS) clean = clean.replace(pattern, (each) => nameOf(kind, each));
    clean = clean.replace(
      REQUEST,
      (_, field, id) => `${field}${/^<[a-z]+-\d+>/.test(id) ? id : nameOf('request', id)}`,
    );
    for (const [word, name] of Object.entries(words)) clean = clean.replaceAll(word, name);
    return clean.replace(new RegExp(ACCOUNT, 'g'), (each) => nameOf('account', each));
  };
  const walk = (value: unknown): unknown => {
    if (typeof value === 'string') return text(value);
    if (Array.isArray(value)) return value.map(walk);
    if (value !== null && typeof value === 'object' && !(value instanceof Date))
      return Object.fromEntries(Object.entries(value).map(([key, each]) => [text(key), walk(each)]));
    return value;
  };
  return (value) => walk(value) as typeof value;
}

/** What is left in a text that should have been scrubbed: names of kinds, never the text itself. */
export function leaks(text: string, { words }: Known): string[] {
  const kinds = KINDS.filter(([, pattern]) => text.match(pattern) !== null).map(([kind]) => kind);
  if (ACCOUNT.test(text)) kinds.push('account');
  for (const [word, name] of Object.entries(words)) if (text.includes(word)) kinds.push(name);
  return [...new Set(kinds)];
}
