import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { ConvergeOutcome } from '../../lambda/contract/converge';
import { type Manifest, toManifestEntry } from '../../lambda/contract/manifest';
import { converge, down, plan, readStatus, verify } from '../../lambda/engine';
import { connectDataApi } from '../../lambda/postgres/data-api/database';
import { compileFolder } from '../../lib/compiler';
import { findDataApiProblems } from '../../lib/compiler/data-api-limits';
import { type DataApiEndpoint, startDataApi } from '../support/aws/data-api';
import type { Limits } from '../support/aws/data-api/service';
import { busyManifest } from '../support/busy-manifest';
import { connect, createDatabase, majors, newestMajor } from '../support/database';
import { dumpCatalog } from '../support/dump-catalog';
import { up } from '../support/engine';
import { manifestOf, migration, request } from '../support/manifest';
import { startProxy } from '../support/proxy';

const endpoints: DataApiEndpoint[] = [];

const BUDGET_MS = 30_000;

/** An empty database behind the local endpoint, and the engine's context on it. */
async function scratch(major: number, limits: Partial<Limits> = {}) {
  const url = await createDatabase(major);
  const { hostname, port, username, password, pathname } = new URL(url);
  const endpoint = await startDataApi({
    host: hostname,
    port: Number(port),
    secret: { username, password },
    limits,
  });
  endpoints.push(endpoint);
  const context = (manifest: Manifest, budgetMs = BUDGET_MS) => ({
    connect: () => connectDataApi({ ...endpoint, database: pathname.slice(1), keepAliveMs: 300 }),
    manifest,
    deadline: Date.now() + budgetMs,
  });
  /** Slices until it is done, as `deploy` does; longer ones where a busy machine applies nothing in the first. */
  const untilDone = async (
    manifest: Manifest,
    change: object = {},
    budgetMs = BUDGET_MS,
  ): Promise<ConvergeOutcome> => {
    const asked = request(manifest, change);
    for (let [slice, ms] = [1, budgetMs]; ; slice++) {
      const outcome = await converge(context(manifest, ms), asked);
      if (outcome.status !== 'continue' || slice === 20) return outcome;
      if (outcome.report.applied.length === 0) ms *= 1.5;
    }
  };
  return { url, endpoint, context, untilDone };
}

afterAll(async () => {
  await Promise.all(endpoints.map((endpoint) => endpoint.close()));
});

