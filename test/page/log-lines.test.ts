/** A line of PostgreSQL's log, in each of the forms that RDS writes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseLogLine } from '../../lambda/page/log-lines';
import { eventsOf } from './lines';

const file = (name: string): string[] =>
  readFileSync(join(__dirname, '../data/postgres-logs', name), 'utf8')
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
    // Which offset an abbreviation stands for, nothing in the log says.
    ['2026-11-21 08:59:29 CST', '2026-11-21T08:59:29.000Z', 'CST'],
  ])('the time %s', (text, iso, zone) =>
    expect(parseLogLine(`${text}:[local]:a@b:[1]:LOG:  x`)!.time).toEqual({ ms: Date.parse(iso), zone }),
  );
});
