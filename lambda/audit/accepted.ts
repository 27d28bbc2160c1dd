/** Findings, and those of them that somebody has accepted. Pure. */
import type { Accepted } from '../contract/audit';
import { key } from './names';

interface Named {
  readonly id: string;
  readonly object: string;
}

export interface Sorted<F> {
  /** Not accepted. */
  readonly open: readonly F[];
  readonly accepted: readonly (F & { readonly reason: string })[];
  /** Lines that nothing is found of any more. */
  readonly gone: readonly Accepted[];
}

export function sortAccepted<F extends Named>(
  findings: readonly F[],
  accepted: readonly Accepted[],
): Sorted<F> {
  if (accepted.length === 0) return { open: findings, accepted: [], gone: [] };
  // Of two lines for the same the first one counts.
  const lines = new Map([...accepted].reverse().map((line) => [key(line.id, line.object), line]));
  const used = new Set<Accepted>();
  const open: F[] = [];
  const known: (F & { readonly reason: string })[] = [];
  for (const each of findings) {
    const line = lines.get(key(each.id, oneLine(each.object)));
    if (line === undefined) open.push(each);
    else {
      used.add(line);
      known.push({ ...each, reason: line.reason });
    }
  }
  return { open, accepted: known, gone: accepted.filter((line) => !used.has(line)) };
}

/** What a name may hold and a line may not: control characters, and those that turn the direction of text. */
export const oneLine = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about
  text.replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, (char) =>
    char === '\n' ? '\\n' : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