describe.each(majors())('the engine over the Data API, PostgreSQL %i', (major) => {
  test('applies one of everything, proves it, and does nothing the second time', async () => {
    const { url, context, untilDone } = await scratch(major);
    const names = busyManifest.migrations.map(({ name }) => name);
    const first = await untilDone(busyManifest);
    expect(first).toMatchObject({ status: 'done', report: { applied: names, pending: [] } });
    expect(await untilDone(busyManifest)).toMatchObject({ status: 'done', report: { applied: [] } });
    expect((await readStatus(context(busyManifest), 'app')).migrations.map((m) => m.state)).toEqual(
      names.map(() => 'applied'),
    );
    expect((await plan(context(busyManifest), request(busyManifest))).steps).toEqual([]);
    const checked = await verify(context(busyManifest), 'app');
    expect(checked).toMatchObject({ findings: [], errors: [], pending: [] });
    await (await connect(url)).query('ALTER TABLE child ALTER done DROP DEFAULT');
    const { findings } = await verify(context(busyManifest), 'app');
    expect(findings).toMatchObject([{ migration: '0005_default' }]);
  });

  test('undoes by name, outside a transaction too', async () => {
    const { url, context, untilDone } = await scratch(major);
    const index = { kind: 'index', schema: null, table: 'goods', unique: false, name: 'goods_id' } as const;
    const manifest = manifestOf(
      migration('0001_goods', { up: ['CREATE TABLE goods (id int)'], down: ['DROP TABLE goods'] }),
      migration('0002_index', {
        up: [
          {
            sql: 'CREATE INDEX CONCURRENTLY goods_id ON goods (id)',
            execution: 'non-transactional',
            target: { ...index, action: 'create' },
          },
        ],
        down: [
          {
            sql: 'DROP INDEX CONCURRENTLY goods_id',
            execution: 'non-transactional',
            target: { ...index, action: 'drop' },
          },
        ],
      }),
    );
    await untilDone(manifest);
    for (const name of ['0002_index', '0001_goods']) {
      const asked = { id: `down ${name}`, namespace: 'app', owner: null, name };
      expect(await down(context(manifest), asked)).toMatchObject({
        status: 'done',
        report: { undone: [name] },
      });
    }
    const left = await (await connect(url)).query("SELECT to_regclass('goods') AS t");
    expect(left.rows[0].t).toBeNull();
  });

  test('a failing statement is placed in its file, and nothing of its migration stays', async () => {
    const { url, untilDone } = await scratch(major);
    const manifest = manifestOf(
      migration('0001_good', { up: ['CREATE TABLE good (id int)'] }),
      migration('0002_bad', {
        up: ['CREATE TABLE bad (id int)', 'ALTER TABLE good\n  ADD é int,\n  ADD x nope'],
      }),
      migration('0003_never', { up: ['CREATE TABLE never (id int)'] }),
    );
    const outcome = await untilDone(manifest);
    expect(outcome).toMatchObject({
      status: 'failed',
      error: { code: 'statement', migration: '0002_bad', statement: 2, line: 6, sqlstate: '42704' },
      report: { applied: ['0001_good'] },
    });
    const { rows } = await (await connect(url)).query(
      "SELECT to_regclass('good') IS NOT NULL AS good, to_regclass('bad') AS bad, to_regclass('never') AS never",
    );
    expect(rows).toEqual([{ good: true, bad: null, never: null }]);
  });

  test('what verify finds stops the commit, with its sentences', async () => {
    const { url, untilDone } = await scratch(major);
    const manifest = manifestOf(
      migration('0001_unproved', {
        up: ['CREATE TABLE unproved (id int)'],
        verify: "VALUES ('first: wrong; SQLState: 00000'), ('second')",
      }),
    );
    expect(await untilDone(manifest)).toMatchObject({
      status: 'failed',
      error: { code: 'verification', details: ['first: wrong; SQLState: 00000', 'second'] },
    });
    expect((await (await connect(url)).query("SELECT to_regclass('unproved') AS t")).rows[0].t).toBeNull();
  });

  test('two at once: one works, the other waits, nothing is done twice', async () => {
    const { url, untilDone } = await scratch(major);
    const outcomes = await Promise.all([
      untilDone(busyManifest, { id: 'one' }),
      untilDone(busyManifest, { id: 'two' }),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['done', 'done']);
    const { rows } = await (await connect(url)).query(
      "SELECT count(*)::int AS n FROM trueup.events WHERE event = 'verified' AND migration = '0002_index'",
    );
    expect(rows).toEqual([{ n: 1 }]);
  });

  test('an index that takes longer than a call and than a slice is built once', async () => {
    const { url, untilDone } = await scratch(major, { callMs: 400 });
    const slow = manifestOf(
      migration('0001_slow', {
        up: [
          'CREATE TABLE slow AS SELECT g AS id FROM generate_series(1, 30) g',
          "CREATE FUNCTION slowly(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM pg_sleep(0.05); RETURN $1; END'",
        ],
      }),
      migration('0002_slow_index', {
        up: [
          {
            sql: 'CREATE INDEX CONCURRENTLY slow_id ON slow (slowly(id))',
            execution: 'non-transactional',
            target: {
              kind: 'index',
              action: 'create',
              name: 'slow_id',
              schema: null,
              table: 'slow',
              unique: false,
            },
          },
        ],
        verify:
          "SELECT 'not valid' WHERE NOT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass('slow_id') AND indisvalid)",
      }),
    );
    const client = await connect(url);
    const builds = new Set<string>();
    const watch = setInterval(async () => {
      const { rows } = await client.query(
        "SELECT pid, query_start::text AS began FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%CREATE INDEX CONCURRENTLY slow_id%' AND state = 'active' AND pid <> pg_backend_pid()",
      );
      for (const { pid, began } of rows) builds.add(`${pid} ${began}`);
    }, 100);
    const outcome = await untilDone(slow, {}, 900).finally(() => clearInterval(watch));
    expect(outcome).toMatchObject({ status: 'done', report: { applied: ['0001_slow', '0002_slow_index'] } });
    expect(builds.size).toBe(1);
  });

  test.each(['appointments', 'channels', 'courses', 'marketplace', 'messaging'])(
    'the folder %s, as over pg',
    async (name) => {
      const manifest = await compileFolder(join(__dirname, '../../migrations', name));
      expect(findDataApiProblems(manifest)).toEqual([]);
      const { url, context, untilDone } = await scratch(major);
      expect(await untilDone(manifest)).toMatchObject({ status: 'done', report: { pending: [] } });
      expect(await verify(context(manifest), 'app')).toMatchObject({ findings: [], errors: [] });
      const other = await createDatabase(major);
      await up(other, manifest);
      expect(await dumpCatalog(await connect(url))).toEqual(await dumpCatalog(await connect(other)));
    },
  );

  test('a rollback undoes what the failed deployment did', async () => {
    const { url, untilDone } = await scratch(major);
    const table = migration('0001_table', { up: ['CREATE TABLE rolled (id int, note text)'] });
    const old = manifestOf(table);
    const next = manifestOf(
      table,
      migration('0002_default', {
        up: ["ALTER TABLE rolled ALTER note SET DEFAULT 'x'"],
        down: ['ALTER TABLE rolled ALTER note DROP DEFAULT'],
      }),
    );
    await untilDone(old, { id: 'create' });
    await untilDone(next, { id: 'update' });
    const back = await untilDone(old, {
      id: 'rollback',
      direction: 'rollback',
      failed: { manifestHash: next.hash, reportedSuccess: false },
    });
    expect(back).toMatchObject({ status: 'done', report: { undone: ['0002_default'], kept: [] } });
    const { rows } = await (await connect(url)).query(
      "SELECT column_default FROM information_schema.columns WHERE table_name = 'rolled' AND column_name = 'note'",
    );
    expect(rows).toEqual([{ column_default: null }]);
  });
});

test.each([6, 25, 60])(
  'a runner that dies after %i calls leaves nothing behind that the next one cannot go on from',
  async (calls) => {
    const { url, endpoint, context, untilDone } = await scratch(newestMajor(), { idleTransactionMs: 700 });
    const { hostname, port } = new URL(endpoint.url);
    const proxy = await startProxy({ target: { host: hostname, port: Number(port) } });
    const total = () => Object.values(endpoint.calls).reduce((a, b) => a + b, 0);
    const death = setInterval(() => total() >= calls && void proxy.close(), 1);
    const doomed = {
      ...context(busyManifest, 1_500),
      connect: () =>
        connectDataApi({
          ...endpoint,
          clientConfig: { ...endpoint.clientConfig, endpoint: `http://127.0.0.1:${proxy.port}` },
          database: new URL(url).pathname.slice(1),
          patienceMs: 100,
        }),
    };
    const first = await converge(doomed, request(busyManifest, { id: 'doomed' }));
    clearInterval(death);
    expect(first.status).not.toBe('done');
    const names = busyManifest.migrations.map(({ name }) => name);
    expect(await untilDone(busyManifest, { id: 'next' })).toMatchObject({ status: 'done' });
    expect((await verify(context(busyManifest), 'app')).findings).toEqual([]);
    const client = await connect(url);
    const events = await client.query(
      "SELECT migration FROM trueup.events WHERE event = 'verified' OR (event = 'applied' AND detail->>'verified' = 'true')",
    );
    // Each was proved once, by whichever run came that far; the repeatable has nothing to prove.
    expect(events.rows.map((row) => row.migration).sort()).toEqual(names.filter((n) => !n.startsWith('R')));
    const rows = await client.query('SELECT count(*)::int AS n FROM child');
    expect(rows.rows).toEqual([{ n: 50 }]);
  },
);

test('a cluster that cannot be used is one clear sentence', async () => {
  const { endpoint, untilDone } = await scratch(newestMajor());
  endpoint.failNext('AccessDeniedException', 'User: arn:aws:iam::0:role/x is not authorized', {
    status: 403,
  });
  expect(await untilDone(busyManifest)).toMatchObject({
    status: 'failed',
    error: {
      code: 'connection',
      message:
        'the caller may not use the Data API of this cluster, or may not read the secret (User: arn:aws:iam::0:role/x is not authorized)',
      remedy: expect.stringContaining('secretsmanager:GetSecretValue'),
    },
  });
});

test('a folder of two hundred migrations is more than a statement and a row may hold', async () => {
  const { context, untilDone } = await scratch(newestMajor());
  const many = manifestOf(
    ...Array.from({ length: 200 }, (_, i) =>
      migration(`${String(i + 1).padStart(4, '0')}_${'as_long_as_a_name_may_be_'.repeat(4)}`.slice(0, 100), {
        up: [`SELECT ${i}`],
        down: ['SELECT 0'],
      }),
    ),
  );
  expect(JSON.stringify(many.migrations.map(toManifestEntry)).length).toBeGreaterThan(65_536);
  expect(await untilDone(many, {}, 60_000)).toMatchObject({ status: 'done' });
  expect(await untilDone(many, { id: 'again' })).toMatchObject({ status: 'done', report: { applied: [] } });
  expect((await readStatus(context(many), 'app')).migrations).toHaveLength(200);
});
