/** GitHub's workflow commands, read as its runner reads them (actions/runner, ActionCommand.cs). */
import { describe, expect, test } from 'vitest';
import { formatFailureAnnotation, formatGitHubAnnotations } from '../../lib/report/github';
import type { ReportItem } from '../../lib/report/item';

const item = (change: Partial<ReportItem> = {}): ReportItem => ({
  rule: 'drop-column',
  level: 'error',
  message: 'DROP COLUMN removes note',
  remedy: 'Say so.',
  file: 'db/0001_a.sql',
  line: 3,
  column: 7,
  object: null,
  ...change,
});

/** As the runner does: one line, properties up to the second `::`, then unescaped. */
function read(line: string) {
  expect(line).not.toMatch(/[\r\n]/);
  const [, command, properties, data] = /^::(\w+) (.*?)::(.*)$/.exec(line)!;
  const plain = (text: string) => text.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%');
  const values = properties!.split(',').map((each) => {
    const at = each.indexOf('=');
    return [
      each.slice(0, at),
      plain(
        each
          .slice(at + 1)
          .replaceAll('%3A', ':')
          .replaceAll('%2C', ','),
      ),
    ];
  });
  return { command, data: plain(data!), ...Object.fromEntries(values) } as Record<string, string>;
}

test('a finding is an annotation of its line', () => {
  expect(formatGitHubAnnotations([item()])).toEqual([
    '::error file=db/0001_a.sql,line=3,col=7,title=trueup drop-column::DROP COLUMN removes note%0ASay so.',
  ]);
});

test('of a whole file, of a folder, of an object in a database', () => {
  const [file, folder, object] = formatGitHubAnnotations([
    item({ line: null, column: null }),
    item({ file: null, line: 3, remedy: '' }),
    item({ file: null, line: null, level: 'note', rule: 'missing-index', object: 'public.orders' }),
  ]);
  expect(file).toMatch(/^::error file=db\/0001_a\.sql,title=/);
  expect(folder).toBe('::error title=trueup drop-column::DROP COLUMN removes note');
  expect(object).toMatch(/^::notice title=trueup missing-index public\.orders::/);
});

describe('what a file, a name or a message holds', () => {
  const hostile = 'a,line=1::b%0A::error::c\r\n::add-mask::d:e\n##[add-path]/tmp\u202e';

  test('adds no property, no line and no command', () => {
    const [line] = formatGitHubAnnotations([item({ file: hostile, message: hostile, object: hostile })]);
    const { command, file, data, title, ...others } = read(line!);
    expect({ command, ...others }).toEqual({ command: 'error', line: '3', col: '7' });
    const shown = 'a,line=1::b%0A::error::c\\u{d}\\u{a}::add-mask::d:e\\u{a}##[add-path]/tmp\\u{202e}';
    expect(file).toBe(shown);
    expect(title).toBe(`trueup drop-column ${shown}`);
    expect(data!.split('\n')[0]).toBe('a,line=1::b%0A::error::c\\u{d}');
  });

  test('also where the command itself fails', () => {
    expect(read(formatFailureAnnotation(hostile, 'x')).data).toContain('::error::c');
    expect(formatFailureAnnotation(hostile, 'x').startsWith('::error title=trueup::')).toBe(true);
  });

  test('is cut where it has no end', () => {
    const [line] = formatGitHubAnnotations([item({ message: 'x'.repeat(100_000) })]);
    expect(line!.length).toBeLessThan(5_000);
  });
});

test('ten of each level, and the last says how many more', () => {
  const many = (level: ReportItem['level'], count: number) =>
    Array.from({ length: count }, (_, i) => item({ level, message: `${level} ${i}` }));
  const lines = formatGitHubAnnotations([
    ...many('warning', 11),
    ...many('error', 25),
    ...many('note', 10),
  ]).map(read);
  expect(lines.map(({ command }) => command)).toEqual([
    ...Array(10).fill('error'),
    ...Array(10).fill('warning'),
    ...Array(10).fill('notice'),
  ]);
  expect(lines[8]!.data).toBe('error 8\nSay so.');
  expect(lines[9]!.data).toContain(
    'error 9\nSay so.\nGitHub shows at most ten errors for a step, and 15 more',
  );
  expect(lines[19]!.data).toContain('ten warnings for a step, and 1 more');
  expect(lines[29]!.data).toBe('note 9\nSay so.');
});
