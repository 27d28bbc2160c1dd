import type { Entry, Passed, ToolRules } from '../entry';
import { byRows, wordsOf } from './common';

const SECTION = /^\s*--[\s-]*(up|down)\s+migration.*$/gim;

/** `<number>_<name>.sql` with sections, `.up.sql` and `.down.sql`, or code; by the leading number. */
export const nodePgMigrate: ToolRules = {
  tool: 'node-pg-migrate',
  read: ({ files, text }) => {
    const passed: Passed[] = [];
    const entries = files.flatMap((file): Entry[] => {
      if (/\/|\.d\.ts$|\.down\.sql$/.test(file) || !/\.([cm]?[jt]s|sql)$/.test(file)) return [];
      const version = /^\d+/.exec(file)?.[0];
      if (version === undefined) {
        passed.push({ file, why: 'its name does not begin with a number' });
        return [];
      }
      const name = file.replace(/(\.up)?\.[^.]+$/, '');
      const common = { key: name, file, name, version, words: wordsOf(name), transaction: 'file' as const };
      if (!file.endsWith('.sql')) return [{ ...common, sql: null }];
      const below = `${name}.down.sql`;
      if (file.endsWith('.up.sql'))
        return [{ ...common, sql: text(file), ...(files.includes(below) ? { down: text(below) } : {}) }];
      const { up, down } = sectionsOf(text(file));
      return [{ ...common, sql: up, ...(down === '' ? {} : { down }) }];
    });
    return { entries: entries.sort(inOrder), passed };
  },
  judge: (rows, entries) => byRows('node-pg-migrate', rows, entries, ({ name }) => name),
};

function sectionsOf(text: string): { readonly up: string; readonly down: string } {
  const marks = [...text.matchAll(SECTION)];
  if (marks.length === 0) return { up: text, down: '' };
  const of = (wanted: string): string =>
    marks
      .map((mark, i) => ({ mark, end: marks[i + 1]?.index ?? text.length }))
      .filter(({ mark }) => mark[1]!.toLowerCase() === wanted)
      .map(({ mark, end }) => text.slice(mark.index + mark[0].length, end).trim())
      .join('\n');
  return { up: of('up'), down: of('down') };
}

function inOrder(a: Entry, b: Entry): number {
  const [x, y] = [timeOf(a.version), timeOf(b.version)];
  if (x !== y) return x < y ? -1 : 1;
  return a.name.localeCompare(b.name, undefined, {
    numeric: true,
    sensitivity: 'variant',
    ignorePunctuation: true,
  });
}

/** 17 digits are a date in UTC with milliseconds; others count as they are. */
function timeOf(digits: string): bigint {
  const [, y, mo, d, h, mi, s, ms] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d{3})$/.exec(digits)?.map(Number) ?? [];
  return y === undefined ? BigInt(digits) : BigInt(Date.UTC(y, mo! - 1, d, h, mi, s, ms));
}
