/** A fleet's tenants, asked of a real server: every source in pages, and what is wrong in one sentence. */
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { TenantSource } from '../../../lambda/contract/fleet';
import { toLikePattern } from '../../../lambda/migrate/fleet/source-sql';
import { asSuperuser, connect, createDatabase, majors, urlOf } from '../../support/database';
import { ask, connectTo, type FleetFunction } from './support';

const databaseOf = (url: string): string => new URL(url).pathname.slice(1);

test('in a pattern only * and ? mean something', () => {
  expect(toLikePattern('tenant_*')).toBe('tenant\\_%');
  expect(toLikePattern('50%\\?')).toBe('50\\%\\\\_');
});

describe.each(majors())('PostgreSQL %i', (major) => {
  async function withTenants(sql = ''): Promise<{ url: string; database: string }> {
    const url = await createDatabase(major);
    if (sql !== '') await (await connect(url)).query(sql);
    return { url, database: databaseOf(url) };
  }
  const page = (url: string, source: TenantSource, after: string | null = null, limit = 1_000, change = {}) =>
    ask(
      { url, fleet: { sources: [source] }, ...change },
      { action: 'list-tenants', source: 0, after, limit },
    );
  const names = async (url: string, source: TenantSource, limit: number): Promise<string[][]> => {
    const pages: string[][] = [];
    for (let after: string | null = null; ; ) {
      const answer = await page(url, source, after, limit);
      if (answer.action !== 'list-tenants') throw new Error(JSON.stringify(answer));
      pages.push(answer.page.tenants.map(({ name }) => name));
      after = answer.page.next;
      if (after === null) return pages;
    }
  };
  const wrong = async (url: string, source: TenantSource, change: Partial<FleetFunction> = {}) => {
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
      action: 'list-tenants',
      page: {
        next: null,
        tenants: [
          { name: '1', database, schema: 'o\'neil "x"', server: 'other' },
          { name: '2', database, schema: 'zoë' },
          { name: '7', database: 'seven' },
        ],
      },
    });
    const alone = "SELECT 'a' AS name, 'shop' AS database;\n";
    expect(await page(url, { kind: 'query', database, sql: alone })).toMatchObject({
      page: { tenants: [{ name: 'a', database: 'shop' }] },
    });
  });

  test('a thousand in pages: each once, in the order of bytes, whatever the collation', async () => {
    const { url, database } = await withTenants();
    const sql =
      "SELECT chr(64 + n % 58) || 'é' || n AS name, 's' || n AS schema FROM generate_series(1, 1000) n";
    const source: TenantSource = { kind: 'query', database, sql };
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
    const schemas: TenantSource = { kind: 'schemas', database, pattern: 't_*', exclude: ['t_x'] };
    expect(await names(url, schemas, 2)).toEqual([['t_"q"', 't_a'], ['t_b', 't_é'], []]);
    expect(await page(url, schemas)).toMatchObject({
      page: { tenants: [{ name: 't_"q"', database, schema: 't_"q"' }, {}, {}, {}] },
    });
    expect(await names(url, { kind: 'schemas', database, pattern: 't?' }, 9)).toEqual([['tx']]);
    const everything = (await names(url, { kind: 'schemas', database, pattern: '*' }, 100)).flat();
    expect(everything).toEqual(['T_c', 'public', 't_"q"', 't_a', 't_b', 't_x', 't_é', 'tx'].sort(byBytes));

    const other = databaseOf(await createDatabase(major));
    const databases: TenantSource = { kind: 'databases', pattern: `${other.slice(0, -1)}?` };
    expect(await page(url, databases)).toEqual({
      action: 'list-tenants',
      page: { tenants: [{ name: other, database: other }], next: null },
    });
    const found = (await names(url, { kind: 'databases', pattern: '*', exclude: [other] }, 5_000)).flat();
    expect(found).toContain(database);
    expect(found).not.toEqual(expect.arrayContaining([other]));
    expect(found.filter((name) => ['postgres', 'template0', 'template1'].includes(name))).toEqual([]);
  });

  test('what is excepted is a pattern too, of schemas and of databases', async () => {
    const { url, database } = await withTenants(
      ['xs_acme', 'xs_globex', 'xs_shared_ref', 'xs_shared_ext', 'xsxshared_x', 'xs_?', 'xs_%', 'xs_a\\b']
        .map((name) => `CREATE SCHEMA "${name}"`)
        .join(';'),
    );
    const all = [
      'xs_%',
      'xs_?',
      'xs_a\\b',
      'xs_acme',
      'xs_globex',
      'xs_shared_ext',
      'xs_shared_ref',
      'xsxshared_x',
    ];
    const without = async (...exclude: string[]) => {
      const found = (await names(url, { kind: 'schemas', database, pattern: 'xs*', exclude }, 100)).flat();
      return all.filter((name) => !found.includes(name));
    };
    expect(await without()).toEqual([]);
    // An underscore, a per cent sign and a backslash are themselves.
    expect(await without('xs_shared_*')).toEqual(['xs_shared_ext', 'xs_shared_ref']);
    expect(await without('xs_shared_???')).toEqual(['xs_shared_ext', 'xs_shared_ref']);
    expect(await without('xs_%')).toEqual(['xs_%']);
    expect(await without('xs_a\\b', 'xs_globex')).toEqual(['xs_a\\b', 'xs_globex']);
    expect(await without('*_ref', 'xs_?')).toEqual(['xs_%', 'xs_?', 'xs_shared_ref']);

    const other = databaseOf(await createDatabase(major));
    const exclude = [`${other.slice(0, 3)}*${other.slice(-3)}`];
    const found = (await names(url, { kind: 'databases', pattern: other, exclude: ['*_no'] }, 9)).flat();
    expect(found).toEqual([other]);
    expect(await wrong(url, { kind: 'databases', pattern: other, exclude })).toMatchObject({
      code: 'target',
    });
  });

  test('one clear sentence on what is wrong', async () => {
    const { url, database } = await withTenants('CREATE SEQUENCE s; CREATE TABLE t (id int)');
    const query = (sql: string) => wrong(url, { kind: 'query', database, sql });
    const of = `the query for tenants in database ${database}`;
    expect(await query('SELECT NULL AS name WHERE false')).toMatchObject({
      code: 'target',
      message: `${of} returned no row`,
    });
    expect(await query("SELECT 'secret@x.test' AS email, 'a' AS name")).toMatchObject({
      message: `${of} has a column "email"; the columns of a tenant are name, database, schema, server and secret`,
    });
    expect(await query("SELECT 'x' AS database")).toMatchObject({
      message: expect.stringContaining('the tenant has no name'),
    });
    expect(await query("SELECT 'a' AS name")).toMatchObject({
      message: expect.stringContaining('names neither a database nor a schema'),
    });
    expect(await query("SELECT 'a' AS name, 'd' AS database FROM generate_series(1, 3)")).toMatchObject({
      message: `${of} returned tenant "a" 3 times`,
    });
    for (const [value, what] of [
      ["repeat('x', 64)", 'has 64 bytes'],
      ["repeat('é', 1000000)", 'has 200 bytes'],
      ["E'a\\nb'", 'control character'],
      ["''", 'is empty'],
      ["'pg_temp'", "is not a tenant's schema"],
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
    expect(await ask({ url }, { action: 'list-tenants', source: 3, limit: 1 })).toMatchObject({
      error: { message: 'there is no source of tenants with index 3; this code has 0' },
    });
  });

  test('a source that names none is an error that names the prop, and none with the prop', async () => {
    const { url, database } = await withTenants();
    for (const source of [
      { kind: 'databases', pattern: 'nobody_*' },
      { kind: 'schemas', database, pattern: 'nobody_*' },
      { kind: 'query', database, sql: 'SELECT NULL AS name WHERE false' },
    ] as const) {
      expect(await wrong(url, source)).toMatchObject({
        code: 'target',
        remedy: expect.stringContaining('`allowEmpty: true`'),
      });
      expect(await page(url, { ...source, allowEmpty: true })).toEqual({
        action: 'list-tenants',
        page: { tenants: [], next: null },
      });
    }
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

  test("a query that would run another role's code is refused, and nothing of it runs", async () => {
    const stranger = `stranger_${randomBytes(3).toString('hex')}`;
    await asSuperuser(major, `CREATE ROLE ${stranger}`);
    try {
      const { url, database } = await withTenants(
        `CREATE SCHEMA theirs AUTHORIZATION ${stranger}; SET ROLE ${stranger};
         CREATE TABLE theirs.tenants AS SELECT 'a'::text AS name, 'a'::text AS schema;
         CREATE VIEW theirs.plain AS SELECT upper(name) AS name, schema FROM theirs.tenants;
         CREATE FUNCTION theirs.evil() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'it ran'; END $$;
         CREATE VIEW theirs.calls AS SELECT theirs.evil() AS name, schema FROM theirs.tenants;
         RESET ROLE`,
      );
      const source = (from: string): TenantSource => ({
        kind: 'query',
        database,
        sql: `SELECT name, schema FROM ${from} -- one line`,
      });
      for (const good of ['theirs.tenants', 'theirs.plain'])
        expect(await page(url, source(good))).toMatchObject({ page: { tenants: [{ schema: 'a' }] } });
      expect(await wrong(url, source('theirs.calls'))).toMatchObject({
        code: 'target',
        message: `the query for tenants in database ${database} may run untrusted code with the privileges of this login (${stranger}: function theirs.evil())`,
        remedy: expect.stringContaining('ALTER … OWNER TO'),
      });
      await (await connect(url)).query(`DROP OWNED BY ${stranger} CASCADE`);
    } finally {
      await asSuperuser(major, `DROP ROLE IF EXISTS ${stranger}`);
    }
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
      expect(await page(url, source)).toMatchObject({ page: { tenants: [{}] } });
      expect(await page(url, source, '["A", "A", "A", "A"]')).toMatchObject({ page: { tenants: [{}] } });
    }
  });

  test('a control database that is away, or gone, is said as such', async () => {
    const { url } = await withTenants();
    const source: TenantSource = { kind: 'query', database: 'nobody_has_it', sql: 'SELECT 1 AS name' };
    expect(await wrong(url, source)).toMatchObject({ code: 'connection', sqlstate: '3D000' });
    const away = urlOf('postgresql://u@127.0.0.1:1/x', {});
    expect(await wrong(away, source, { connect: connectTo(away), deadlineMs: 1_000 })).toMatchObject({
      code: 'connection',
      message: expect.stringContaining('nothing listens at that address'),
    });
  });
});

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
