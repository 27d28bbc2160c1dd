/** What the database runs and no workload file holds: guarded by what pg_stat_statements counts, and its text leaves nowhere. */
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkDrift } from '../../../lambda/migrate/drift';
import { connectPg } from '../../../lambda/postgres/pg';
import { type PostgresServer, startPostgres } from '../../../lib/scratch-postgres/server';
import { majors } from '../../support/database';
import { run, up } from '../../support/engine';
import { manifestOf, migration, promising } from '../../support/manifest';

const first = migration('0001_customers', {
  up: [
    'CREATE TABLE customers (id int PRIMARY KEY, email text, note text, town text)',
    'CREATE UNIQUE INDEX customers_email ON customers (email)',
    'GRANT ALL ON customers TO app',
  ],
});
const PROMISED = { text: 'SELECT id, email FROM customers WHERE email = $1', role: 'app', calls: 7 };
const drop = (column: string, n = 2) =>
  migration(`000${n}_no_${column}`, { up: [`ALTER TABLE customers DROP COLUMN ${column}`] });
/** Comments stay in the text of pg_stat_statements, as do names that somebody made of a value. */
const NOTES =
  '/* CANARY1 */ SELECT note AS "CANARY2" /* CANARY3 */, \'CANARY4\', count(*) FROM customers GROUP BY note';

