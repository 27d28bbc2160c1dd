/** A schema a tenant: names mean what is in the tenant's own schema, and the ledger remembers which that is. */

import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { converge, down, plan, readStatus, verify } from '../../lambda/engine';
import { readLedger } from '../../lambda/engine/ledger/read';
import { RUNNER_LOCK_KEY } from '../../lambda/engine/locks/runner-lock';
import type { Database } from '../../lambda/postgres/database';
import { compileUp } from '../compiler/support';
import { connect, createDatabase, majors, urlOf } from '../support/database';
import { contextFor, run, up } from '../support/engine';
import { fleetFolder } from '../support/fleet-folder';
import { manifestOf, migration, promising, request } from '../support/manifest';
import { applications, untilRow } from '../support/watching';

const NAMES = ['acme', 'Ten "A" nt, é', "o'neil; --", 'x'.repeat(63)];
const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const folder = fleetFolder();

describe.each(majors())('PostgreSQL %i', (major) => {
  const withSchemas = async (...names: string[]) => {
    const url = await createDatabase(major);
    const client = await connect(url);
    for (const name of names) await client.query(`CREATE SCHEMA ${quoted(name)}`);
    return { url, client };
  };

  test('a new database, and several tenants at the same instant: none waits for the migrations of another', async () => {
    const names = ['a', 'b', 'c', 'd'];
    const { url, client } = await withSchemas(...names);
    // All of them see that there is no ledger yet; then each comes to where it waits for the gate.
    await client.query(`SELECT pg_advisory_lock(${RUNNER_LOCK_KEY}), pg_advisory_lock(42)`);
    const waits = `SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = 42
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) HAVING count(*) = 4`;
    const made = manifestOf(
      migration('0001_orders', {
        up: ['CREATE TABLE orders (id int)', 'SELECT pg_advisory_xact_lock_shared(42)'],
      }),
    );
    const waiting = new Set<string>();
    const runs = names.map((name) => {
      const ctx = contextFor(url, made);
      const progress = () => void waiting.add(name);
      return converge(
        { ...ctx, progress },
        request(made, { namespace: `app/${name}`, id: name, schemas: [name] }),
      );
    });
    while (waiting.size < names.length) await sleep(10);
    await client.query(`SELECT pg_advisory_unlock(${RUNNER_LOCK_KEY})`);
    await untilRow(client, waits);
    await client.query('SELECT pg_advisory_unlock(42)');
    expect((await Promise.all(runs)).map(({ status }) => status)).toEqual(names.map(() => 'done'));
    expect(await applications(url)).toEqual({ '0001_orders': 4 });
  });

  test('two stacks that reach a new tenant at once: the later one is told whose it is, and not that it is done for it', async () => {
    const { url } = await withSchemas('a');
    const asks = (stackName: string, startedAt: string) => ({
      namespace: 'app/a',
      schemas: ['a'],
      id: stackName,
      owner: { account: '1', region: 'r', stackName },
      startedAt,
    });
    await up(url, folder, asks('first', '2026-01-01T00:00:02.000Z'));
    const { outcome } = await run(url, folder, asks('other', '2026-01-01T00:00:01.000Z'));
    expect(outcome).toMatchObject({
      status: 'failed',
      error: { code: 'ownership', message: 'namespace app/a belongs to 1/r/first' },
    });
  });

  test("another tenant's ledger of another tool says nothing about this one", async () => {
    const { url, client } = await withSchemas('old', 'new');
    await client.query(
      "CREATE TABLE old.schema_migrations (version text PRIMARY KEY); INSERT INTO old.schema_migrations VALUES ('0001')",
    );
    const one = manifestOf(migration('0001_orders', { up: ['CREATE TABLE orders (id int)'] }));
    const tenant = (schema: string) => ({ namespace: `app/${schema}`, id: schema, schemas: [schema] });
    const { outcome } = await run(url, one, tenant('old'));
    expect(outcome.status === 'failed' && outcome.error.message).toMatch(/old\.schema_migrations|dbmate/);
    expect((await up(url, one, tenant('new'))).report.applied).toEqual(['0001_orders']);
  });

  test('what is read of one tenant does not grow with the others', async () => {
    const { url, client } = await withSchemas('one');
    await up(url, folder, { namespace: 'app/one', id: 'one', schemas: ['one'] });
    await client.query(`INSERT INTO trueup.deployments (namespace, id, direction, manifest_hash, entries, request, outcome)
      SELECT 'app/' || n, 'd', 'forward', 'h', '[]', '{}', 'done' FROM generate_series(1, 20000) n;
      INSERT INTO trueup.events (namespace, deployment, event) SELECT 'app/' || n, 'd', 'begun' FROM generate_series(1, 20000) n`);
    await client.query('BEGIN');
    const db = {
      capabilities: { transport: 'pg' },
      query: async (sql: string, params: string[]) => (await client.query(sql, params)).rows,
    } as unknown as Database;
    const rowsRead = async (): Promise<number> =>
      Number(
        (
          await client.query(
            "SELECT sum(pg_stat_get_xact_tuples_returned(c.oid)) AS read FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'trueup' AND c.relkind IN ('r', 'i')",
          )
        ).rows[0].read,
      );
    const before = await rowsRead();
    const ledger = await readLedger(db, 'app/one', null, null);
    expect(ledger.migrations).toHaveLength(3);
    expect((await rowsRead()) - before).toBeLessThan(100);
    await client.query('COMMIT');
  });

  test('another workload of one tenant: what is read grows neither with the others that send it nor by its square', async () => {
    const { url, client } = await withSchemas('one');
    const texts = Array.from({ length: 100 }, (_, i) => `SELECT id AS n${i} FROM orders`);
    const tenant = { namespace: 'app/one', id: 'one', schemas: ['one'] };
    await up(url, promising(folder, ...texts), tenant);
    await client.query(`INSERT INTO trueup.workload_statements (namespace, workload, number, statement, role, search_path, calls)
      SELECT 'app/' || n, 'p', w.number, w.statement, w.role, w.search_path, w.calls FROM generate_series(1, 300) n, trueup.workload_statements w;
      INSERT INTO trueup.workload_plans SELECT 'app/' || n, 'p', k.number, k.verdict FROM generate_series(1, 300) n, trueup.workload_plans k;
      ANALYZE trueup.workload_statements, trueup.workload_plans`);
    const statements = texts.map((text) => ({ text, role: null, searchPath: '"one"', calls: 7 }));
    const asked = { namespace: 'app/one', deployment: 'two', workload: 'another', budgetMs: 30_000 };
    await client.query('BEGIN');
    await client.query('SELECT trueup._store_workload($1, $2, $3)', [
      'app/one',
      'another',
      JSON.stringify(statements),
    ]);
    const { rows } = await client.query('SELECT trueup._plan_after($1) AS after', [JSON.stringify(asked)]);
    expect(rows[0].after.deployed).toMatchObject({ statements: 100, plan: 100 });
    const read =
      await client.query(`SELECT sum(pg_stat_get_xact_tuples_returned(c.oid) + pg_stat_get_xact_tuples_fetched(c.oid))::int AS rows
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = 'trueup' AND c.relname ~ '^workload_' AND c.relkind IN ('r', 'i')`);
    expect(read.rows[0].rows).toBeLessThan(30 * texts.length);
    await client.query('ROLLBACK');
  });

  test('each tenant has its own tables, whatever its name, and nothing is made elsewhere', async () => {
    const { url, client } = await withSchemas(...NAMES);
    for (const name of NAMES) await up(url, folder, { namespace: `app/${name}`, id: name, schemas: [name] });
    const { rows } =
      await client.query(`SELECT n.nspname AS schema, string_agg(c.relname, ',' ORDER BY c.relname) AS made
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relname ~ '^orders' GROUP BY 1`);
    expect(new Map(rows.map(({ schema, made }) => [schema, made]))).toEqual(
      new Map(NAMES.map((name) => [name, 'orders,orders_id'])),
    );
    const recorded = await client.query('SELECT name, schemas FROM trueup.namespaces');
    expect(new Map(recorded.rows.map((row) => [row.name, row.schemas]))).toEqual(
      new Map(NAMES.map((name) => [`app/${name}`, [name]])),
    );
  });

  test('what is asked later of the namespace is asked of its schema, without being told', async () => {
    const { url, client } = await withSchemas('a', 'b');
    for (const name of ['a', 'b']) await up(url, folder, { namespace: name, id: name, schemas: [name] });
    const verified = { verified: folder.migrations.map(({ name }) => name), findings: [], errors: [] };
    expect(await verify(contextFor(url, folder), 'a')).toMatchObject(verified);
    await client.query('ALTER TABLE a.orders DROP COLUMN total');
    expect((await verify(contextFor(url, folder), 'a')).findings).toMatchObject([
      { migration: '0003_total' },
    ]);
    expect(await verify(contextFor(url, folder), 'b')).toMatchObject(verified);
    const asked = { id: 'back', namespace: 'b', owner: null, name: '0003_total' };
    expect(await down(contextFor(url, folder), asked)).toMatchObject({ status: 'done' });
    const columns = "SELECT column_name FROM information_schema.columns WHERE table_schema = 'b'";
    expect((await client.query(columns)).rows).toEqual([{ column_name: 'id' }]);
    await up(url, folder, { namespace: 'b', id: 'again' });
    expect((await client.query(columns)).rowCount).toBe(2);
  });

  test('shared schemas come after it: a type is found there, a table is not made there', async () => {
    const { url, client } = await withSchemas('a', 'shared');
    await client.query("CREATE TYPE shared.color AS ENUM ('red'); CREATE TABLE shared.orders ()");
    const manifest = manifestOf(await compileUp('CREATE TABLE paints (paint color)'), ...folder.migrations);
    await up(url, manifest, { namespace: 'a', id: 'a', schemas: ['a', 'shared'] });
    const { rows } = await client.query(
      "SELECT relname FROM pg_class WHERE relnamespace = 'shared'::regnamespace AND relkind = 'r'",
    );
    expect(rows).toEqual([{ relname: 'orders' }]);
  });

  test('a path that a file sets ends with its transaction; that of the login counts for nothing', async () => {
    const { url, client } = await withSchemas('a', 'elsewhere');
    await client.query(`ALTER DATABASE ${new URL(url).pathname.slice(1)} SET search_path = elsewhere`);
    const manifest = manifestOf(
      migration('0001_sets', {
        up: ["SELECT set_config('search_path', 'elsewhere', false)", 'CREATE TABLE one ()'],
      }),
      migration('0002_next', { up: ['CREATE TABLE two ()'] }),
    );
    await up(url, manifest, { namespace: 'a', id: 'a', schemas: ['a'] });
    const { rows } = await client.query(
      "SELECT relnamespace::regnamespace::text AS schema, relname FROM pg_class WHERE relname IN ('one', 'two') ORDER BY 2",
    );
    expect(rows).toEqual([
      { schema: 'elsewhere', relname: 'one' },
      { schema: 'a', relname: 'two' },
    ]);
  });

  test('a wrong schema is one sentence, and nothing is run', async () => {
    const { url, client } = await withSchemas('a', 'b', 'closed');
    await up(url, folder, { namespace: 'a', id: 'a', schemas: ['a'] });
    await up(url, manifestOf(migration('0001_old')), { namespace: 'old', id: 'old' });
    const failure = async (namespace: string, schema: string, change: object = {}, as = url) => {
      const { outcome } = await run(as, folder, { namespace, id: 'wrong', schemas: [schema], ...change });
      return outcome.status === 'failed' ? outcome.error : outcome;
    };
    expect(await failure('a', 'b')).toMatchObject({
      code: 'target',
      message: 'namespace a is in schema a, but this request names schema b',
    });
    expect(await failure('old', 'b')).toMatchObject({
      code: 'target',
      message: expect.stringContaining("applied without a tenant's schema, but this request names"),
    });
    expect(await failure('c', 'gone')).toMatchObject({
      code: 'target',
      message: 'there is no schema gone in this database',
      remedy: expect.stringContaining('CREATE SCHEMA "gone";'),
    });
    const login = `login_${Math.random().toString(36).slice(2, 10)}`;
    const database = new URL(url).pathname.slice(1);
    await client.query(`CREATE ROLE ${login} LOGIN PASSWORD 'x'; GRANT CREATE ON DATABASE ${database} TO ${login};
      GRANT USAGE, CREATE ON SCHEMA trueup TO ${login}; GRANT ALL ON ALL TABLES IN SCHEMA trueup TO ${login}`);
    try {
      expect(await failure('closed', 'closed', {}, urlOf(url, { user: login, password: 'x' }))).toMatchObject(
        {
          code: 'privilege',
          message: 'the login role may not use schema closed',
        },
      );
    } finally {
      await client.query(`DROP OWNED BY ${login}; DROP ROLE ${login}`);
    }
    const { rows } = await client.query('SELECT name FROM trueup.namespaces ORDER BY 1');
    expect(rows).toEqual([{ name: 'a' }, { name: 'old' }]);
    const planned = plan(contextFor(url, folder), request(folder, { namespace: 'c', schemas: ['gone'] }));
    await expect(planned).rejects.toMatchObject({ info: { code: 'target' } });
    expect((await readStatus(contextFor(url, folder), 'a')).position).toBe('0003_total');
  });
});
