/** From lines to counted errors: joined by backend, without row data, in bounded memory. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { readApplicationEvent } from '../../lambda/page/application-lines';
import { ErrorCollection, type ErrorGroup } from '../../lambda/page/collect';
import { ErrorReader, type LogEvent } from '../../lambda/page/error-reader';
import { eventsOfFile } from '../../lambda/page/log-lines';
import { failing, RDS_PREFIX_16, startLogServer } from '../support/log-server';

const ROWS = 'CANARY';

function collect(events: Iterable<LogEvent | string>): {
  groups: readonly ErrorGroup[];
  collection: ErrorCollection;
} {
  const collection = new ErrorCollection();
  const reader = new ErrorReader(collection);
  for (const event of events) reader.push(typeof event === 'string' ? { message: event } : event);
  reader.end();
  return { groups: collection.result(), collection };
}
async function collectLines(lines: readonly string[]): Promise<readonly ErrorGroup[]> {
  const events: string[] = [];
  for await (const event of eventsOfFile(lines)) events.push(event);
  return collect(events).groups;
}
const at = (pid: number, text: string): string =>
  `2026-11-21 08:59:29 UTC:10.0.0.1(42):app@shop:[${pid}]:${text}`;
const notNull = (table: string, column = 'id'): string =>
  `ERROR:  null value in column "${column}" of relation "${table}" violates not-null constraint`;
const CONFLICT = 'ERROR:  there is no unique or exclusion constraint matching the ON CONFLICT specification';
const ABORTED = 'ERROR:  current transaction is aborted, commands ignored until end of transaction block';

describe('joining', () => {
  it('the files of PostgreSQL 12 to 18', async () => {
    for (const major of [12, 13, 14, 15, 16, 17, 18]) {
      for (const verbosity of ['terse', 'default', 'verbose']) {
        const name = join(__dirname, `../data/postgres-logs/pg${major}-${verbosity}-stderr.log`);
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

describe('grouping', () => {
  it('by table, column and conflict target, not by values', () => {
    const insert = (target: string, value: number): string[] => [
      at(1, CONFLICT),
      at(1, `STATEMENT:  INSERT INTO m (a, b) VALUES (${value}, 2) ON CONFLICT ${target} DO NOTHING`),
    ];
    const { groups } = collect([
      ...insert('(a)', 1),
      ...insert('(a)', 2),
      ...insert('(b)', 3),
      ...insert('(b) WHERE x', 3),
      at(1, notNull('a')),
      at(1, notNull('a')),
      at(1, notNull('a', 'x')),
      at(1, notNull('b')),
    ]);
    expect(groups.map(({ count }) => count)).toEqual([2, 2, 1, 1, 1, 1]);
  });

  it('a count belongs to the statement and the role that it is printed with', () => {
    const as = (user: string, text: string): string => at(1, text).replace(':app@', `:${user}@`);
    const failed = (user: string, statement: string): string[] => [
      as(user, notNull('a')),
      as(user, `STATEMENT:  ${statement}`),
    ];
    const { groups } = collect([
      ...failed('app', 'INSERT INTO a (id) VALUES (NULL)'),
      ...[...Array(5)].flatMap((_, i) => failed('worker', `INSERT INTO a (x) VALUES (${i})`)),
      ...failed('app', 'INSERT INTO a (x) VALUES (7)'),
      ...[...Array(10)].flatMap((_, i) => failed('app', `INSERT INTO a (x${i}) VALUES (7)`)),
    ]);
    expect(groups).toMatchObject([
      { count: 17, user: 'worker', statement: 'INSERT INTO a (x) VALUES (?)', otherUses: 7 },
    ]);
    expect(groups[0]!.uses.slice(0, 3)).toEqual([
      { count: 5, user: 'worker', statement: 'INSERT INTO a (x) VALUES (?)' },
      { count: 1, user: 'app', statement: 'INSERT INTO a (id) VALUES (NULL)' },
      { count: 1, user: 'app', statement: 'INSERT INTO a (x) VALUES (?)' },
    ]);
    expect(groups[0]!.uses).toHaveLength(6);
  });

  it('a duplicate key by its constraint and the columns that the INSERT gives', () => {
    const failed = (statement: string): string[] => [
      at(1, 'ERROR:  duplicate key value violates unique constraint "t_pkey"'),
      at(1, `STATEMENT:  ${statement}`),
    ];
    const { groups } = collect([
      ...failed('INSERT INTO t (id, x) VALUES (1, 2)'),
      ...failed('INSERT INTO t (id, x) VALUES (3, 4)'),
      ...failed('INSERT INTO t (x) VALUES (4)'),
    ]);
    expect(groups.map(({ constraint, count }) => [constraint, count])).toEqual([
      ['t_pkey', 2],
      ['t_pkey', 1],
    ]);
  });

  it('text that is too long for a name is not taken for one; an odd name is', () => {
    const odd = (column: string): string =>
      at(1, `ERROR:  null value in column "${column}" of relation "t" violates not-null constraint`);
    const { groups } = collect([
      at(1, notNull('x'.repeat(64))),
      odd('a\n\tb'),
      odd('\u001b[31m'),
      odd('a"b'),
    ]);
    expect(groups.map(({ column }) => column)).toEqual(['a\nb', '\u001b[31m', 'a"b']);
  });

  it('500 tables that fail at once are told apart', () => {
    const { groups, collection } = collect([...Array(500)].map((_, i) => at(i, notNull(`t_${i}`))));
    expect(new Set(groups.map(({ table }) => table)).size).toBe(500);
    expect(collection.overflow).toBe(0);
  });

  it('100,000 lines of as many backends and tables: bounded', () => {
    function* lines(): Generator<LogEvent> {
      for (let i = 0; i < 50_000; i++) {
        yield { message: at(i, notNull(i % 2 ? 'orders' : `t_${i}`)), timestampMs: i };
        yield {
          message: at(i, `STATEMENT:  INSERT INTO t VALUES ('${ROWS}${'x'.repeat(200)}')`),
          timestampMs: i,
        };
      }
    }
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    gc();
    const before = process.memoryUsage().heapUsed;
    const { groups, collection } = collect(lines());
    gc();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(20 * 1024 * 1024);
    expect(groups).toHaveLength(1_000);
    expect(groups[0]).toMatchObject({ table: 'orders', count: 25_000 });
    expect(collection.overflow).toBe(50_000 - 25_000 - 999);
    expect(JSON.stringify(groups)).not.toContain(ROWS);
  });
});

describe.each([
  [13, undefined],
  [18, `${RDS_PREFIX_16}:`],
])('a real server, PostgreSQL %i', (major, prefix) => {
  it('marked values in rows, statements, functions, COPY and parameters never come out', async () => {
    const server = await startLogServer(major, {
      ...(prefix ? { log_line_prefix: prefix } : {}),
      log_parameter_max_length_on_error: '-1',
      log_statement: 'all',
      log_duration: 'on',
    });
    const lines = await server.logged(async (client) => {
      await client.query(`
        CREATE TABLE t (id uuid PRIMARY KEY, note text, other text);
        CREATE TABLE parent (id text PRIMARY KEY);
        CREATE TABLE child (parent_id text NOT NULL REFERENCES parent ON DELETE SET NULL);
        CREATE FUNCTION f(v text) RETURNS void LANGUAGE plpgsql AS $$
          BEGIN INSERT INTO t (note) VALUES (v || 'CANARY'); END $$;
        CREATE FUNCTION g() RETURNS uuid LANGUAGE plpgsql AS $$
          BEGIN RETURN (SELECT uuid_generate_v4() WHERE 'CANARY' <> ''); END $$;
        INSERT INTO parent VALUES ('CANARY'); INSERT INTO child VALUES ('CANARY')`);
      await failing(client, [
        "INSERT INTO t (note) VALUES ('CANARY'), ('it''s CANARY'), (E'a\\'CANARY'), ($$CANARY$$)",
        "/* CANARY */ INSERT INTO t (note) VALUES (U&'CANARY') -- CANARY",
        "SELECT f('CANARY')",
        'SELECT g()',
        "DELETE FROM parent WHERE id = 'CANARY'",
        "INSERT INTO t (note) VALUES ('CANARY') ON CONFLICT (note) WHERE other = 'CANARY' DO NOTHING",
        "SELECT 1 FROM t WHERE id = 'CANARY'::varchar",
        `DO $$ BEGIN RAISE EXCEPTION 'null value in column "%" violates not-null constraint', repeat('CANARY', 20); END $$`,
        'SET standard_conforming_strings = off',
        "INSERT INTO t (note) VALUES ('x\\' CANARY ')",
      ]);
      await client.query('INSERT INTO t (note) VALUES ($1)', ['CANARY']).catch(() => {});
      await client
        .query('INSERT INTO t (note) VALUES ($1) ON CONFLICT (note) DO NOTHING', ['CANARY'])
        .catch(() => {});
    });
    expect(lines.join('\n')).toContain(ROWS);
    const groups = await collectLines(lines);
    expect(JSON.stringify(groups)).not.toContain(ROWS);
    const found = groups.map(({ signature, table, column, count }) => [signature, table, column, count]);
    expect(found).toContainEqual(['not-null', 't', 'id', 5]);
    expect(found).toContainEqual(['not-null', 'child', 'parent_id', 1]);
    expect(found).toContainEqual(['uuid-function', null, null, 1]);
    expect(found.filter(([signature]) => signature === 'on-conflict')).toHaveLength(2);
    // Inside a function, the statement that failed and not the call.
    const inside = groups.find(({ signature }) => signature === 'uuid-function')!;
    expect(inside.statement).toMatch(/^(SELECT )?\(?SELECT uuid_generate_v4\(\) WHERE \? <> \?\)?$/);
    expect(groups.find(({ table }) => table === 'child')!.statement).toMatch(
      /^UPDATE ONLY "public"\."child" SET/,
    );
  });
});