describe.each(majors())('PostgreSQL %i', (major) => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres({
      major,
      settings: { shared_preload_libraries: 'pg_stat_statements', log_statement: 'none' },
    });
    await sql(
      server.url(),
      "CREATE ROLE app LOGIN PASSWORD 'app'; CREATE ROLE deployer LOGIN CREATEDB PASSWORD 'deployer'; GRANT pg_read_all_stats TO deployer",
    );
    return () => server.stop();
  });
  const opened: Client[] = [];
  afterAll(() => Promise.all(opened.map((each) => each.end().catch(() => undefined))));

  async function sql(url: string, text: string): Promise<Record<string, unknown>[]> {
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query(text)).rows;
    } finally {
      await client.end();
    }
  }

  let databases = 0;
  /** Deployed once, and an hour ago. */
  async function shop({ extension = true } = {}) {
    const name = `shop_${++databases}`;
    await sql(server.url(), `CREATE DATABASE ${name} OWNER deployer`);
    const superuser = server.url(name);
    if (extension) await sql(superuser, 'CREATE EXTENSION pg_stat_statements');
    const url = server.url(name, 'deployer', 'deployer');
    await up(url, promising(manifestOf(first), PROMISED));
    return {
      url,
      superuser,
      app: (text: string) => sql(server.url(name, 'app', 'app'), text),
      count: () => sql(url, 'SELECT trueup._count_live_statements() AS counted'),
      /** So long ago as if it were. */
      pass: (hours: number) =>
        sql(
          superuser,
          `UPDATE trueup.deployments SET finished_at = finished_at - interval '${hours} hours';
           UPDATE trueup.ledger SET live_counted_at = live_counted_at - interval '${hours} hours';
           UPDATE trueup.live_statements SET ran_after = ran_after - interval '${hours} hours', seen_at = seen_at - interval '${hours} hours'`,
        ),
      deploy: (...more: ReturnType<typeof migration>[]) =>
        run(url, promising(manifestOf(first, ...more), PROMISED)),
    };
  }

  test('for a tenant in a schema of its own nothing is counted: it is the database of all of them', async () => {
    const { url, app, deploy } = await shop();
    await app('SELECT town FROM customers');
    await sql(url, 'CREATE SCHEMA acme; GRANT USAGE ON SCHEMA acme TO app');
    const counted = () =>
      sql(
        url,
        'SELECT l.live_counted_at, (SELECT count(*) FROM trueup.live_statements) FROM trueup.ledger l',
      );
    const before = await counted();
    const tenant = { namespace: 'app/acme', schemas: ['acme'] };
    await up(url, promising(manifestOf(first), PROMISED), { ...tenant, id: 'one' });
    await up(url, promising(manifestOf(first, drop('town')), PROMISED), { ...tenant, id: 'two' });
    expect(await counted()).toEqual(before);
    await deploy(drop('note'));
    expect(await counted()).not.toEqual(before);
  });

  test('what certainly ran since the last deployment is guarded, and named by its fingerprint alone', async () => {
    const { app, count, pass, deploy, superuser } = await shop();
    await pass(2);
    expect(await count()).toEqual([{ counted: true }]);
    await app(NOTES);
    // What the workload holds, in whatever spelling, is not guarded twice; commands and the catalog are none of it.
    await app(
      "select  id, email from customers where email = 'x'; EXPLAIN SELECT town FROM customers; SELECT 1 FROM pg_class",
    );
    await sql(superuser, 'SELECT town FROM customers');
    const { outcome } = await deploy(drop('note'));
    expect(outcome).toMatchObject({
      status: 'failed',
      error: { code: 'workload', migration: '0002_no_note', sqlstate: '42703' },
      report: { workload: { running: 1, live: 1 } },
    });
    const said = JSON.stringify(outcome);
    const [, fingerprint] =
      /live statement ([0-9a-f]{16}) \(role app, 1 call seen\): a column that it names/.exec(said)!;
    const lookUp = /SELECT query FROM pg_stat_statements WHERE [^;]*?'<fingerprint>'/.exec(said)![0];
    expect(await sql(superuser, lookUp.replace('<fingerprint>', fingerprint!))).toEqual([
      { query: expect.stringMatching(/CANARY2.*CANARY3/) },
    ]);
    expect(said).not.toMatch(/CANARY|GROUP BY/);
    const kept = await sql(
      superuser,
      `SELECT (SELECT json_agg(l) FROM trueup.live_statements l)::text || (SELECT json_agg(e) FROM trueup.events e)::text
        || (SELECT json_agg(d) FROM trueup.deployments d)::text || (SELECT coalesce(json_agg(a), '[]') FROM trueup.deployment_plans a)::text AS kept`,
    );
    expect(kept[0]!.kept).not.toMatch(/CANARY|count\(/);
    // What nobody sends may go; and what does may, with consent.
    expect((await deploy(drop('town'))).outcome).toMatchObject({
      status: 'done',
      report: { applied: ['0002_no_town'] },
    });
    await pass(2);
    await count();
    await app(NOTES);
    const consent = { ...drop('note', 3), breaks: 'nobody reads notes' };
    expect((await deploy(drop('town'), consent)).outcome.report.workload?.broken).toMatchObject([
      { as: 'consent', text: `live statement ${fingerprint}` },
    ]);
  });

  test('what ran only before the last deployment, or may have, is told and refuses nothing', async () => {
    const { app, count, pass, deploy } = await shop();
    // The old application runs on for a moment: a look within the grace says nothing of the new one.
    await app('SELECT note FROM customers');
    await count();
    await app('SELECT note FROM customers');
    await pass(2);
    const { outcome } = await deploy(drop('note'));
    expect(outcome).toMatchObject({ status: 'done', report: { applied: ['0002_no_note'] } });
    expect(outcome.report.warnings).toEqual([
      expect.stringMatching(
        /^0002_no_note: a statement that ran before the last deployment, and has no recorded call since, would no longer work: live statement [0-9a-f]{16} \(role app, 2 calls seen\)/,
      ),
    ]);
  });

  test('fewer calls are a reset; a rare job is guarded for as long as one says', async () => {
    const { app, count, pass, url, superuser } = await shop();
    await count();
    for (let i = 0; i < 3; i++) await app('SELECT note FROM customers');
    await pass(2);
    await count();
    await sql(superuser, 'SELECT pg_stat_statements_reset()');
    await pass(24);
    await count();
    await app('SELECT note FROM customers');
    await count();
    expect(
      await sql(
        url,
        "SELECT calls::int AS calls, ran_after > now() - interval '1 hour' AS since FROM trueup.live_statements WHERE role = 'app'",
      ),
    ).toEqual([{ calls: 1, since: true }]);
    // A deployment since: it ran before that, and yesterday.
    const other = migration('0002_phone', { up: ['ALTER TABLE customers ADD COLUMN phone text'] });
    await up(url, promising(manifestOf(first, other), PROMISED));
    await pass(24);
    const manifest = promising(manifestOf(first, other, drop('note', 3)), PROMISED);
    expect((await run(url, manifest, {}, { workloadDays: 31 })).outcome).toMatchObject({
      status: 'failed',
      error: { code: 'workload', migration: '0003_no_note' },
    });
    expect((await run(url, manifest)).outcome).toMatchObject({ status: 'done' });
  });

  test('the drift check counts on a connection of its own', async () => {
    const { app, pass, deploy, url } = await shop();
    await pass(2);
    const drift = () =>
      checkDrift(
        {
          connect: () => connectPg({ url, readOnly: true }),
          connectForRecords: () => connectPg({ url }),
          manifest: promising(manifestOf(first), PROMISED),
          deadline: Date.now() + 30_000,
        },
        'app',
      );
    await drift();
    await app('SELECT note FROM customers');
    expect((await drift()).workload).toMatchObject({ statements: 1, plan: 1, broken: 0 });
    expect((await deploy(drop('note'))).outcome).toMatchObject({
      status: 'failed',
      error: { code: 'workload', details: [expect.stringMatching(/^live statement/), expect.anything()] },
    });
  });

  test('an index that a live ON CONFLICT decides by is not dropped outside a transaction either', async () => {
    const { app, count, pass, deploy } = await shop();
    await pass(2);
    await count();
    await app("INSERT INTO customers (id, email) VALUES (1, 'CANARY') ON CONFLICT (email) DO NOTHING");
    const gone = migration('0002_gone', {
      up: [
        {
          sql: 'DROP INDEX CONCURRENTLY customers_email',
          execution: 'non-transactional',
          target: {
            kind: 'index',
            action: 'drop',
            schema: null,
            name: 'customers_email',
            table: null,
            unique: true,
          },
        },
      ],
    });
    expect((await deploy(gone)).outcome).toMatchObject({
      status: 'failed',
      error: { code: 'workload', sqlstate: '42P10' },
    });
  });

  test('without the extension, or the right to see what others run, nothing is counted and nothing fails', async () => {
    const without = await shop({ extension: false });
    expect(await without.count()).toEqual([{ counted: false }]);
    expect((await without.deploy(drop('note'))).outcome.report.workload).toEqual(
      expect.not.objectContaining({ live: expect.anything() }),
    );
    const { app, count, deploy } = await shop();
    await sql(server.url(), 'REVOKE pg_read_all_stats FROM deployer');
    try {
      await app('SELECT note FROM customers');
      expect(await count()).toEqual([{ counted: false }]);
      expect((await deploy(drop('note'))).outcome.status).toBe('done');
    } finally {
      await sql(server.url(), 'GRANT pg_read_all_stats TO deployer');
    }
  });
});
