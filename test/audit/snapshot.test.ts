/** `trueup snapshot` against servers of its own: they remember statements, and are restarted. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectPg } from '../../lambda/postgres/pg';
import { readSnapshot, writeSnapshot } from '../../lib/audit/file';
import { takeSnapshot } from '../../lib/audit/snapshot';
import { loadParser } from '../../lib/compiler/read/parser';
import { type PostgresServer, startPostgres } from '../../lib/scratch-postgres/server';
import { trueup } from '../cli/trueup';
import { majors, serverUrl } from '../support/database';
import { CANARY, everyKind } from './every-kind';

const scratch = mkdtempSync(join(tmpdir(), 'trueup-snapshot-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** 63 bytes, of two for each letter and one more. */
const LONG = `${'ö'.repeat(31)}x`;
const HOSTILE = ['a"b', "it's", 'line\nend', '<script>alert(1)</script>', '\u001b[2J', '$1; --', LONG];

describe.each(majors())('PostgreSQL %i', (major) => {
  let server: PostgresServer;

  beforeAll(async () => {
    await loadParser();
    server = await startPostgres({ major, settings: { shared_preload_libraries: 'pg_stat_statements' } });
    await sql(server.url(), 'CREATE DATABASE shop');
    await sql(
      server.url('shop'),
      everyKind(major, 'app'),
      `CREATE EXTENSION pg_stat_statements;
       CREATE ROLE reader LOGIN PASSWORD '${CANARY}'; CREATE ROLE nobody LOGIN PASSWORD '${CANARY}';
       GRANT USAGE ON SCHEMA shop TO reader; GRANT SELECT ON ALL TABLES IN SCHEMA shop TO reader;
       GRANT SELECT ON shop.orders_id_seq TO reader; GRANT USAGE ON shop.numbers TO reader;
       GRANT EXECUTE ON FUNCTION pg_stat_statements(boolean) TO reader`,
      `SELECT id FROM shop.customers WHERE name = '${CANARY}'`,
      `ALTER ROLE nobody PASSWORD '${CANARY}'`,
      'ANALYZE shop.orders_eu',
    );
  });
  afterAll(() => server.stop());

  async function sql(url: string, ...texts: string[]): Promise<void> {
    const client = new Client({ connectionString: url });
    await client.connect();
    for (const text of texts) await client.query(text);
    await client.end();
  }

  const url = (role?: string, database = 'shop'): string =>
    role === undefined ? server.url(database) : server.url(database, role, CANARY);
  const take = (...args: string[]) => trueup(['snapshot', ...args]);
  /** As the command does it, in this process. */
  const takeWhole = async (from: string, count = false) => {
    const db = await connectPg({ url: from, readOnly: true });
    try {
      const text = writeSnapshot(await takeSnapshot(db, { count, version: '0.1.0' }));
      return { text, snapshot: readSnapshot(text) };
    } finally {
      await db.close();
    }
  };
  const lines = (text: string): string[] =>
    text.split('\n').filter((line) => !line.startsWith('"taken"') && !line.includes('"calls"'));

  test('the same database gives the same bytes, also after a restart; Trueup is no application', async () => {
    const first = await takeWhole(url(), true);
    const again = await takeWhole(url(), true);
    expect(again.text.replace(/^"taken".*$/m, '')).toBe(first.text.replace(/^"taken".*$/m, ''));
    await server.restart();
    const later = await takeWhole(url(), true);
    expect(lines(later.text)).toEqual(lines(first.text));
    expect(Object.keys(first.snapshot.taken.ms)).toEqual(['catalog', 'workload', 'sequenceValues', 'rows']);
    const own = first.snapshot.workload.filter(({ text }) => !text.includes('shop.'));
    expect(own).toEqual([]);
  });

  test('positions, counts and the workload', async () => {
    const { snapshot } = await takeWhole(url(), true);
    expect(snapshot.sequenceValues).toEqual([
      { schema: 'shop', name: 'customers_id_seq', lastValue: '1', isCalled: true },
      { schema: 'shop', name: 'numbers', lastValue: '10', isCalled: false },
      { schema: 'shop', name: 'orders_id_seq', lastValue: '2', isCalled: true },
    ]);
    expect(snapshot.rows).toEqual([
      { schema: 'shop', name: 'carts', rows: 0, exact: true },
      { schema: 'shop', name: 'customers', rows: 1, exact: true },
      { schema: 'shop', name: 'lines', rows: 0, exact: true },
      { schema: 'shop', name: 'orders_eu', rows: 2, exact: true },
    ]);
    expect(snapshot.workload).toContainEqual({
      text: 'SELECT id FROM shop.customers WHERE name = $1',
      parameters: 1,
      senders: [expect.objectContaining({ role: 'postgres' })],
    });
    expect(snapshot.notChecked).toEqual([
      { what: 'operators (1)', why: 'a snapshot does not describe them' },
    ]);
  });

  test('estimates where there are any', async () => {
    const { snapshot } = await takeWhole(url());
    expect(snapshot.rows).toEqual([{ schema: 'shop', name: 'orders_eu', rows: 2 }]);
    expect(snapshot.notChecked).toContainEqual({
      what: 'rows of a table',
      of: { schema: 'shop', name: 'lines' },
      why: 'the table was never analyzed, and its rows were not counted',
    });
  });

  test('a role that may only read, and one that may not even do that', async () => {
    const whole = (await takeWhole(url(), true)).snapshot;
    const { stdout, stderr, code } = await take('--database-url', url('reader'), '--exact-counts');
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    const snapshot = readSnapshot(stdout);
    expect(snapshot.catalog).toEqual(whole.catalog);
    expect(snapshot.sequenceValues.map(({ name }) => name)).toEqual(['orders_id_seq']);
    const why = (what: string, name: string) =>
      snapshot.notChecked.find((each) => each.what === what && each.of?.name === name)?.why;
    expect(why('position of a sequence', 'customers_id_seq')).toBe('the role has no privilege to read it');
    // It may use it, and that shows no value that nobody took.
    expect(why('position of a sequence', 'numbers')).toBe('the role has no privilege to read it');
    expect(why('rows of a table', 'customers')).toBe('row security hides rows from the role');
    expect(snapshot.rows.map(({ name }) => name)).toEqual(['carts', 'lines', 'orders_eu']);
    expect(snapshot.workload.filter(({ senders }) => senders.some(({ role }) => role !== 'reader'))).toEqual(
      [],
    );
    expect(stderr).toMatch(/not checked: workload: \d+ statements of other roles are hidden from the role/);
    expect(stderr).toContain(
      'not checked: rows of a table: shop.customers (row security hides rows from the',
    );
    const nobody = (await takeWhole(url('nobody'), true)).snapshot;
    expect(nobody.catalog).toEqual(whole.catalog);
    expect([nobody.sequenceValues, nobody.rows, nobody.workload]).toEqual([[], [], []]);
    expect(nobody.notChecked).toContainEqual({
      what: 'workload',
      why: 'the role may not read pg_stat_statements',
    });
  });

  test('a table that is locked is not counted, and the others are', async () => {
    const holder = new Client({ connectionString: url() });
    await holder.connect();
    await sql(url(), 'CREATE TABLE shop.held (id int)');
    await holder.query('BEGIN; LOCK TABLE shop.held');
    const { snapshot } = await takeWhole(url(), true);
    expect(snapshot.notChecked).toContainEqual({
      what: 'rows of a table',
      of: { schema: 'shop', name: 'held' },
      why: 'another session holds a lock on it',
    });
    expect(snapshot.rows).toHaveLength(4);
    await holder.query('COMMIT');
    await holder.end();
    await sql(url(), 'DROP TABLE shop.held');
  });

  test('no row value and no password is in it, nor in what is said', async () => {
    const file = join(scratch, `${major}.json`);
    for (const role of [undefined, 'nobody']) {
      const ran = await take('--database-url', url(role), '--exact-counts', '--json', '--output', file);
      expect(ran.code).toBe(0);
      expect(ran.stdout + ran.stderr + readFileSync(file, 'utf8')).not.toContain(CANARY);
      expect(JSON.parse(ran.stdout)).toMatchObject({
        output: file,
        counts: { tables: 6, sequences: 3, subscriptions: 1 },
        taken: { version: expect.any(String), ms: expect.any(Object) },
        notChecked: expect.any(Array),
      });
    }
    expect(readdirSync(scratch).filter((name) => name.includes('.tmp'))).toEqual([]);
  });

  test('hostile names come through whole, and none is called', async () => {
    await sql(server.url(), 'CREATE DATABASE hostile');
    const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
    const literal = (name: string) => `'${name.replaceAll("'", "''")}'`;
    await sql(
      url(undefined, 'hostile'),
      'CREATE FUNCTION public.count(int) RETURNS bigint LANGUAGE sql AS $$ SELECT -1::bigint $$',
      ...HOSTILE.flatMap((name) => [
        `CREATE SCHEMA ${quoted(name)}`,
        `CREATE TABLE ${quoted(name)}.${quoted(name)} (${quoted(name)} serial, CHECK (${quoted(name)} > 0))`,
        `COMMENT ON TABLE ${quoted(name)}.${quoted(name)} IS ${literal(name)}`,
        `INSERT INTO ${quoted(name)}.${quoted(name)} DEFAULT VALUES`,
        `CREATE VIEW ${quoted(name)}.v AS SELECT * FROM ${quoted(name)}.${quoted(name)}`,
      ]),
    );
    await sql(server.url(), 'ALTER DATABASE hostile SET search_path = public, pg_catalog');
    const { snapshot } = await takeWhole(url(undefined, 'hostile'), true);
    const sorted = [...HOSTILE].sort();
    expect(snapshot.catalog.tables.map(({ schema, name }) => [schema, name])).toEqual(
      sorted.map((name) => [name, name]),
    );
    expect(snapshot.catalog.columns.map(({ name }) => name)).toEqual(sorted);
    expect(snapshot.catalog.comments.map(({ comment }) => comment).sort()).toEqual(sorted);
    expect(snapshot.sequenceValues.map(({ schema, lastValue }) => [schema, lastValue])).toEqual(
      sorted.map((name) => [name, '1']),
    );
    expect(snapshot.rows.map(({ rows }) => rows)).toEqual(sorted.map(() => 1));
    const { stderr } = await take('--database-url', url(undefined, 'hostile'));
    expect(stderr).toContain('not checked: rows of a table');
    expect(stderr).not.toContain('\u001b');
  });
});

describe('wrong use', () => {
  test.each([
    [
      2,
      ['--database-url', 'postgres://app@127.0.0.1:1/shop', '--json'],
      'cannot be written to standard output',
    ],
    [5, ['--database-url', 'postgres://app@127.0.0.1:1/shop'], 'nothing listens at that address'],
    [2, [], 'no database was given'],
  ])('%i: %j', async (code, args, words) => {
    const ran = await trueup(['snapshot', ...args]);
    expect(ran.code).toBe(code);
    expect(ran.stdout + ran.stderr).toContain(words);
  });

  test('a file that cannot be written', async () => {
    const file = join(scratch, 'no', 'such.json');
    const ran = await trueup(['snapshot', '--database-url', serverUrl(), '--output', file]);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain(`${file} cannot be written (ENOENT)`);
  });
});
