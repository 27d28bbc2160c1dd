import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { RUNNER_LOCK } from '../../lambda/engine/ledger-schema';
import { connectPg } from '../../lambda/postgres/pg';
import { busyManifest } from '../support/busy-manifest';
import { asSuperuser, connect, createDatabase, majors } from '../support/database';
import { run, up } from '../support/engine';
import { manifestOf, migration } from '../support/manifest';
import { startProxy } from '../support/proxy';

async function applications(url: string): Promise<Record<string, number>> {
  const client = await connect(url);
  const { rows } = await client.query(
    "SELECT migration, count(*)::int AS times FROM trueup.events WHERE event IN ('applied', 'unverified') GROUP BY 1",
  );
  return Object.fromEntries(rows.map((row) => [row.migration, row.times]));
}

const once = Object.fromEntries(busyManifest.migrations.map((m) => [m.name, 1]));

describe.each(majors())('PostgreSQL %i', (major) => {
  test.each([2, 20])(
    '%i runners at once on an empty database: each migration is applied once',
    async (runners) => {
      const url = await createDatabase(major);
      const all = await Promise.all(Array.from({ length: runners }, () => run(url, busyManifest)));
      expect(all.map(({ outcome }) => outcome.status)).toEqual(all.map(() => 'done'));
      expect(await applications(url)).toEqual(once);
      const invalid = await (await connect(url)).query('SELECT FROM pg_index WHERE NOT indisvalid');
      expect(invalid.rowCount).toBe(0);
    },
  );

  test('twenty runners at once on a half-converged database', async () => {
    const url = await createDatabase(major);
    await up(url, manifestOf(...busyManifest.migrations.slice(0, 1)));
    const all = await Promise.all(Array.from({ length: 20 }, () => run(url, busyManifest)));
    expect(all.map(({ outcome }) => outcome.status)).toEqual(all.map(() => 'done'));
    expect(await applications(url)).toEqual(once);
  });

  test('connections cut again and again: the run begins anew and ends well', async () => {
    const url = await createDatabase(major);
    const target = { host: '127.0.0.1', port: Number(new URL(url).port) };
    let cuts = 0;
    const proxy = await startProxy({
      target,
      onRoundTrip: (n) => {
        if (n % 7 === 0 && cuts < 6) {
          cuts++;
          proxy.cut();
        }
      },
    });
    const { outcome, events } = await run(proxy.url(url), busyManifest);
    await proxy.close();
    expect(outcome).toMatchObject({ status: 'done' });
    expect(cuts).toBeGreaterThan(2);
    expect(events.some((e) => e.type === 'waiting' && e.for === 'database')).toBe(true);
    expect(await applications(url)).toEqual(once);
  });
});

test('the lock is busy until the deadline: continue, and who holds it', async () => {
  const url = await createDatabase();
  const holder = await connectPg({ url, applicationName: 'somebody' });
  await holder.tryLock(RUNNER_LOCK);
  const { outcome } = await run(url, busyManifest, {}, { deadline: Date.now() + 1_500 });
  expect(outcome).toMatchObject({
    status: 'continue',
    progress: expect.stringMatching(/pid \d+ is idle/),
    waitingFor: { code: 'busy' },
  });
  await holder.close();
  await up(url, busyManifest);
});

