/** Namespaces of one database work side by side; one that changes schema trueup itself, and older code, work alone. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import type { ConvergeRequest } from '../../../lambda/contract/converge';
import { LEDGER_VERSION } from '../../../lambda/engine/ledger/schema';
import { computeNamespaceLockKey, RUNNER_LOCK_KEY } from '../../../lambda/engine/locks/runner-lock';
import { connectPg } from '../../../lambda/postgres/pg';
import { connect, createDatabase, majors, newestMajor, serverUrl } from '../../support/database';
import { run, runUntil, up, waitedFor } from '../../support/engine';
import { manifestOf, migration } from '../../support/manifest';
import { PGBOUNCER_INSTALLED, type PgBouncer, startPgBouncer } from '../../support/pgbouncer';

/** Waits for the test's own lock, for as long as that is held. */
const GATE = 4711;
const gated = manifestOf(
  migration('0001_gated', {
    up: [`SELECT pg_advisory_xact_lock(${GATE})`],
    settings: { lockTimeoutMs: 60_000 },
  }),
);
const quick = manifestOf(migration('0001_quick', { up: ['SELECT 1'] }));
const nothing = manifestOf();
const as = (namespace: string): Partial<ConvergeRequest> => ({ namespace, id: `of ${namespace}` });

/** As the release before takes and asks for it. */
const OLD_RUNNER = `SELECT pg_try_advisory_lock(${RUNNER_LOCK_KEY}) AS had`;

