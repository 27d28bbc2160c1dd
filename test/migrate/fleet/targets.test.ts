/** A fleet's targets, asked of a real server: every source in pages, and what is wrong in one sentence. */
import { describe, expect, test } from 'vitest';
import type { TargetSource } from '../../../lambda/contract/fleet';
import { likeOf } from '../../../lambda/migrate/fleet/source-sql';
import { asSuperuser, connect, createDatabase, majors, urlOf } from '../../support/database';
import { ask, connectTo, type FleetFunction } from './support';

const databaseOf = (url: string): string => new URL(url).pathname.slice(1);

test('in a pattern only * and ? mean something', () => {
  expect(likeOf('tenant_*')).toBe('tenant\\_%');
  expect(likeOf('50%\\?')).toBe('50\\%\\\\_');
});

describe.each(majors())('PostgreSQL %i', (major) => {
  async function withTenants(sql = ''): Promise<{ url: string; database: string }> {
    const url = await createDatabase(major);
    if (sql !== '') await (await connect(url)).query(sql);
    return { url, database: databaseOf(url) };
  }
  const page = (url: string, source: TargetSource, after: string | null = null, limit = 1_000, change = {}) =>
    ask({ url, fleet: { sources: [source] }, ...change }, { action: 'targets', source: 0, after, limit });
  const names = async (url: string, source: TargetSource, limit: number): Promise<string[][]> => {
    const pages: string[][] = [];
    for (let after: string | null = null; ; ) {
      const answer = await page(url, source, after, limit);
      if (answer.action !== 'targets') throw new Error(JSON.stringify(answer));
      pages.push(answer.page.targets.map(({ name }) => name));
      after = answer.page.next;
      if (after === null) return pages;
    }
  };
  const wrong = async (url: string, source: TargetSource, change: Partial<FleetFunction> = {}) => {
    const answer = await page(url, source, null, 1_000, change);
    return answer.action === 'error' ? answer.error : answer;
  };

  test('a query: its columns in any order, or left out; numbers are names too', async () => {
    const { url, database } = await withTenants(
      `CREATE TABLE tenants (id int, db text, sch text, srv text);
       INSERT INTO tenants VALUES (7, 'seven', NULL, NULL), (1, NULL, 'o''neil "x"', 'other'), (2, NULL, 'zoë', NULL)`,
    );
    const sql =
      'SELECT sch AS schema, srv AS server, db AS database, id AS name FROM tenants; -- all of them';
    expect(await page(url, { kind: 'query', database, sql: sql.replace(';', '') })).toEqual({
      action: 'targets',
      page: {
        next: null,
        targets: [
          { name: '1', database, schema: 'o\'neil "x"', server: 'other' },
          { name: '2', database, schema: 'zoë' },
          { name: '7', database: 'seven' },
        ],
      },
    });
    const alone = "SELECT 'a' AS name, 'shop' AS database;\n";
    expect(await page(url, { kind: 'query', database, sql: alone })).toMatchObject({
      page: { targets: [{ name: 'a', database: 'shop' }] },
    });
  });

  test('a thousand in pages: each once, in the order of bytes, whatever the collation', async () => {
    const { url, database } = await withTenants();
    const sql =
      "SELECT chr(64 + n % 58) || 'é' || n AS name, 's' || n AS schema FROM generate_series(1, 1000) n";
    const source: TargetSource = { kind: 'query', database, sql };
    const pages = await names(url, source, 300);
    expect(pages.map(({ length }) => length)).toEqual([300, 300, 300, 100]);
    const all = pages.flat();
    expect(new Set(all).size).toBe(1_000);
    expect(await names(url, source, 5_000)).toEqual([all]);
  });

  test('schemas and databases by a pattern; nothing of the server, nothing that is excepted', async () => {
    const { url, database } = await withTenants(
      ['t_a', 't_b', 'tx', 'T_c', 't_é', 't_"q"', 't_x']
        .map((name) => `CREATE SCHEMA "${name.replaceAll('"', '""')}"`)
        .join(';'),
    );
    const schemas: TargetSource = { kind: 'schemas', database, pattern: 't_*', except: ['t_x'] };
    expect(await names(url, schemas, 2)).toEqual([['t_"q"', 't_a'], ['t_b', 't_é'], []]);
    expect(await page(url, schemas)).toMatchObject({
      page: { targets: [{ name: 't_"q"', database, schema: 't_"q"' }, {}, {}, {}] },
    });
    expect(await names(url, { kind: 'schemas', database, pattern: 't?' }, 9)).toEqual([['tx']]);
    const everything = (await names(url, { kind: 'schemas', database, pattern: '*' }, 100)).flat();
    expect(everything).toEqual(['T_c', 'public', 't_"q"', 't_a', 't_b', 't_x', 't_é', 'tx'].sort(byBytes));

    const other = databaseOf(await createDatabase(major));
    const databases: TargetSource = { kind: 'databases', pattern: `${other.slice(0, -1)}?` };
    expect(await page(url, databases)).toEqual({
      action: 'targets',
      page: { targets: [{ name: other, database: other }], next: null },
    });
    const found = (await names(url, { kind: 'databases', pattern: '*', except: [other] }, 5_000)).flat();
    expect(found).toContain(database);
    expect(found).not.toEqual(expect.arrayContaining([other]));
    expect(found.filter((name) => ['postgres', 'template0', 'template1'].includes(name))).toEqual([]);
  });

  test('one clear sentence on what is wrong', async () => {
    const { url, database } = await withTenants('CREATE SEQUENCE s; CREATE TABLE t (id int)');
    const query = (sql: string) => wrong(url, { kind: 'query', database, sql });
    const of = `the query for targets in database ${database}`;
    expect(await query('SELECT NULL AS name WHERE false')).toMatchObject({
      code: 'target',
      message: `${of} gives no row`,
    });
    expect(await query("SELECT 'secret@x.test' AS email, 'a' AS name")).toMatchObject({
      message: `${of} has a column "email"; the columns of a target are name, database, schema, server and secret`,
    });
    expect(await query("SELECT 'x' AS database")).toMatchObject({
      message: expect.stringContaining('the target has no name'),
    });
    expect(await query("SELECT 'a' AS name")).toMatchObject({
      message: expect.stringContaining('names neither a database nor a schema'),
    });
    expect(await query("SELECT 'a' AS name, 'd' AS database FROM generate_series(1, 3)")).toMatchObject({
      message: `${of} gives target "a" 3 times`,
    });
    for (const [value, what] of [
      ["repeat('x', 64)", 'has 64 bytes'],
      ["repeat('é', 1000000)", 'has 200 bytes'],
      ["E'a\\nb'", 'control character'],
      ["''", 'is empty'],
      ["'pg_temp'", 'belongs to no tenant'],
    ] as const)
      expect(await query(`SELECT 'a' AS name, ${value} AS schema`)).toMatchObject({
        message: expect.stringContaining(what),
      });
    for (const pattern of ['nobody_*', '']) {
      expect(await wrong(url, { kind: 'databases', pattern })).toMatchObject({
        code: 'target',
        message: `the pattern ${pattern} of database names matches none`,
      });
      expect(await wrong(url, { kind: 'schemas', database, pattern })).toMatchObject({ code: 'target' });
    }
    expect(await ask({ url }, { action: 'targets', source: 3, limit: 1 })).toMatchObject({
      error: { message: 'there is no source of targets 3; this code has 0' },
    });
  });

  test("the owner's text is one query, and reads only", async () => {
    const { url, database } = await withTenants('CREATE SEQUENCE s; CREATE TABLE t (id int)');
    const query = (sql: string) => wrong(url, { kind: 'query', database, sql });
    for (const sql of [
      "SELECT nextval('s') AS name",
      "SELECT 'a' AS name; DELETE FROM t",
      "SELECT 'a' AS name) x; DROP TABLE t; --",
      'WITH gone AS (DELETE FROM t RETURNING id) SELECT id AS name FROM gone',
      "SELECT set_config('transaction_read_only', 'off', true) AS name",
      'SELECT no_such_column FROM t',
    ])
      expect(await query(sql), sql).toMatchObject({
        code: 'target',
        sqlstate: expect.stringMatching(/^(25006|25001|42601|42703|0A000)$/),
      });
    expect(
      (
        await (
          await connect(url)
        ).query("SELECT to_regclass('t') IS NOT NULL AND NOT (SELECT is_called FROM s) AS whole")
      ).rows,
    ).toEqual([{ whole: true }]);
  });

  test('a value that the server would quote is in no answer', async () => {
    const { url, database } = await withTenants();
    const answer = await wrong(url, {
      kind: 'query',
      database,
      sql: "SELECT ('4111-1111'::text)::int AS name",
    });
    expect(JSON.stringify(answer)).not.toContain('4111');
  });

  test("a function of somebody else on the path is not called in place of the server's", async () => {
    const { url, database } = await withTenants(
      `CREATE SCHEMA evil; CREATE FUNCTION evil.to_jsonb(anyelement) RETURNS jsonb LANGUAGE plpgsql AS $$BEGIN RAISE 'called'; END$$;
       CREATE FUNCTION evil.left(text, int) RETURNS text LANGUAGE plpgsql AS $$BEGIN RAISE 'called'; END$$;
       CREATE FUNCTION evil.eq(text, text) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE 'called'; END$$;
       CREATE OPERATOR evil.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.eq);
       CREATE OPERATOR evil.> (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.eq)`,
    );
    await asSuperuser(major, `ALTER DATABASE ${database} SET search_path = evil, pg_catalog`);
    for (const source of [
      { kind: 'query', database, sql: "SELECT 'a' AS name, 'b' AS schema" },
      { kind: 'schemas', database, pattern: 'ev*' },
    ] as const) {
      expect(await page(url, source)).toMatchObject({ page: { targets: [{}] } });
      expect(await page(url, source, '["A", "A", "A", "A"]')).toMatchObject({ page: { targets: [{}] } });
    }
  });

  test('a control database that is away, or gone, is said as such', async () => {
    const { url } = await withTenants();
    const source: TargetSource = { kind: 'query', database: 'nobody_has_it', sql: 'SELECT 1 AS name' };
    expect(await wrong(url, source)).toMatchObject({ code: 'connection', sqlstate: '3D000' });
    const away = urlOf('postgresql://u@127.0.0.1:1/x', {});
    expect(await wrong(away, source, { connect: connectTo(away), deadlineMs: 1_000 })).toMatchObject({
      code: 'connection',
      message: expect.stringContaining('nothing listens at that address'),
    });
  });
});

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
