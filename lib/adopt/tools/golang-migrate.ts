import type { MigrationEntry, SkippedFile, ToolRules } from '../entry';
import { compareByNumber, judgeByRows, refuseDuplicateKeys } from './common';

/**
 * Rules of golang-migrate: `<number>_<title>.up.sql`, ordered by number. The ledger has one row, and every file up to
 * its version counts as applied.
 */
export const golangMigrate: ToolRules = {
  tool: 'golang-migrate',
  read: ({ files, text }) => {
    const passed: SkippedFile[] = [];
    const entries = files.flatMap((file): MigrationEntry[] => {
      const [, digits, title, direction, ending] = /^(\d+)_(.*)\.(down|up)\.(.*)$/.exec(file) ?? [];
      if (digits === undefined || ending !== 'sql') {
        if (/\.sql$/i.test(file)) passed.push({ file, why: 'its name is not <number>_<title>.up.sql' });
        return [];
      }
      const below = file.replace(/\.up\.sql$/, '.down.sql');
      if (direction === 'down') {
        const up = file.replace(/\.down\.sql$/, '.up.sql');
        if (!files.includes(up)) passed.push({ file, why: 'the file that it undoes does not exist' });
        return [];
      }
      const name = `${digits}_${title}`;
      const down = files.includes(below) ? { down: text(below) } : {};
      const entry = {
        key: String(BigInt(digits)),
        file,
        name,
        version: digits,
        words: title!.replaceAll('_', ' '),
      };
      return [{ ...entry, sql: text(file), transaction: 'file', ...down }];
    });
    refuseDuplicateKeys(entries);
    return { entries: entries.sort(compareByNumber), passed };
  },
  judge: (rows, entries) => {
    const [row] = rows;
    const half = row?.dirty === 'true' ? row.version : null;
    // A version of -1 means that the `down` of the first file failed.
    const first = half === '-1' ? entries[0]?.key : half;
    return judgeByRows(
      'golang-migrate',
      rows,
      entries,
      ({ version }) => (version === '-1' ? null : version),
      ({ key }, held) =>
        key === first
          ? ['failed', 'the ledger is dirty: part of its up or down file was applied']
          : [held ? 'applied' : 'pending'],
    );
  },
};
