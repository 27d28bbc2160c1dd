import { Client } from 'pg';
import { expect, test } from 'vitest';
import type { ProgressEvent } from '../../../lambda/contract/converge';
import { ConnectionLostError, type Database } from '../../../lambda/postgres/database';
import { connectPg } from '../../../lambda/postgres/pg';
import { startPostgres } from '../../../lib/scratch-postgres/server';
import { busyManifest } from '../../support/busy-manifest';
import { run } from '../../support/engine';
import { manifestOf, migration } from '../../support/manifest';

/** The test's own lock, for which the migration waits. */
const GATE = 4711;
const gated = migration('0009_gated', {
  up: ['CREATE TABLE gated ()', `SELECT pg_advisory_xact_lock(${GATE})`],
  verify: "SELECT 'no table' WHERE to_regclass('gated') IS NULL",
  settings: { lockTimeoutMs: 60_000 },
});

test('the server crashes in the middle of a statement, stays away for a while, and comes back: the run goes on', async () => {
  const server = await startPostgres();
  const manifest = manifestOf(...busyManifest.migrations.slice(0, 5), gated, busyManifest.migrations[5]!);
  const holder = new Client({ connectionString: server.url() });
  holder.on('error', () => {});
  await holder.connect();
  await holder.query(`SELECT pg_advisory_lock(${GATE})`);
  const events: ProgressEvent[] = [];
  const running = run(
    server.url(),
    manifest,
    {},
    {
      progress: (event) => void events.push(event),
      deadline: Date.now() + 120_000,
    },
  );
  const waits = `SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = ${GATE} AND NOT granted`;
  await expect.poll(async () => (await holder.query(waits)).rowCount).toBe(1);
  // The holder's session, and so its lock, ends with the server.
  await server.stopServer('immediate');
  await expect.poll(() => events.some((e) => e.type === 'waiting' && e.for === 'database')).toBe(true);
  await server.startServer();
  expect((await running).outcome).toMatchObject({ status: 'done' });
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
  const { outcome, events } = await run(url, busyManifest, {}, { connectPatienceMs: 2_500 });
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
  expect(attempts).toBeLessThan(20);
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
  await expect.poll(() => closed).toBe(true);
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
