/** Separates the findings that the suppressions file lists from those that are still open. Pure. */
import type { Suppression } from '../contract/audit-findings';
import { joinKey } from './names';

interface IdentifiedFinding {
  readonly id: string;
  readonly object: string;
}

export interface SortedFindings<F> {
  /** Findings that no line suppresses. */
  readonly open: readonly F[];
  readonly suppressed: readonly (F & { readonly reason: string })[];
  /** Suppressions that match no finding. */
  readonly obsolete: readonly Suppression[];
}

export function separateSuppressed<F extends IdentifiedFinding>(
  findings: readonly F[],
  suppressions: readonly Suppression[],
): SortedFindings<F> {
  if (suppressions.length === 0) return { open: findings, suppressed: [], obsolete: [] };
  // If two lines suppress a finding, the first one counts.
  const lines = new Map([...suppressions].reverse().map((line) => [joinKey(line.id, line.object), line]));
  const used = new Set<Suppression>();
  const open: F[] = [];
  const suppressed: (F & { readonly reason: string })[] = [];
  for (const each of findings) {
    const line = lines.get(joinKey(each.id, toSingleLine(each.object)));
    if (line === undefined) open.push(each);
    else {
      used.add(line);
      suppressed.push({ ...each, reason: line.reason });
    }
  }
  return { open, suppressed, obsolete: suppressions.filter((line) => !used.has(line)) };
}

/** Escapes control and bidirectional characters: a name can contain them, a line of the suppressions file cannot. */
export const toSingleLine = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about
  text.replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, (char) =>
    char === '\n' ? '\\n' : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
