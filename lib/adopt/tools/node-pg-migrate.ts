import type { MigrationEntry, SkippedFile, ToolRules } from '../entry';
import { judgeByRows, toWords } from './common';

const SECTION_MARKER = /^\s*--[\s-]*(up|down)\s+migration.*$/gim;

/**
 * Rules of node-pg-migrate: `<number>_<name>.sql` with sections, pairs of `.up.sql` and `.down.sql`, or code; ordered
 * by the leading number.
 */
export const nodePgMigrate: ToolRules = {
  tool: 'node-pg-migrate',
  read: ({ files, text }) => {
    const passed: SkippedFile[] = [];
    const entries = files.flatMap((file): MigrationEntry[] => {
      if (/\/|\.d\.ts$|\.down\.sql$/.test(file) || !/\.([cm]?[jt]s|sql)$/.test(file)) return [];
      const version = /^\d+/.exec(file)?.[0];
      if (version === undefined) {
        passed.push({ file, why: 'its name does not begin with a number' });
        return [];
      }
      const name = file.replace(/(\.up)?\.[^.]+$/, '');
      const common = { key: name, file, name, version, words: toWords(name), transaction: 'file' as const };
      if (!file.endsWith('.sql')) return [{ ...common, sql: null }];
      const below = `${name}.down.sql`;
      if (file.endsWith('.up.sql'))
        return [{ ...common, sql: text(file), ...(files.includes(below) ? { down: text(below) } : {}) }];
      const { up, down } = splitSections(text(file));
      return [{ ...common, sql: up, ...(down === '' ? {} : { down }) }];
    });
    return { entries: entries.sort(compareEntries), passed };
  },
  judge: (rows, entries) => judgeByRows('node-pg-migrate', rows, entries, ({ name }) => name),
};

function splitSections(text: string): { readonly up: string; readonly down: string } {
  const marks = [...text.matchAll(SECTION_MARKER)];
  if (marks.length === 0) return { up: text, down: '' };
  const of = (wanted: string): string =>
    marks
      .map((mark, i) => ({ mark, end: marks[i + 1]?.index ?? text.length }))
      .filter(({ mark }) => mark[1]!.toLowerCase() === wanted)
      .map(({ mark, end }) => text.slice(mark.index + mark[0].length, end).trim())
      .join('\n');
  return { up: of('up'), down: of('down') };
}

function compareEntries(a: MigrationEntry, b: MigrationEntry): number {
  const [x, y] = [parseTime(a.version), parseTime(b.version)];
  if (x !== y) return x < y ? -1 : 1;
  return a.name.localeCompare(b.name, undefined, {
    numeric: true,
    sensitivity: 'variant',
    ignorePunctuation: true,
  });
}

/**
 * Converts the leading digits to a comparable number: 17 digits are a UTC date with milliseconds, all others are
 * used unchanged.
 */
function parseTime(digits: string): bigint {
  const [, y, mo, d, h, mi, s, ms] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d{3})$/.exec(digits)?.map(Number) ?? [];
  return y === undefined ? BigInt(digits) : BigInt(Date.UTC(y, mo! - 1, d, h, mi, s, ms));
}
