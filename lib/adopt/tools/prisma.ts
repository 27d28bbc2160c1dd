import type { Entry, Passed, ToolRules } from '../entry';
import { byRows, leadingDigits, sha256Hex, type Verdict, wordsOf } from './common';

/** `<name>/migration.sql`, by the name of the folder; one message a file. */
export const prisma: ToolRules = {
  tool: 'Prisma',
  read: ({ files, text, bytes }) => {
    const passed: Passed[] = [];
    const entries = files.flatMap((file): Entry[] => {
      const name = /^([^/]+)\/migration\.sql$/.exec(file)?.[1];
      if (name === undefined) {
        if (/\.sql$/i.test(file)) passed.push({ file, why: 'Prisma runs <name>/migration.sql alone' });
        return [];
      }
      const lf = text(file);
      const hashes = [bytes(file), Buffer.from(lf), Buffer.from(lf.replaceAll('\n', '\r\n'))].map(sha256Hex);
      const entry = { key: name, file, name, version: leadingDigits(name), words: wordsOf(name) };
      return [{ ...entry, sql: lf, transaction: 'file', hashes: [...hashes, ...hashes.map(withoutPadding)] }];
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
    return byRows('Prisma', rows, entries, known, ({ key, hashes = [] }, held): Verdict => {
      const own = byName.get(key) ?? [];
      if (!held)
        return own.some((row) => !row.finished_at && !row.rolled_back_at)
          ? ['failed', 'it began, and Prisma recorded neither its end nor that it was rolled back']
          : ['pending'];
      const done = own.filter((row) => row.finished_at && !row.rolled_back_at);
      if (done.every(isStamped))
        return ['stamped', '`prisma migrate resolve --applied` marked it: Prisma ran no step of it'];
      return done.some(({ checksum }) => hashes.includes(checksum ?? ''))
        ? ['applied']
        : ['edited', 'the ledger has another checksum than the file'];
    });
  },
};

const isStamped = (row: Readonly<Record<string, string | null>>): boolean =>
  row.applied_steps_count === '0' && row.started_at !== undefined && row.started_at === row.finished_at;

/** Rows of old versions have each byte without its leading zero. */
const withoutPadding = (hex: string): string =>
  hex.replace(/../g, (byte) => (byte.startsWith('0') ? byte.slice(1) : byte));
