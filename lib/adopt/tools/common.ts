/** Functions that the rules of several tools share. */
import { createHash } from 'node:crypto';
import type { LedgerTool } from '../../../lambda/engine/ledger/other-tools';
import { type LedgerRows, listRecordedFiles } from '../../../lambda/engine/plan/other-tools';
import type { EntryState, EntryStatus, LedgerStatus, MigrationEntry } from '../entry';
import { AdoptProblem } from '../problem';

export const sha256Hex = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Converts a name to its description: `20240101120000_add_orders` becomes `add orders`. */
export const toWords = (name: string): string =>
  name
    .replace(/^\d+[_-]*/, '')
    .replaceAll(/[_-]+/g, ' ')
    .trim();

export const readLeadingDigits = (name: string): string => /^\d+/.exec(name)?.[0] ?? '';

export type EntryVerdict = readonly [state: EntryState, why?: string];

export const toEntryStatus = (entry: MigrationEntry, [state, why]: EntryVerdict): EntryStatus =>
  why === undefined ? { entry, state } : { entry, state, why };

/**
 * Judges each file by the ledger's rows; by default it is applied if a row names it.
 * @param getKey returns the key of the file that a row is about
 */
export function judgeByRows(
  tool: LedgerTool,
  rows: LedgerRows,
  entries: readonly MigrationEntry[],
  getKey: (row: LedgerRows[number]) => string | null | undefined,
  getVerdict: (entry: MigrationEntry, held: boolean) => EntryVerdict = (_, held) => [
    held ? 'applied' : 'pending',
  ],
): LedgerStatus {
  const held = new Set(listRecordedFiles(tool, rows, entries));
  const keys = new Set(entries.map(({ key }) => key));
  return {
    entries: entries.map((entry) => toEntryStatus(entry, getVerdict(entry, held.has(entry)))),
    strangers: [...new Set(rows.flatMap((row) => getKey(row) ?? []).filter((key) => !keys.has(key)))],
  };
}

/**
 * Rejects folders in which the tool cannot tell two files apart.
 * @throws {AdoptProblem} if two files have the same key
 */
export function refuseDuplicateKeys(entries: readonly Pick<MigrationEntry, 'key' | 'file'>[]): void {
  const first = new Map<string, string>();
  for (const { key, file } of entries) {
    const other = first.get(key);
    if (other !== undefined)
      throw new AdoptProblem(
        `${other} and ${file} have the same identifier, ${key}`,
        'Give one of them another number; the tool could not distinguish them either.',
      );
    first.set(key, file);
  }
}

export const compareByNumber = (a: { readonly version: string }, b: { readonly version: string }): number => {
  const [x, y] = [BigInt(a.version || '0'), BigInt(b.version || '0')];
  return x < y ? -1 : x > y ? 1 : 0;
};