test('our own build goes on after its runner gave up, is found, awaited, and not built twice', async () => {
  const url = await createDatabase();
  const [tables, index] = busyManifest.migrations;
  await up(url, manifestOf(tables!));
  const snapshot = await connect(url);
  // CONCURRENTLY waits for whoever may still see the table without the index.
  await snapshot.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM child');
  const manifest = manifestOf(tables!, index!);
  const first = await run(url, manifest, {}, { deadline: Date.now() + 1_200 });
  expect(first.outcome).toMatchObject({ status: 'continue' });
  const second = await run(url, manifest, {}, { deadline: Date.now() + 1_200 });
  expect(second.outcome).toMatchObject({
    status: 'continue',
    progress: expect.stringMatching(/is at CREATE UNIQUE INDEX CONCURRENTLY \(waiting for/),
  });
  await snapshot.query('COMMIT');
  const { outcome } = await run(url, manifest);
  expect(outcome).toMatchObject({ status: 'done', report: { applied: ['0002_index'] } });
  const attempts = await (await connect(url)).query(
    "SELECT attempts FROM trueup.migrations WHERE name = '0002_index'",
  );
  expect(attempts.rows[0].attempts).toBeLessThanOrEqual(1);
});

describe('a table that an idle transaction holds', () => {
  const change = manifestOf(
    migration('0001_change', {
      up: [
        {
          sql: 'ALTER TABLE busy ADD COLUMN extra int',
          locks: [{ relation: 'busy', mode: 'ACCESS EXCLUSIVE', created: false }],
        },
      ],
      verify: "SELECT * FROM trueup.has_column('busy', 'extra')",
    }),
  );

  test('readers and writers go on, the blocker is named, and the run ends when it is gone', async () => {
    const url = await createDatabase();
    const admin = await connect(url);
    await admin.query('CREATE TABLE busy AS SELECT 1 AS n');
    const idle = await connect(url);
    await idle.query('BEGIN; SELECT * FROM busy');
    const running = run(url, change);
    let longestMs = 0;
    const until = Date.now() + 4_000;
    const load = async (sql: string): Promise<void> => {
      const client = await connect(url);
      while (Date.now() < until) {
        const began = Date.now();
        await client.query(sql);
        longestMs = Math.max(longestMs, Date.now() - began);
        await sleep(5);
      }
    };
    await Promise.all([load('SELECT * FROM busy'), load('UPDATE busy SET n = n + 1')]);
    await idle.query('COMMIT');
    const { outcome, events } = await running;
    expect(outcome.status).toBe('done');
    const waits = events.filter((e) => e.type === 'waiting' && e.for === 'lock');
    expect(waits.length).toBeGreaterThan(1);
    expect(waits[0]).toMatchObject({
      message: expect.stringMatching(/idle in transaction.* holds AccessShareLock on busy/),
    });
    // The limit is one attempt's lock timeout; the rest is this machine.
    expect(longestMs).toBeLessThan(1_500);
  });

  test('still held at the deadline: continue, and nothing is changed', async () => {
    const url = await createDatabase();
    const admin = await connect(url);
    await admin.query('CREATE TABLE busy AS SELECT 1 AS n');
    const idle = await connect(url);
    await idle.query('BEGIN; SELECT * FROM busy');
    const { outcome } = await run(url, change, {}, { deadline: Date.now() + 1_500 });
    expect(outcome).toMatchObject({
      status: 'continue',
      waitingFor: { code: 'lock-timeout', details: [expect.stringMatching(/^pid \d+/)] },
    });
    await idle.query('ROLLBACK');
  });
});

test('an INVALID index that is not ours is named, never dropped', async () => {
  const url = await createDatabase();
  const [tables, index] = busyManifest.migrations;
  await up(url, manifestOf(tables!));
  const client = await connect(url);
  await client.query("UPDATE child SET note = 'same' WHERE id IN (1, 2)");
  await client.query('CREATE UNIQUE INDEX CONCURRENTLY child_note ON child (note)').catch(() => {});
  await client.query("UPDATE child SET note = 'other' WHERE id = 1");
  const { outcome } = await run(url, manifestOf(tables!, index!));
  expect(outcome).toMatchObject({
    status: 'failed',
    error: {
      message: expect.stringMatching(/INVALID index "public"."child_note" is there already/),
      remedy: expect.stringMatching(/DROP INDEX CONCURRENTLY "public"."child_note"/),
    },
  });
});

test('the right objects under other names verify; baseline takes them as they are', async () => {
  const url = await createDatabase();
  const client = await connect(url);
  await client.query(
    'CREATE TABLE child (id int, note text); CREATE UNIQUE INDEX another_name ON child (note)',
  );
  const wanted = migration('0001_unique_note', {
    up: ['CREATE UNIQUE INDEX child_note ON child (note)'],
    verify: "SELECT * FROM trueup.is_indexed('child', ARRAY['note'], true)",
  });
  const { outcome } = await run(url, manifestOf(wanted), { baseline: '0001_unique_note' });
  expect(outcome).toMatchObject({ status: 'done', report: { baselined: ['0001_unique_note'], applied: [] } });
});

test('an owner role: tables are its own; without membership the GRANT is named', async () => {
  const url = await createDatabase();
  const name = new URL(url).pathname.slice(1);
  const admin = await connect(url);
  await admin.query(
    `CREATE ROLE ${name}_owner; CREATE ROLE ${name}_login LOGIN PASSWORD 'x'; GRANT CREATE ON DATABASE ${name} TO ${name}_login;
     GRANT CREATE ON SCHEMA public TO ${name}_owner`,
  );
  const login = new URL(url);
  login.username = `${name}_login`;
  login.password = 'x';
  const manifest = manifestOf(migration('0001_owned', { up: ['CREATE TABLE owned ()'] }));
  const refused = await run(login.href, manifest, { ownerRole: `${name}_owner` });
  expect(refused.outcome).toMatchObject({
    status: 'failed',
    error: { code: 'privilege', remedy: expect.stringContaining(`GRANT "${name}_owner" TO "${name}_login"`) },
  });
  await admin.query(`GRANT ${name}_owner TO ${name}_login`);
  await up(login.href, manifest, { ownerRole: `${name}_owner` });
  const owner = await admin.query("SELECT tableowner FROM pg_tables WHERE tablename = 'owned'");
  expect(owner.rows[0].tableowner).toBe(`${name}_owner`);
  await admin.query(`DROP OWNED BY ${name}_owner, ${name}_login`);
  await asSuperuser(
    Math.max(...majors()),
    `DROP OWNED BY ${name}_login, ${name}_owner; DROP ROLE ${name}_login, ${name}_owner`,
  );
});
