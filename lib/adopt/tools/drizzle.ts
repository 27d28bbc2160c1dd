import type { LedgerRows } from '../../../lambda/engine/plan/other-tools';
import type { LedgerStatus, MigrationEntry, ToolFolder, ToolRules } from '../entry';
import type { FolderListing } from '../listing';
import { compareByCodeUnits } from '../listing';
import { AdoptProblem } from '../problem';
import {
  type EntryVerdict,
  judgeByRows,
  readLeadingDigits,
  sha256Hex,
  toEntryStatus,
  toWords,
} from './common';

const JOURNAL_FILE = 'meta/_journal.json';

/**
 * Rules of Drizzle. Version 0.x has a journal, which defines the order; 1.0 has one folder for each migration. All
 * pending files share a transaction.
 */
export const drizzle: ToolRules = {
  tool: 'Drizzle',
  schemas: ['drizzle'],
  read: (folder) => (folder.files.includes(JOURNAL_FILE) ? readByJournal(folder) : readByFolder(folder)),
  judge: (rows, entries) =>
    entries.some(({ when }) => when !== undefined) ? judgeByTime(rows, entries) : judgeByName(rows, entries),
};

interface JournalEntry {
  readonly idx: number;
  readonly when: number;
  readonly tag: string;
}

/** @throws {AdoptProblem} */
function readByJournal({ files, text, bytes }: FolderListing): ToolFolder {
  const entries = parseJournal(text(JOURNAL_FILE)).map(({ tag, when }): MigrationEntry => {
    const file = `${tag}.sql`;
    if (!files.includes(file))
      throw new AdoptProblem(
        `${JOURNAL_FILE} names ${file}, which does not exist`,
        'Restore the file from version control. Drizzle would fail here too.',
      );
    const entry = { key: tag, file, name: tag, version: readLeadingDigits(tag), words: toWords(tag) };
    return { ...entry, sql: text(file), transaction: 'all pending', when, hashes: [sha256Hex(bytes(file))] };
  });
  const named = new Set(entries.map(({ file }) => file));
  const passed = files
    .filter((file) => /\.sql$/i.test(file) && !named.has(file))
    .map((file) => ({ file, why: 'the journal does not name it, so Drizzle never runs it' }));
  return { entries, passed };
}

/** @throws {AdoptProblem} */
function parseJournal(text: string): readonly JournalEntry[] {
  const damaged = new AdoptProblem(`${JOURNAL_FILE} cannot be read`, 'Restore it from version control.');
  let journal: { readonly entries?: unknown };
  try {
    journal = JSON.parse(text) as typeof journal;
  } catch {
    throw damaged;
  }
  const isEntry = (each: unknown): each is JournalEntry => {
    const { tag, when } = (each ?? {}) as Partial<JournalEntry>;
    return typeof tag === 'string' && /^[^/\\]+$/.test(tag) && Number.isSafeInteger(when);
  };
  if (!Array.isArray(journal?.entries) || !journal.entries.every(isEntry)) throw damaged;
  return journal.entries;
}

function readByFolder({ files, text, bytes }: FolderListing): ToolFolder {
  const own = files.filter((file) => /^[^/]+\/migration\.sql$/.test(file)).sort(compareByCodeUnits);
  const entries = own.map((file): MigrationEntry => {
    const name = file.split('/')[0]!;
    const entry = { key: name, file, name, version: readLeadingDigits(name), words: toWords(name) };
    return { ...entry, sql: text(file), transaction: 'all pending', hashes: [sha256Hex(bytes(file))] };
  });
  return { entries, passed: [] };
}

/**
 * Judges by time, as Drizzle 0.x does: it looks only at the newest row and treats every older file as applied, whether
 * or not it ran.
 */
function judgeByTime(rows: LedgerRows, entries: readonly MigrationEntry[]): LedgerStatus {
  const byTime = new Map(rows.map((row) => [Number(row.created_at), row]));
  const newest = Math.max(Number.NEGATIVE_INFINITY, ...byTime.keys());
  const verdict = ({ when, hashes = [] }: MigrationEntry): EntryVerdict => {
    const row = byTime.get(when!);
    if (row)
      return hashes.includes(row.hash ?? '')
        ? ['applied']
        : ['edited', 'its hash in the ledger differs from the file'];
    return when! <= newest
      ? [
          'skipped',
          "its `when` is older than the ledger's newest row, so Drizzle skips it, and no row records that it was run",
        ]
      : ['pending'];
  };
  const times = new Set(entries.map(({ when }) => when));
  return {
    entries: entries.map((entry) => toEntryStatus(entry, verdict(entry))),
    strangers: [...byTime.keys()].filter((time) => !times.has(time)).map((time) => `created_at ${time}`),
  };
}

function judgeByName(rows: LedgerRows, entries: readonly MigrationEntry[]): LedgerStatus {
  const hashes = new Map(rows.map((row) => [row.name, row.hash]));
  return judgeByRows(
    'Drizzle',
    rows,
    entries,
    ({ name }) => name,
    (entry, held) => {
      if (!held) return ['pending'];
      const hash = hashes.get(entry.key);
      return hash == null || entry.hashes!.includes(hash)
        ? ['applied']
        : ['edited', 'its hash in the ledger differs from the file'];
    },
  );
}
