import type { Entry, Passed, ToolRules } from '../entry';
import { byNumber, byRows, refuseSame } from './common';

/** `<number>_<title>.up.sql`, by number; the ledger has one row, and every file up to it counts as applied. */
export const golangMigrate: ToolRules = {
  tool: 'golang-migrate',
  read: ({ files, text }) => {
    const passed: Passed[] = [];
    const entries = files.flatMap((file): Entry[] => {
      const [, digits, title, direction, ending] = /^(\d+)_(.*)\.(down|up)\.(.*)$/.exec(file) ?? [];
      if (digits === undefined || ending !== 'sql') {
        if (/\.sql$/i.test(file)) passed.push({ file, why: 'its name is not <number>_<title>.up.sql' });
        return [];
      }
      const below = file.replace(/\.up\.sql$/, '.down.sql');
      if (direction === 'down') {
        const up = file.replace(/\.down\.sql$/, '.up.sql');
        if (!files.includes(up)) passed.push({ file, why: 'there is no file that it undoes' });
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
    refuseSame(entries);
    return { entries: entries.sort(byNumber), passed };
  },
  judge: (rows, entries) => {
    const [row] = rows;
    const half = row?.dirty === 'true' ? row.version : null;
    // The first file's `down` failed: the row is -1.
    const first = half === '-1' ? entries[0]?.key : half;
    return byRows(
      'golang-migrate',
      rows,
      entries,
      ({ version }) => (version === '-1' ? null : version),
      ({ key }, held) =>
        key === first
          ? ['failed', 'the ledger says dirty: it was run in part, forwards or back']
          : [held ? 'applied' : 'pending'],
    );
  },
};
