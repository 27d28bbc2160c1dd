import type { MigrationEntry, SkippedFile, ToolRules } from '../entry';
import { type EntryVerdict, judgeByRows, readLeadingDigits, sha256Hex, toWords } from './common';

/** Rules of Prisma: `<name>/migration.sql`, ordered by the name of the folder. Each file is sent as one message. */
export const prisma: ToolRules = {
  tool: 'Prisma',
  read: ({ files, text, bytes }) => {
    const passed: SkippedFile[] = [];
    const entries = files.flatMap((file): MigrationEntry[] => {
      const name = /^([^/]+)\/migration\.sql$/.exec(file)?.[1];
      if (name === undefined) {
        if (/\.sql$/i.test(file)) passed.push({ file, why: 'Prisma runs only <name>/migration.sql' });
        return [];
      }
      const lf = text(file);
      const hashes = [bytes(file), Buffer.from(lf), Buffer.from(lf.replaceAll('\n', '\r\n'))].map(sha256Hex);
      const entry = { key: name, file, name, version: readLeadingDigits(name), words: toWords(name) };
      return [{ ...entry, sql: lf, transaction: 'file', hashes: [...hashes, ...hashes.map(stripPadding)] }];
    });
    return { entries, passed };
  },
  judge: (rows, entries) => {
    const byName = new Map<string, typeof rows>();
    for (const row of rows) {
      const name = row.migration_name ?? '';
      byName.set(name, [...(byName.get(name) ?? []), row]);
    }
    const known = (row: (typeof rows)[number]) => row.migration_name;
    return judgeByRows('Prisma', rows, entries, known, ({ key, hashes = [] }, held): EntryVerdict => {
      const own = byName.get(key) ?? [];
      if (!held)
        return own.some((row) => !row.finished_at && !row.rolled_back_at)
          ? ['failed', 'it started, and Prisma recorded neither that it finished nor that it was rolled back']
          : ['pending'];
      const done = own.filter((row) => row.finished_at && !row.rolled_back_at);
      if (done.every(isStamped))
        return ['stamped', '`prisma migrate resolve --applied` marked it as applied: Prisma did not run it'];
      return done.some(({ checksum }) => hashes.includes(checksum ?? ''))
        ? ['applied']
        : ['edited', 'its checksum in the ledger differs from the file'];
    });
  },
};

const isStamped = (row: Readonly<Record<string, string | null>>): boolean =>
  row.applied_steps_count === '0' && row.started_at !== undefined && row.started_at === row.finished_at;

/** Removes the leading zero of each byte: old versions of Prisma stored checksums in this form. */
const stripPadding = (hex: string): string =>
  hex.replace(/../g, (byte) => (byte.startsWith('0') ? byte.slice(1) : byte));