describe.each(majors())('PostgreSQL %i', (major) => {
  /** A database with a ledger, and a run of namespace `slow` in the middle of its migration. */
  const underWay = async () => {
    const url = await createDatabase(major);
    await up(url, nothing, as('first'));
    const gate = await connect(url);
    await gate.query(`SELECT pg_advisory_lock(${GATE})`);
    const slow = run(url, gated, as('slow'));
    const waits = `SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = ${GATE} AND NOT granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
    await expect.poll(async () => (await gate.query(waits)).rowCount).toBe(1);
    const end = async () => {
      await gate.query(`SELECT pg_advisory_unlock(${GATE})`);
      return (await slow).outcome;
    };
    return { url, gate, end };
  };

  test('another namespace does not wait, the same one does', async () => {
    const { url, gate, end } = await underWay();
    const other = await run(url, quick, as('quick'));
    expect(other.outcome).toMatchObject({ status: 'done', report: { applied: ['0001_quick'] } });
    expect(other.events.filter(({ type }) => type === 'waiting')).toEqual([]);
    const second = await runUntil(waitedFor('busy'), url, gated, { namespace: 'slow', id: 'second' }, 700);
    expect(second.outcome).toMatchObject({ status: 'continue', waitingFor: { code: 'busy' } });
    expect(await end()).toMatchObject({ status: 'done', report: { applied: ['0001_gated'] } });
    const { rows } = await gate.query(
      "SELECT migration FROM trueup.events WHERE event = 'applied' ORDER BY 1",
    );
    expect(rows.map((row) => row.migration)).toEqual(['0001_gated', '0001_quick']);
  });

  test('older code, which has one lock, is kept out by a run and keeps runs out', async () => {
    const { url, gate, end } = await underWay();
    expect((await gate.query(OLD_RUNNER)).rows).toEqual([{ had: false }]);
    expect(await end()).toMatchObject({ status: 'done' });
    expect((await gate.query(OLD_RUNNER)).rows).toEqual([{ had: true }]);
    const { outcome } = await runUntil(waitedFor('busy'), url, quick, as('quick'), 700);
    expect(outcome).toMatchObject({ status: 'continue', waitingFor: { code: 'busy' } });
    await gate.query(`SELECT pg_advisory_unlock(${RUNNER_LOCK_KEY})`);
    await up(url, quick, as('quick'));
  });

  test('an upgrade of schema trueup waits until nobody is at work, and changes nothing before', async () => {
    const { url, gate, end } = await underWay();
    await gate.query('UPDATE trueup.ledger SET version = 0');
    const version = async () => (await gate.query('SELECT version FROM trueup.ledger')).rows[0].version;
    const early = await runUntil(waitedFor('busy'), url, quick, as('quick'), 700);
    expect(early.outcome).toMatchObject({
      status: 'continue',
      waitingFor: { code: 'busy', message: expect.stringContaining('another runner is working: pid') },
    });
    expect(await version()).toBe(0);
    expect(await end()).toMatchObject({ status: 'done' });
    await up(url, quick, as('quick'));
    expect(await version()).toBe(LEDGER_VERSION);
  });

  test('many that find no ledger at once: it is installed once, and all are done', async () => {
    const url = await createDatabase(major);
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const runs = await Promise.all(names.map((name) => run(url, quick, as(name))));
    expect(runs.map(({ outcome }) => outcome.status)).toEqual(names.map(() => 'done'));
    const client = await connect(url);
    const { rows } = await client.query(
      "SELECT namespace FROM trueup.events WHERE event = 'applied' ORDER BY 1",
    );
    expect(rows.map((row) => row.namespace)).toEqual(names);
    // Other tests hold some in databases of their own.
    const left = await client.query(
      "SELECT FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    );
    expect(left.rowCount).toBe(0);
  });
});

test('keys differ by namespace, and none is that of the database', () => {
  const names = ['', 'app', 'app/a', 'app/b', 'App', 'é'];
  expect(new Set([...names.map(computeNamespaceLockKey), RUNNER_LOCK_KEY]).size).toBe(names.length + 1);
});

test('a dead runner among live ones is found behind the lock that all of them share', async () => {
  const url = await createDatabase();
  const [dead, alive, asks] = [await connectPg({ url }), await connectPg({ url }), await connectPg({ url })];
  expect(await dead.tryLock(1n, RUNNER_LOCK_KEY)).toBe(true);
  await sleep(50);
  expect(await alive.tryLock(2n, RUNNER_LOCK_KEY)).toBe(true);
  const work = alive.query('SELECT pg_sleep(1)');
  const [{ pid }] = (await dead.query('SELECT pg_backend_pid() AS pid')) as [{ pid: number }];
  await expect.poll(() => asks.lockHolder(RUNNER_LOCK_KEY)).toMatchObject({ pid, state: 'idle' });
  await work;
  for (const db of [dead, alive, asks]) await db.close();
});

describe.skipIf(!PGBOUNCER_INSTALLED)('through PgBouncer', () => {
  const bouncers: PgBouncer[] = [];
  const through = async (mode: 'session' | 'transaction') => {
    const bouncer = await startPgBouncer(serverUrl(newestMajor()), mode, 'options');
    bouncers.push(bouncer);
    return bouncer;
  };
  afterAll(async () => {
    await Promise.all(bouncers.map((bouncer) => bouncer.stop()));
  });

  test('where whole sessions are kept, namespaces work side by side', async () => {
    const url = (await through('session')).url(await createDatabase());
    const connected = { connect: () => connectPg({ url, pooler: 'session' as const }) };
    await run(url, nothing, as('first'), connected);
    const runs = await Promise.all(['a', 'b', 'c'].map((name) => run(url, quick, as(name), connected)));
    expect(runs.map(({ outcome }) => outcome.status)).toEqual(['done', 'done', 'done']);
    expect((await run(url, quick, { namespace: 'a', id: 'again' }, connected)).outcome).toMatchObject({
      report: { applied: [] },
    });
  });

  test('where sessions are shared, it is refused before anything is changed', async () => {
    const direct = await createDatabase();
    const url = (await through('transaction')).url(direct);
    const { outcome } = await run(url, quick, as('a'), { connect: () => connectPg({ url }) });
    expect(outcome).toMatchObject({
      status: 'failed',
      error: { code: 'connection', message: expect.stringContaining('pooler') },
    });
    const { rows } = await (await connect(direct)).query("SELECT to_regnamespace('trueup') AS found");
    expect(rows).toEqual([{ found: null }]);
  });
});
