/** The drift check's look at the application's statements: what has become worse since they were promised. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { WorkloadDrift } from '../../lambda/contract/workload';
import { checkWorkload } from '../../lambda/migrate/check-workload';
import { checkDrift } from '../../lambda/migrate/drift';
import { buildDriftMetrics } from '../../lambda/migrate/metrics';
import { connectDataApi } from '../../lambda/postgres/data-api/database';
import { connectPg } from '../../lambda/postgres/pg';
import { startDataApi } from '../support/aws/data-api';
import { connect, createDatabase, majors } from '../support/database';
import { contextFor, run, up } from '../support/engine';
import { manifestOf, migration, promising } from '../support/manifest';

const owner = { account: '1', region: 'r', stackName: 's' };
const lock = (relation: string) => [{ relation, mode: 'ACCESS EXCLUSIVE' as const, created: false }];
const first = migration('0001_shop', {
  up: [
    'CREATE TABLE customers (id int PRIMARY KEY, email text, note text)',
    'CREATE UNIQUE INDEX customers_email ON customers (email)',
    'CREATE TABLE orders (id int GENERATED ALWAYS AS IDENTITY, customer int, town text)',
  ],
});
const UPSERT = 'INSERT INTO customers (id, email) VALUES ($1, $2) ON CONFLICT (email) DO NOTHING';
const READ = 'SELECT note FROM customers WHERE id = $1';
const ORDER = 'INSERT INTO orders (customer) VALUES ($1)';
const WORKLOAD = [
  { text: UPSERT, role: 'app', calls: 90 },
  { text: READ, calls: 7 },
  { text: ORDER, calls: 5 },
  { text: 'SELECT id FROM orders WHERE id = $1', calls: 1 },
];

describe.each(majors())('PostgreSQL %i', (major) => {
  async function deployed(statements: Parameters<typeof promising>[1][] = WORKLOAD) {
    const url = await createDatabase(major);
    const manifest = promising(manifestOf(first), ...statements);
    await up(url, manifest, { owner });
    const check = async (budgetMs = 20_000): Promise<WorkloadDrift> => {
      const ctx = {
        ...contextFor(url, manifest, budgetMs),
        connect: () => connectPg({ url, readOnly: true }),
      };
      const report = await checkDrift(ctx, 'app');
      expect(report.verification.errors).toEqual([]);
      return report.workload!;
    };
    return { url, manifest, client: await connect(url), check };
  }
  const brief = ({ named }: WorkloadDrift) => named.map(({ text, sqlstate }) => `${sqlstate}: ${text}`);

  test('where nothing is promised there is nothing, and no metric', async () => {
    const url = await createDatabase(major);
    await up(url, manifestOf(first), { owner });
    const report = await checkDrift(contextFor(url, manifestOf(first)), 'app');
    expect(report.workload).toBeNull();
    expect(buildDriftMetrics('f', report, 1)).not.toHaveProperty('BrokenStatements');
    const none = await createDatabase(major);
    expect((await checkDrift(contextFor(none, manifestOf(first)), 'app')).workload).toBeNull();
  });

  test('what stopped planning is named, most calls first, with cause and repair', async () => {
    const { client, check, manifest, url } = await deployed();
    const clean = await check();
    expect(clean).toEqual({
      statements: 4,
      plan: 4,
      broken: 0,
      failing: 0,
      undecided: {},
      notRecorded: 0,
      named: [],
      problem: null,
    });
    const before = await checkDrift(contextFor(url, manifest), 'app');
    expect(buildDriftMetrics('f', before, 1)).toMatchObject({ BrokenStatements: 0, Drift: 0 });

    await client.query('DROP INDEX customers_email; ALTER TABLE customers DROP COLUMN note');
    await client.query('ALTER TABLE orders ALTER customer SET NOT NULL, ALTER town SET NOT NULL');
    const drift = await check();
    expect(drift).toMatchObject({ statements: 4, plan: 1, broken: 3, notRecorded: 0 });
    const [upsert, read, order] = drift.named;
    expect(upsert).toMatchObject({
      text: UPSERT,
      role: 'app',
      calls: 90,
      sqlstate: '42P10',
      diagnosis: {
        kind: 'missing-conflict-target',
        repair: { sql: expect.arrayContaining([expect.stringMatching(/^CREATE UNIQUE INDEX/)]) },
      },
    });
    expect(read).toMatchObject({
      sqlstate: '42703',
      diagnosis: {
        subject: 'public.customers.note',
        cause: [
          'public.customers.note existed when the running application was deployed, and does not exist now.',
        ],
        repair: { decision: true },
      },
    });
    expect(order).toMatchObject({
      sqlstate: '23502',
      why: 'a column that must have a value gets none (public.orders: town)',
      diagnosis: { kind: 'not-null-too-early', subject: 'public.orders.town' },
    });
    const report = await checkDrift(contextFor(url, manifest), 'app');
    expect(buildDriftMetrics('f', report, 1)).toMatchObject({ BrokenStatements: 3 });
  });

  test('over the Data API as well, in a session that cannot write', async () => {
    const { url, client, manifest } = await deployed();
    await client.query('DROP INDEX customers_email');
    const { hostname, port, username, password } = new URL(url);
    const endpoint = await startDataApi({
      host: hostname,
      port: Number(port),
      secret: { username, password },
    });
    try {
      const database = new URL(url).pathname.slice(1);
      const reading = async () => connectDataApi({ ...endpoint, database, readOnly: true });
      const report = await checkDrift({ ...contextFor(url, manifest), connect: reading }, 'app');
      expect(report.workload).toMatchObject({ statements: 4, plan: 3, broken: 1 });
      expect(report.workload?.named[0]?.diagnosis).toMatchObject({ kind: 'missing-conflict-target' });
      const overPg = await checkWorkload(contextFor(url, manifest), 'app', null, 0);
      const overDataApi = await checkWorkload(
        { ...contextFor(url, manifest), connect: reading },
        'app',
        null,
        0,
      );
      expect(overDataApi).toEqual(overPg);
      expect(overPg.part).toMatchObject({ hash: manifest.workload!.hash, next: null });
      expect(overPg.verdicts.map(({ outcome }) => outcome)).toEqual(['fails', 'plans', 'plans', 'plans']);
      expect(overPg.causes).toMatchObject([{ at: 0, repair: { sql: expect.any(Array) } }]);
    } finally {
      await endpoint.close();
    }
  });

  test('what still plans and is worse: a privilege, a type, row security, a constraint made deferrable', async () => {
    const url = await createDatabase(major);
    const role = `app_${Date.now()}_${major}`;
    const client = await connect(url);
    await client.query(`CREATE ROLE ${role}`);
    const granted = migration('0001_shop', {
      up: [
        'CREATE TABLE a (id int UNIQUE, b text)',
        'CREATE TABLE c (id int, n int)',
        `GRANT ALL ON a, c TO ${role}`,
      ],
    });
    const manifest = promising(
      manifestOf(granted),
      { text: 'SELECT b FROM a', role, calls: 9 },
      { text: 'SELECT id FROM c WHERE n = $1', role, calls: 8 },
      { text: 'DELETE FROM c WHERE id = $1', role, calls: 7 },
      { text: 'INSERT INTO a (id) VALUES ($1) ON CONFLICT (id) DO NOTHING', calls: 6 },
    );
    await up(url, manifest, { owner });
    await client.query(`REVOKE SELECT ON a FROM ${role}; ALTER TABLE c ALTER n TYPE text`);
    await client.query('ALTER TABLE c ENABLE ROW LEVEL SECURITY; ALTER TABLE a DROP CONSTRAINT a_id_key');
    await client.query('ALTER TABLE a ADD CONSTRAINT a_id_key UNIQUE (id) DEFERRABLE');
    const { workload } = await checkDrift(contextFor(url, manifest), 'app');
    expect(
      workload?.named.map(({ diagnosis }) => [diagnosis.cause[0], diagnosis.repair.sql[0] ?? null]),
    ).toEqual([
      [
        `Role ${role} had SELECT public.a when the running application was deployed, and no longer has it.`,
        `GRANT SELECT ON public.a TO ${role};`,
      ],
      [expect.stringMatching(/^Row security of public\.c hides every row/), null],
      [expect.stringMatching(/^Row security of public\.c hides every row/), null],
      [expect.stringContaining('a_id_key on public.a is DEFERRABLE'), expect.any(String)],
    ]);
    await client.query('ALTER TABLE c DISABLE ROW LEVEL SECURITY');
    const typed = (await checkDrift(contextFor(url, manifest), 'app')).workload;
    expect(typed?.named[1]).toMatchObject({
      why: 'a parameter has another type (integer, now text)',
      diagnosis: {
        cause: ['The type was integer when the running application was deployed, and is text now.'],
      },
    });
    await client.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });

  test('the next deployment does not make good what has drifted; a repair does', async () => {
    const { url, client, check, manifest } = await deployed();
    await client.query('ALTER TABLE customers RENAME COLUMN note TO remark');
    expect(brief(await check())).toEqual([`42703: ${READ}`]);
    const more = migration('0002_more', { up: ['CREATE TABLE more (id int)'] });
    await up(url, { ...manifest, ...manifestOf(first, more) }, { owner });
    expect(brief(await check())).toEqual([`42703: ${READ}`]);
    // A workload that has the statement too, and another one.
    const next = promising(manifestOf(first, more), ...WORKLOAD, 'SELECT id FROM more');
    await up(url, next, { owner });
    expect(await check()).toMatchObject({ statements: 5, broken: 1 });
    await client.query('ALTER TABLE customers RENAME COLUMN remark TO note');
    expect(await check()).toMatchObject({ statements: 5, plan: 5, broken: 0 });
  });

  test.each([
    ['of a stack', { owner }],
    ['by hand, which leaves the promise as it is', {}],
  ])('what a deployment breaks with consent is no drift: %s', async (_, by) => {
    const { url, check } = await deployed();
    const rename = migration('0002_remark', {
      up: [{ sql: 'ALTER TABLE customers RENAME COLUMN note TO remark', locks: lock('customers') }],
      breaks: 'a test',
    });
    const manifest = manifestOf(first, rename);
    await up(url, 'owner' in by ? promising(manifest, ...WORKLOAD) : manifest, by);
    expect(await check()).toMatchObject({ statements: 4, plan: 3, broken: 0, failing: 1, notRecorded: 0 });
  });

  test('a rollback brings the promise back, and what was known of it', async () => {
    const { url, client, check, manifest } = await deployed();
    const later = promising(manifestOf(first), 'SELECT town FROM orders');
    await up(url, later, { owner });
    expect(await check()).toMatchObject({ statements: 1 });
    await run(url, manifest, { owner, direction: 'rollback' });
    expect(await check()).toMatchObject({ statements: 4, plan: 4, notRecorded: 0 });
    await client.query('ALTER TABLE customers RENAME COLUMN note TO remark');
    expect(brief(await check())).toEqual([`42703: ${READ}`]);
  });

  test('a promise that an older version made is compared from the next deployment on', async () => {
    const { url, client, check, manifest } = await deployed();
    await client.query('DELETE FROM trueup.workload_plans');
    await client.query('ALTER TABLE customers RENAME COLUMN note TO remark');
    expect(await check()).toMatchObject({ statements: 4, plan: 3, broken: 0, failing: 1, notRecorded: 4 });
    await client.query('ALTER TABLE customers RENAME COLUMN remark TO note');
    const more = migration('0002_more', { up: ['CREATE TABLE more (id int)'] });
    await up(url, { ...manifest, ...manifestOf(first, more) }, { owner });
    expect(await check()).toMatchObject({ notRecorded: 0 });
    await client.query('DROP FUNCTION trueup._check_running_workload(jsonb)');
    expect(await check()).toMatchObject({
      statements: 0,
      problem: expect.stringContaining('The next deployment'),
    });
  });

  test('no time is left: all of it is counted as not asked, and nothing is claimed', async () => {
    const { client, check } = await deployed();
    await client.query('DROP TABLE orders');
    const drift = await check(1);
    expect(drift).toMatchObject({
      statements: 4,
      plan: 0,
      broken: 0,
      undecided: { budget: 4 },
      problem: null,
    });
  });

  test('the connection is lost while it plans: asked again, and the answer is whole', async () => {
    const { client, check, url } = await deployed([]);
    await client.query(`CREATE TABLE gate (open boolean); CREATE FUNCTION held() RETURNS int LANGUAGE plpgsql IMMUTABLE AS
      'BEGIN IF NOT EXISTS (SELECT FROM public.gate) AND strpos(current_query(), ''_check_running_workload'') > 0 THEN PERFORM pg_sleep(30); END IF; RETURN 1; END'`);
    await up(url, promising(manifestOf(first), READ, 'SELECT id FROM orders WHERE id = held()'), { owner });
    const checked = check();
    for (;;) {
      const { rows } = await client.query(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'",
      );
      if (rows.length > 0) {
        await client.query('INSERT INTO gate VALUES (true)');
        await client.query('SELECT pg_terminate_backend($1)', [rows[0].pid]);
        break;
      }
      await sleep(20);
    }
    expect(await checked).toMatchObject({ statements: 2, plan: 2, broken: 0 });
  });

  test('texts of somebody who wants the planner to work for him do nothing, and hold no row', async () => {
    const { client, check, url } = await deployed([]);
    await client.query(`CREATE FUNCTION leaks() RETURNS int LANGUAGE plpgsql IMMUTABLE AS
      'BEGIN RAISE EXCEPTION ''CANARY %'', 1 USING ERRCODE = ''42703''; END'`);
    const texts = [
      'SELECT 1; DROP TABLE customers',
      'SELECT id FROM customers WHERE id = leaks()',
      `SELECT ${'x'.repeat(200)} FROM customers`,
      'EXPLAIN ANALYZE DELETE FROM customers',
      READ,
    ];
    await up(url, promising(manifestOf(first), ...texts.slice(0, 2), ...texts.slice(3)), { owner });
    await client.query(
      "INSERT INTO customers VALUES (1, 'CANARY', 'CANARY'); ALTER TABLE customers DROP COLUMN note",
    );
    const drift = await check();
    expect(brief(drift)).toEqual([`42703: ${READ}`]);
    expect(JSON.stringify(drift)).not.toContain('CANARY');
    expect((await client.query('SELECT FROM customers')).rowCount).toBe(1);
  });

  test('what is asked from outside is planned and not run, whatever it is; a promise is handed out in parts', async () => {
    const { url, client, manifest } = await deployed(
      Array.from({ length: 1_001 }, (_, i) => ({ text: `SELECT id AS c${i} FROM orders` })),
    );
    const ctx = { ...contextFor(url, manifest), connect: () => connectPg({ url, readOnly: true }) };
    const [one, other] = [
      await checkWorkload(ctx, 'app', null, 0),
      await checkWorkload(ctx, 'app', null, 1_000),
    ];
    expect([one.part?.next, one.verdicts.length]).toEqual([1_000, 1_000]);
    expect([other.part?.next, other.part?.statements]).toEqual([
      null,
      [{ text: 'SELECT id AS c1000 FROM orders', role: null, searchPath: null, calls: null }],
    ]);
    const given = (text: string) => ({ text, role: 'nobody', searchPath: 'evil"', calls: null });
    const hostile = [
      'SELECT 1; DROP TABLE orders',
      "SELECT pg_catalog.set_config('x.y', 'z', false)",
      '',
      '\0',
    ];
    const { verdicts, part: promised } = await checkWorkload(ctx, 'app', hostile.map(given), 0);
    expect(promised).toBeUndefined();
    expect(verdicts).toHaveLength(4);
    expect((await client.query('SELECT FROM orders')).rowCount).toBe(0);
    await expect(async () => checkWorkload(ctx, 'app', [{ text: 1 }] as never, 0)).rejects.toMatchObject({
      info: { code: 'unsupported' },
    });
  });

  test('two checks at once answer the same, and nobody waits for a lock', async () => {
    const { client, check } = await deployed();
    await client.query('ALTER TABLE customers DROP COLUMN note');
    const holder = client;
    await holder.query('BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE');
    const [one, other] = await Promise.all([check(), check()]);
    await holder.query('ROLLBACK');
    expect(one).toEqual(other);
    expect(one).toMatchObject({ statements: 4, broken: 1, undecided: { lock: 2 } });
  });
});