describe('an application’s lines', () => {
  const message = 'null value in column "id" of relation "orders" violates not-null constraint';
  it.each([
    `error: ${message}\n    at Parser.parseErrorMessage`,
    `ERROR: ${message} (SQLSTATE 23502) CANARY`,
    JSON.stringify({ msg: message, row: 'CANARY' }),
  ])('text: %s', (text) => {
    const error = readApplicationEvent(
      { message: text, logGroup: '/app', timestampMs: 5 },
      { format: 'text' },
    );
    expect(error).toMatchObject({
      signature: 'not-null',
      names: { table: 'orders', column: 'id' },
      logGroup: '/app',
    });
    expect(JSON.stringify(error)).not.toContain('CANARY');
  });
  it.each([
    // What pino writes: the message, and once more in the stack.
    [
      JSON.stringify({
        level: 50,
        err: { message, stack: `error: ${message}\n    at Parser` },
        msg: message,
      }),
    ],
    // A document inside a document.
    [JSON.stringify({ log: JSON.stringify({ msg: message, name: 'CANARY', again: message }) })],
    [`${message}; retried: ${message} "CANARY" violates not-null constraint`],
    [`null value in column of "CANARY"; ${message}`],
  ])('the first mention, and no further: %s', (text) => {
    const error = readApplicationEvent({ message: text }, { format: 'text' });
    expect(error).toMatchObject({ message, names: { table: 'orders', column: 'id' } });
    expect(JSON.stringify(error)).not.toContain('CANARY');
  });
  it.each([
    'null value in column "id" of relation "orders"; name="CANARY" violates not-null constraint',
    'null value in column "id"; name="CANARY" violates not-null constraint',
    'null value in column "id" of relation "orders"\n "CANARY" violates not-null constraint',
    'constraint "CANARY" for table orders, user "x" does not exist',
  ])('nothing is taken from between two of our phrases: %s', (text) =>
    expect(readApplicationEvent({ message: text }, { format: 'text' })).toBeNull(),
  );
  it('JSON', () => {
    const format = {
      format: 'json',
      sqlstate: '$.errors[0].code',
      message: "$.errors[0].['db.message']",
    } as const;
    const line = (code: string, text: string): LogEvent => ({
      message: JSON.stringify({ errors: [{ code, 'db.message': text }], row: 'CANARY' }),
    });
    expect(readApplicationEvent(line('23502', message), format)).toMatchObject({ message });
    expect(readApplicationEvent(line('P0001', message), format)).toBeNull();
    expect(readApplicationEvent(line('23502', 'something else'), format)).toBeNull();
    expect(readApplicationEvent({ message: 'no JSON' }, format)).toBeNull();
    expect(
      readApplicationEvent(
        line('42883', 'operator does not exist: uuid = character varying LINE 1: CANARY'),
        format,
      ),
    ).toMatchObject({ names: { left: 'uuid', right: 'character varying' } });
  });
});
