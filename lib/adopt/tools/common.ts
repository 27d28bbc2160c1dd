/** What the tools' rules share. */
import { createHash } from 'node:crypto';
import type { Tool } from '../../../lambda/engine/ledger/other-tools';
import { heldBy, type LedgerRows } from '../../../lambda/engine/plan/other-tools';
import type { Entry, Judged, Judgement, State } from '../entry';
import { AdoptProblem } from '../problem';

export const sha256Hex = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** `20240101120000_add_orders` to `add orders`. */
export const wordsOf = (name: string): string =>
  name
    .replace(/^\d+[_-]*/, '')
    .replaceAll(/[_-]+/g, ' ')
    .trim();

export const leadingDigits = (name: string): string => /^\d+/.exec(name)?.[0] ?? '';

export type Verdict = readonly [state: State, why?: string];

export const judged = (entry: Entry, [state, why]: Verdict): Judged =>
  why === undefined ? { entry, state } : { entry, state, why };

/** A file is applied where a row is about it. @param keyOf what a row calls its file */
export function byRows(
  tool: Tool,
  rows: LedgerRows,
  entries: readonly Entry[],
  keyOf: (row: LedgerRows[number]) => string | null | undefined,
  verdictOf: (entry: Entry, held: boolean) => Verdict = (_, held) => [held ? 'applied' : 'pending'],
): Judgement {
  const held = new Set(heldBy(tool, rows, entries));
  const keys = new Set(entries.map(({ key }) => key));
  return {
    entries: entries.map((entry) => judged(entry, verdictOf(entry, held.has(entry)))),
    strangers: [...new Set(rows.flatMap((row) => keyOf(row) ?? []).filter((key) => !keys.has(key)))],
  };
}

/** @throws {AdoptProblem} where two files are one to the tool */
export function refuseSame(entries: readonly Pick<Entry, 'key' | 'file'>[]): void {
  const first = new Map<string, string>();
  for (const { key, file } of entries) {
    const other = first.get(key);
    if (other !== undefined)
      throw new AdoptProblem(
        `${other} and ${file} are both ${key} to the tool`,
        'Give one of them another number; the tool would refuse or mistake them too.',
      );
    first.set(key, file);
  }
}

export const byNumber = (a: { readonly version: string }, b: { readonly version: string }): number => {
  const [x, y] = [BigInt(a.version || '0'), BigInt(b.version || '0')];
  return x < y ? -1 : x > y ? 1 : 0;
};
