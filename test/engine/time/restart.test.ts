import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ConnectionLostError, type Database } from '../../../lambda/postgres/database';
import { connectPg } from '../../../lambda/postgres/pg';
import { startPostgres } from '../../../lib/scratch-postgres/server';
import { busyManifest } from '../../support/busy-manifest';
import { run } from '../../support/engine';
import { manifestOf, migration } from '../../support/manifest';

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
  const { outcome, events } = await run(url, busyManifest, {}, { connectPatienceMs: 800 });
  expect(outcome).toMatchObject({
    status: 'failed',
    error: {
      code: 'connection',
      message: expect.stringMatching(/nothing listens/),
      remedy: expect.stringMatching(/host and port/),
    },
  });
  // One a failed attempt; the pauses between them grow.
  const attempts = events.filter((event) => event.type === 'waiting' && event.for === 'database').length;
  expect(attempts).toBeGreaterThan(1);
  expect(attempts).toBeLessThan(10);
});

test('what was waited before counts, and a database that was lost in between is waited for anew', async () => {
  const refused = () => Promise.reject(new ConnectionLostError('connect ECONNREFUSED', 'ECONNREFUSED'));
  const waited = { connectPatienceMs: 60_000, connectWaitedMs: 59_900, connect: refused };
  expect((await run('', busyManifest, {}, waited)).outcome).toMatchObject({
    status: 'failed',
    error: { code: 'connection' },
  });
  const server = await startPostgres();
  const began = Date.now();
  let stopped = false;
  const { outcome } = await run(
    server.url(),
    busyManifest,
    {},
    {
      ...waited,
      deadline: Date.now() + 4_000,
      connect: async () => {
        if (stopped) return refused();
        const db = await connectPg({ url: server.url() });
        await server.stop();
        stopped = true;
        return db;
      },
    },
  );
  expect(outcome).toMatchObject({ status: 'continue', waitingFor: { code: 'connection' } });
  const { unreachableMs } = outcome as Extract<typeof outcome, { status: 'continue' }>;
  expect(unreachableMs).toBeGreaterThan(0);
  expect(unreachableMs).toBeLessThanOrEqual(Date.now() - began);
});

test('an address that swallows everything does not draw out the slice; a connection that comes too late is closed', async () => {
  let closed = false;
  const late = new Promise<Database>((resolve) => {
    const close = async () => {
      closed = true;
    };
    const db = { close } as unknown as Database;
    setTimeout(resolve, 4_000, db);
  });
  const { outcome } = await run('', busyManifest, {}, { connect: () => late, deadline: Date.now() + 100 });
  expect(closed).toBe(false);
  expect(outcome).toMatchObject({ status: 'continue', waitingFor: { code: 'connection' } });
  await late;
  await sleep(10);
  expect(closed).toBe(true);
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
