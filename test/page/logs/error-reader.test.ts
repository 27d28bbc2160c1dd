/** The lines of one error are joined by backend, without row data. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ErrorReader, type LogEvent, type ReadError } from '../../../lambda/page/logs/error-reader';
import { parseLogLine } from '../../../lambda/page/logs/log-lines';
import { ABORTED, at, CONFLICT, collect, collectLines, notNull } from '../lines';

describe('joining', () => {
  it('the files of PostgreSQL 12 to 18', async () => {
    for (const major of [12, 13, 14, 15, 16, 17, 18]) {
      for (const verbosity of ['terse', 'default', 'verbose']) {
        const name = join(__dirname, `../../data/postgres-logs/pg${major}-${verbosity}-stderr.log`);
        const groups = await collectLines(readFileSync(name, 'utf8').split('\n'));
        const found = groups.map(({ signature, table, column, statement, count }) => [
          signature,
          table,
          column,
          count,
          statement?.slice(0, 44),
        ]);
        expect(found).toContainEqual([
          'not-null',
          major === 12 ? null : 'customers',
          'email',
          2,
          'INSERT INTO customers (id, org_id, email, ph',
        ]);
        expect(found.filter(([signature]) => signature === 'on-conflict')).toEqual([
          ['on-conflict', null, null, 2, 'INSERT INTO memberships (org_id, user_id, ro'],
        ]);
        expect(groups.reduce((sum, group) => sum + group.count, 0)).toBe(major === 12 ? 12 : 11);
        // What is in these logs of persons.
        expect(JSON.stringify(groups)).not.toMatch(/jane|bloggs|\+48|dead/);
      }
    }
  });

  it('other backends’ lines between, and the same process id on another instance', () => {
    const { groups } = collect([
      { message: at(1, notNull('a')), stream: 'i1' },
      { message: at(2, notNull('b')), stream: 'i1' },
      { message: at(1, notNull('c')), stream: 'i2' },
      { message: at(2, 'STATEMENT:  INSERT INTO b DEFAULT VALUES'), stream: 'i1' },
      { message: at(1, 'DETAIL:  Failing row contains (CANARY).'), stream: 'i1' },
      { message: at(1, 'STATEMENT:  INSERT INTO c DEFAULT VALUES'), stream: 'i2' },
      { message: at(1, 'STATEMENT:  INSERT INTO a DEFAULT VALUES'), stream: 'i1' },
    ]);
    expect(groups.map(({ table, statement }) => [table, statement]).sort()).toEqual([
      ['a', 'INSERT INTO a DEFAULT VALUES'],
      ['b', 'INSERT INTO b DEFAULT VALUES'],
      ['c', 'INSERT INTO c DEFAULT VALUES'],
    ]);
  });

  it('25P02 is counted beside its cause, never as a cause', () => {
    const { groups } = collect([
      at(1, CONFLICT),
      at(1, 'STATEMENT:  INSERT INTO m (a) VALUES (1) ON CONFLICT (a) DO NOTHING'),
      at(1, ABORTED),
      at(1, "STATEMENT:  SELECT 'innocent'"),
      at(1, ABORTED),
      at(2, ABORTED),
      at(1, 'ERROR:  relation "x" does not exist at character 15'),
      at(1, ABORTED),
    ]);
    expect(groups).toMatchObject([{ signature: 'on-conflict', count: 1, aborted: 2 }]);
    expect(groups[0]!.statement).toBe('INSERT INTO m (a) VALUES (?) ON CONFLICT (a) DO NOTHING');
  });

  it('a line that is missing leaves the rest', () => {
    const { groups } = collect([
      at(1, 'STATEMENT:  SELECT 1'),
      at(1, notNull('a')),
      at(1, 'LOG:  duration: 1 ms'),
      at(1, 'STATEMENT:  SELECT 2'),
    ]);
    expect(groups).toMatchObject([{ table: 'a', statement: null }]);
  });
});

function read(events: readonly LogEvent[], ignored?: (text: string) => boolean) {
  const errors: ReadError[] = [];
  let aborted = 0;
  const reader = new ErrorReader({ error: (error) => errors.push(error), aborted: () => aborted++ }, ignored);
  for (const event of events) reader.push(event);
  const before = errors.length;
  reader.end();
  return { errors, aborted, before };
}
const lines = (...texts: string[]): LogEvent[] => texts.map((text) => ({ message: at(1, text) }));
const statements = (...texts: string[]) =>
  read(lines(notNull('t'), ...texts)).errors.map(({ statement }) => statement);

describe('the statement that failed', () => {
  const CALL = 'STATEMENT:  SELECT f()';
  it.each([
    ['the one that is logged', ['STATEMENT:  INSERT INTO t DEFAULT VALUES'], 'INSERT INTO t DEFAULT VALUES'],
    ['none', [], null],
    [
      'inside a function the one of QUERY',
      ['QUERY:  INSERT INTO t', 'CONTEXT:  PL/pgSQL function f()', CALL],
      'INSERT INTO t',
    ],
    ['or of CONTEXT', ['CONTEXT:  SQL statement "INSERT INTO t"', CALL], 'INSERT INTO t'],
    [
      'of several lines',
      ['CONTEXT:  SQL statement "INSERT\n\tINTO t"\n\tPL/pgSQL function f() line 1', CALL],
      'INSERT INTO t',
    ],
    [
      'in a function in SQL',
      ['CONTEXT:  SQL statement "INSERT INTO t"\n\tSQL function "f" statement 1', CALL],
      'INSERT INTO t',
    ],
    [
      'with quotes in it',
      ['CONTEXT:  SQL statement "INSERT INTO "t""\n\tPL/pgSQL function f() line 1', CALL],
      'INSERT INTO "t"',
    ],
    [
      'not the row of a COPY',
      ['CONTEXT:  COPY t, line 1: "SQL statement "INSERT INTO x""', CALL],
      'SELECT f()',
    ],
    ['nor what only looks like it', ['CONTEXT:  SQL statement "INSERT INTO t" and more', CALL], 'SELECT f()'],
    [
      'QUERY before CONTEXT',
      ['QUERY:  INSERT INTO q', 'CONTEXT:  SQL statement "INSERT INTO c"', CALL],
      'INSERT INTO q',
    ],
    ['the first of each', ['STATEMENT:  SELECT 1', 'STATEMENT:  SELECT 2'], 'SELECT ?'],
    ['the first QUERY', ['QUERY:  INSERT INTO a', 'QUERY:  INSERT INTO b'], 'INSERT INTO a'],
    [
      'the first CONTEXT',
      ['CONTEXT:  SQL statement "INSERT INTO a"', 'CONTEXT:  SQL statement "INSERT INTO b"'],
      'INSERT INTO a',
    ],
    ['not a DETAIL', ['DETAIL:  INSERT INTO d'], null],
    ['not that of a LOG line', ['LOG:  duration', 'STATEMENT:  SELECT 1'], null],
  ])('%s', (_, rest, statement) => expect(statements(...rest)).toEqual([statement]));
});

describe('when, and where', () => {
  it("the event's own times and group, else the line's", () => {
    const message = at(1, notNull('t'));
    const one = (event: Partial<LogEvent>, text = message) => read([{ message: text, ...event }]).errors[0];
    const ms = Date.parse('2026-11-21T08:59:29Z');
    expect(one({})).toMatchObject({
      timeMs: ms,
      ingestedMs: ms,
      zone: null,
      logGroup: '',
      database: 'shop',
      user: 'app',
    });
    expect(one({ timestampMs: 5 })).toMatchObject({ timeMs: 5, ingestedMs: 5 });
    expect(one({ timestampMs: 5, ingestedMs: 6, logGroup: 'g' })).toMatchObject({
      timeMs: 5,
      ingestedMs: 6,
      logGroup: 'g',
    });
    const elsewhere = message.replace('UTC', 'CST');
    expect(one({}, elsewhere)).toMatchObject({ timeMs: ms, zone: 'CST' });
    expect(one({ timestampMs: 5 }, elsewhere)).toMatchObject({ timeMs: 5, zone: null });
  });

  it('the same process id in another group or stream is another backend', () => {
    const from = (logGroup: string | undefined, stream: string | undefined, text: string): LogEvent => ({
      message: at(1, text),
      ...(logGroup === undefined ? {} : { logGroup }),
      ...(stream === undefined ? {} : { stream }),
    });
    const told = 'STATEMENT:  INSERT INTO t';
    for (const [group, stream] of [
      ['g', 's'],
      ['h', undefined],
      [undefined, 's'],
    ]) {
      const { errors } = read([from('g', undefined, notNull('t')), from(group, stream, told)]);
      expect(errors).toMatchObject([{ statement: null }]);
    }
    expect(read([from('g', 's', notNull('t')), from('g', 's', told)]).errors).toMatchObject([
      { statement: 'INSERT INTO t' },
    ]);
  });
});

describe('what counts', () => {
  it('ERROR lines of these words, unless they are left out', () => {
    const text = notNull('t').slice('ERROR:  '.length);
    const events = [
      ...lines(`WARNING:  ${text}`, `LOG:  ${text}`, 'ERROR:  other', notNull('t')),
      { message: 'noise' },
    ];
    expect(read(events).errors).toHaveLength(1);
    expect(read(events, (event) => event.includes('relation "t"')).errors).toEqual([]);
  });

  it('refused commands belong to the last error of their backend, and to none after another', () => {
    expect(read(lines(notNull('t'), ABORTED, ABORTED))).toMatchObject({ aborted: 2, errors: [{}] });
    expect(read(lines(ABORTED))).toMatchObject({ aborted: 0, errors: [] });
    expect(read(lines(notNull('t'), 'ERROR:  other', ABORTED)).aborted).toBe(0);
  });

  it('of two thousand backends at a time; the one that was quiet longest is let go', () => {
    const backends = (count: number): LogEvent[] =>
      Array.from({ length: count }, (_, i) => ({ message: at(i, notNull(`t${i}`)) }));
    expect(read(backends(2_000)).before).toBe(0);
    expect(read(backends(2_002))).toMatchObject({ before: 2, errors: { length: 2_002 } });
    const told = { message: at(0, 'STATEMENT:  INSERT INTO t0') };
    expect(read([...backends(2_000), told]).errors[0]).toMatchObject({ statement: 'INSERT INTO t0' });
    expect(read([...backends(2_001), told]).errors[0]).toMatchObject({ statement: null });
    const twice = [...backends(2_000), ...backends(2_000), { message: at(0, ABORTED) }];
    expect(read(twice)).toMatchObject({ aborted: 1, errors: { length: 4_000 } });
  });

  it('a report that is whole', () => {
    const errors: ReadError[] = [];
    const reader = new ErrorReader({ error: (error) => errors.push(error), aborted() {} });
    const message = at(1, notNull('t'));
    const parts = { context: null, query: 'INSERT INTO t', statement: 'SELECT f()' };
    reader.report(parseLogLine(message)!, parts, { message });
    reader.report(parseLogLine(at(1, 'ERROR:  other'))!, parts, { message });
    reader.end();
    expect(errors).toMatchObject([{ statement: 'INSERT INTO t' }]);
  });
});
