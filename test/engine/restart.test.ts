import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { connectPg } from '../../lambda/postgres/pg';
import { startPostgres } from '../../lib/local/postgres-server';
import { busyManifest } from '../support/busy-manifest';
import { run } from '../support/engine';
import { manifestOf, migration } from '../support/manifest';

const slow = migration('0009_slow', {
  up: ['CREATE TABLE slow ()', 'SELECT pg_sleep(1)'],
  verify: "SELECT 'no table' WHERE to_regclass('slow') IS NULL",
});

test('the server crashes in the middle of a statement, stays away for a while, and comes back: the run goes on', async () => {
  const server = await startPostgres();
  const manifest = manifestOf(...busyManifest.migrations.slice(0, 5), slow, busyManifest.migrations[5]!);
  const running = run(server.url(), manifest);
  await sleep(700);
  await server.stopServer('immediate');
  await sleep(1_000);
  await server.startServer();
  const { outcome, events } = await running;
  expect(outcome).toMatchObject({ status: 'done' });
  expect(events.some((e) => e.type === 'waiting' && e.for === 'database')).toBe(true);
  const db = await connectPg({ url: server.url() });
  const twice = await db.query(
    "SELECT migration FROM trueup.events WHERE event = 'applied' GROUP BY 1 HAVING count(*) > 1",
  );
  expect(twice).toEqual([]);
  await db.close();
  await server.stop();
});

test('a database that does not answer: a bounded wait, then one clear sentence', async () => {
  const server = await startPostgres();
  const url = server.url();
  await server.stop();
  const began = Date.now();
  const { outcome } = await run(url, busyManifest, {}, { connectPatienceMs: 800 });
  expect(outcome).toMatchObject({
    status: 'failed',
    error: {
      code: 'connection',
      message: expect.stringMatching(/nothing listens/),
      remedy: expect.stringMatching(/host and port/),
    },
  });
  expect(Date.now() - began).toBeLessThan(5_000);
});

test('wrong password, missing database: no waiting', async () => {
  const server = await startPostgres();
  const wrong = await run(server.url('postgres', 'postgres', 'wrong'), busyManifest);
  expect(wrong.outcome).toMatchObject({ status: 'failed', error: { code: 'connection', sqlstate: '28P01' } });
  expect(JSON.stringify(wrong.outcome)).not.toContain('wrong"');
  const missing = await run(server.url('nowhere'), busyManifest);
  expect(missing.outcome).toMatchObject({
    status: 'failed',
    error: { code: 'connection', sqlstate: '3D000' },
  });
  await server.stop();
});
