import { describe, expect, test } from 'vitest';
import { RUNNER_LOCK_KEY } from '../../../lambda/engine/locks/runner-lock';
import { connectPg } from '../../../lambda/postgres/pg';
import { busyManifest } from '../../support/busy-manifest';
import { connect, createDatabase, outerMajors } from '../../support/database';
import { progressed, run, runUntil, up, waitedFor } from '../../support/engine';
import { manifestOf, migration } from '../../support/manifest';
import { startProxy } from '../../support/proxy';
import { applications, INDEXES } from '../../support/watching';

const [tables, index] = busyManifest.migrations;
const first = { ...index!.statements[0]!, target: index!.statements[0]!.target! };
/** Stops at its second statement; from there on a file may be edited, which makes it the other one. */
const half = migration('0002_index', {
  up: [first, 'CREATE INDEX child_parent ON child (no_such_column)'],
});
const PARTIAL = "SELECT name, statements_done FROM trueup.migrations WHERE state = 'partial'";
const once = Object.fromEntries(busyManifest.migrations.map((m) => [m.name, 1]));

describe.each(outerMajors())('PostgreSQL %i', (major) => {
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

  test.each([2, 20])(
    "%i runners at once where one of a migration's two indexes is built",
    async (runners) => {
      const url = await createDatabase(major);
      await run(url, manifestOf(tables!, half));
      const client = await connect(url);
      expect((await client.query(PARTIAL)).rows).toEqual([{ name: '0002_index', statements_done: 1 }]);
      const before = await client.query("SELECT 'child_note'::regclass::oid AS index");
      const all = await Promise.all(Array.from({ length: runners }, () => run(url, busyManifest)));
      expect(all.map(({ outcome }) => outcome.status)).toEqual(all.map(() => 'done'));
      expect(await applications(url)).toEqual(once);
      // The first is not built again.
      expect((await client.query("SELECT 'child_note'::regclass::oid AS index")).rows).toEqual(before.rows);
      expect((await client.query(INDEXES)).rows).toEqual([
        { name: 'child_note', valid: true },
        { name: 'child_parent', valid: true },
      ]);
    },
  );

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
  await holder.tryLock(RUNNER_LOCK_KEY);
  const { outcome } = await runUntil(waitedFor('busy'), url, busyManifest, {}, 1_500);
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
  await up(url, manifestOf(tables!));
  const snapshot = await connect(url);
  // CONCURRENTLY waits for whoever may still see the table without the index.
  await snapshot.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM child');
  const manifest = manifestOf(tables!, index!);
  const first = await run(url, manifest, {}, { deadline: Date.now() + 1_200 });
  expect(first.outcome).toMatchObject({ status: 'continue' });
  const second = await runUntil(progressed('is at CREATE UNIQUE INDEX'), url, manifest, {}, 1_200);
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

test('an INVALID index that is not ours is named, never dropped', async () => {
  const url = await createDatabase();
  await up(url, manifestOf(tables!));
  const client = await connect(url);
  await client.query("UPDATE child SET note = 'same' WHERE id IN (1, 2)");
  await client.query('CREATE UNIQUE INDEX CONCURRENTLY child_note ON child (note)').catch(() => {});
  await client.query("UPDATE child SET note = 'other' WHERE id = 1");
  const { outcome } = await run(url, manifestOf(tables!, index!));
  expect(outcome).toMatchObject({
    status: 'failed',
    error: {
      message: expect.stringMatching(/INVALID index "public"."child_note" already exists/),
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
