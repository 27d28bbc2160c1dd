/** A line of PostgreSQL's log, in each of the forms that RDS writes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isReportStart, parseLogLine, parseLogTime } from '../../../lambda/page/logs/log-lines';
import { eventsOf } from '../lines';

const file = (name: string): string[] =>
  readFileSync(join(__dirname, '../../data/postgres-logs', name), 'utf8')
    .trimEnd()
    .split('\n');

describe('lines of real servers', () => {
  it('parses every line of every file', async () => {
    for (const major of [12, 13, 14, 15, 16, 17, 18]) {
      for (const verbosity of ['terse', 'default', 'verbose']) {
        const events = await eventsOf(file(`pg${major}-${verbosity}-stderr.log`));
        expect(events.length).toBeGreaterThan(30);
        for (const event of events) {
          const line = parseLogLine(event);
          expect(line, event).not.toBeNull();
          const begins = ['LOG', 'ERROR', 'FATAL'].includes(line!.severity);
          expect(line!.sqlstate !== null, event).toBe(verbosity === 'verbose' && begins);
        }
      }
    }
  });

  it('IPv6, local sockets, colons and @ in names, lines inside literals', async () => {
    const events = await eventsOf(file('pg17-prefix-variants-stderr.log'));
    const parsed = events.map((event) => parseLogLine(event)!);
    expect(parsed.every((line) => line !== null)).toBe(true);
    expect(new Set(parsed.map(({ user, database }) => `${user} in ${database}`))).toEqual(
      new Set([' in ', 'postgres in postgres', 'we:ird@user in postgres']),
    );
    // The forged line inside a literal stays in the statement's event.
    const statement = parsed.find((line) => line.severity === 'STATEMENT' && line.text.includes('forged'))!;
    expect(statement.text.split('\n')).toHaveLength(4);
    expect(parsed.filter((line) => line.severity === 'FATAL')).toEqual([]);
  });

  it('what is no line of such a log', () => {
    for (const text of [
      '',
      'START RequestId: 1',
      '\tcontinued',
      '2026-11-21 08:59:29 UTC:127.0.0.1(1):a@b:[1]:',
    ])
      expect(parseLogLine(text)).toBeNull();
  });

  it.each([
    ['2026-11-21 08:59:29 UTC', '2026-11-21T08:59:29.000Z', null],
    ['2026-11-21 08:59:29.316 UTC', '2026-11-21T08:59:29.316Z', null],
    ['2026-11-21 11:59:29 +03', '2026-11-21T08:59:29.000Z', null],
    ['2026-11-21 05:29:29 -0330', '2026-11-21T08:59:29.000Z', null],
    ['2026-11-21 14:44:29 +0545', '2026-11-21T08:59:29.000Z', null],
    ['2026-11-21 14:29:29 +05:30', '2026-11-21T08:59:29.000Z', null],
    ['2026-11-21 03:59:29 -05', '2026-11-21T08:59:29.000Z', null],
    ['2026-11-21 08:59:29 GMT', '2026-11-21T08:59:29.000Z', null],
    ['2026-11-21 08:59:29 GMT-5', '2026-11-21T08:59:29.000Z', 'GMT-5'],
    ['2026-11-21 08:59:29 AMT-05', '2026-11-21T08:59:29.000Z', 'AMT-05'],
    ['2026-11-21 08:59:29 NUTC', '2026-11-21T08:59:29.000Z', 'NUTC'],
    ['2026-11-21 08:59:29 +051', '2026-11-21T08:59:29.000Z', '+051'],
    // Which offset an abbreviation stands for, nothing in the log says.
    ['2026-11-21 08:59:29 CST', '2026-11-21T08:59:29.000Z', 'CST'],
  ])('the time %s', (text, iso, zone) =>
    expect(parseLogLine(`${text}:[local]:a@b:[1]:LOG:  x`)!.time).toEqual({ ms: Date.parse(iso), zone }),
  );
});

it.each([
  '',
  'x',
  '2026-11-21 08:59:29',
  'at 2026-11-21 08:59:29 UTC',
  '2026-11-21 08:59:29 UTC x',
  '2026-99-21 08:59:29 UTC',
])('no time: %j', (text) => expect(parseLogTime(text)).toEqual({ ms: 0, zone: null }));

describe('a line of the newer prefix', () => {
  const PREFIX = '2026-11-21 08:59:29.316 UTC:[local]:a@b:[7]:';
  const SESSION = '12:23502:2026-11-21 08:59:20 UTC:3/4:0:6920a1b2.1f:';

  it.each([
    ['', null],
    ['12:23502:no session:', null],
    [SESSION, '23502'],
    [`${SESSION}psql`, '23502'],
    [`${SESSION}psql:`, '23502'],
    [`${SESSION}ERROR:  LOG: `, '23502'],
  ])('%j', (fields, sqlstate) => {
    const line = parseLogLine(`${PREFIX}${fields}ERROR:  it failed \n\there \n`);
    if (fields.includes('no session')) expect(line).toBeNull();
    else expect(line).toMatchObject({ user: 'a', database: 'b', pid: '7', sqlstate, severity: 'ERROR' });
  });

  it('its text has no TABs before lines, and no blanks at the end', () => {
    expect(parseLogLine(`${PREFIX}ERROR:    it failed\n\tthere \n`)!.text).toBe('  it failed\nthere');
  });

  it('verbose: the SQLSTATE stands before the text, in reports alone', () => {
    expect(parseLogLine(`${PREFIX}ERROR:  23502: it failed`)).toMatchObject({
      sqlstate: '23502',
      text: 'it failed',
    });
    expect(parseLogLine(`${PREFIX}DETAIL:  23502: it failed`)).toMatchObject({
      sqlstate: null,
      text: '23502: it failed',
    });
  });

  it.each([
    ['ERROR', true],
    ['LOG', true],
    ['DEBUG', true],
    ['DEBUG5', true],
    ['DETAIL', false],
    ['STATEMENT', false],
  ])('%s begins a report: %s', (severity, begins) =>
    expect(isReportStart(parseLogLine(`${PREFIX}${severity}:  x`)!)).toBe(begins),
  );
});

describe('events of a file', () => {
  const line = (text: string): string => `2026-11-21 08:59:29 UTC:[local]:a@b:[1]:LOG:  ${text}`;

  it('lines with a TAB belong to the event above, others without a prefix to none', async () => {
    expect(
      await eventsOf(['\tlost', 'noise', '\tof noise', line('a'), '\tb', '\tc', line('d'), 'noise']),
    ).toEqual([`${line('a')}\n\tb\n\tc`, line('d')]);
    expect(await eventsOf([])).toEqual([]);
    expect(await eventsOf(['noise'])).toEqual([]);
  });

  it('an event that is long enough grows no further', async () => {
    const long = `\t${'x'.repeat(256 * 1024 - line('a').length - 2)}`;
    const [event] = await eventsOf([line('a'), long, '\tand more', '\tand more']);
    expect(event).toBe(`${line('a')}\n${long}`);
    const [shorter] = await eventsOf([line('a'), long.slice(0, -1), '\tand more', '\tand more']);
    expect(shorter).toMatch(/x\n\tand more$/);
  });
});
