import type { LedgerRows } from '../../../lambda/engine/plan/other-tools';
import type { Entry, Judgement, ToolFolder, ToolRules } from '../entry';
import type { Listing } from '../listing';
import { byCodeUnits } from '../listing';
import { AdoptProblem } from '../problem';
import { byRows, judged, leadingDigits, sha256Hex, type Verdict, wordsOf } from './common';

const JOURNAL = 'meta/_journal.json';

/** 0.x has a journal, which alone says the order; 1.0 a folder a migration. All pending files share a transaction. */
export const drizzle: ToolRules = {
  tool: 'Drizzle',
  schemas: ['drizzle'],
  read: (folder) => (folder.files.includes(JOURNAL) ? byJournal(folder) : byFolder(folder)),
  judge: (rows, entries) =>
    entries.some(({ when }) => when !== undefined) ? judgeByTime(rows, entries) : judgeByName(rows, entries),
};

interface JournalEntry {
  readonly idx: number;
  readonly when: number;
  readonly tag: string;
}

/** @throws {AdoptProblem} */
function byJournal({ files, text, bytes }: Listing): ToolFolder {
  const entries = journalIn(text(JOURNAL)).map(({ tag, when }): Entry => {
    const file = `${tag}.sql`;
    if (!files.includes(file))
      throw new AdoptProblem(
        `${JOURNAL} names ${file}, and there is no such file`,
        'Restore the file from version control: Drizzle would stop at it too.',
      );
    const entry = { key: tag, file, name: tag, version: leadingDigits(tag), words: wordsOf(tag) };
    return { ...entry, sql: text(file), transaction: 'all pending', when, hashes: [sha256Hex(bytes(file))] };
  });
  const named = new Set(entries.map(({ file }) => file));
  const passed = files
    .filter((file) => /\.sql$/i.test(file) && !named.has(file))
    .map((file) => ({ file, why: 'the journal does not name it, so Drizzle never runs it' }));
  return { entries, passed };
}

/** @throws {AdoptProblem} */
function journalIn(text: string): readonly JournalEntry[] {
  const damaged = new AdoptProblem(`${JOURNAL} cannot be read`, 'Restore it from version control.');
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

function byFolder({ files, text, bytes }: Listing): ToolFolder {
  const own = files.filter((file) => /^[^/]+\/migration\.sql$/.test(file)).sort(byCodeUnits);
  const entries = own.map((file): Entry => {
    const name = file.split('/')[0]!;
    const entry = { key: name, file, name, version: leadingDigits(name), words: wordsOf(name) };
    return { ...entry, sql: text(file), transaction: 'all pending', hashes: [sha256Hex(bytes(file))] };
  });
  return { entries, passed: [] };
}

/** 0.x looks at the newest row alone: what is older than it counts as applied, whether it was run or not. */
function judgeByTime(rows: LedgerRows, entries: readonly Entry[]): Judgement {
  const byTime = new Map(rows.map((row) => [Number(row.created_at), row]));
  const newest = Math.max(Number.NEGATIVE_INFINITY, ...byTime.keys());
  const verdict = ({ when, hashes = [] }: Entry): Verdict => {
    const row = byTime.get(when!);
    if (row)
      return hashes.includes(row.hash ?? '')
        ? ['applied']
        : ['edited', 'the ledger has another hash than the file'];
    return when! <= newest
      ? [
          'skipped',
          "its `when` is older than the ledger's newest row, so Drizzle passes it over, and no row says that it was run",
        ]
      : ['pending'];
  };
  const times = new Set(entries.map(({ when }) => when));
  return {
    entries: entries.map((entry) => judged(entry, verdict(entry))),
    strangers: [...byTime.keys()].filter((time) => !times.has(time)).map((time) => `created_at ${time}`),
  };
}

function judgeByName(rows: LedgerRows, entries: readonly Entry[]): Judgement {
  const hashes = new Map(rows.map((row) => [row.name, row.hash]));
  return byRows(
    'Drizzle',
    rows,
    entries,
    ({ name }) => name,
    (entry, held) => {
      if (!held) return ['pending'];
      const hash = hashes.get(entry.key);
      return hash == null || entry.hashes!.includes(hash)
        ? ['applied']
        : ['edited', 'the ledger has another hash than the file'];
    },
  );
}
