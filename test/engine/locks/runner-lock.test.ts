/** Who holds the lock between runners: waited for, or taken for dead and ended. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { isDeadSession, RUNNER_LOCK_KEY } from '../../../lambda/engine/locks/runner-lock';
import { DEAD_RUNNER_MS } from '../../../lambda/engine/time/limits';
import type { LockHolder } from '../../../lambda/postgres/database';
import { connectPg } from '../../../lambda/postgres/pg';
import { asSuperuser, connect, createDatabase, outerMajors, urlOf } from '../../support/database';
import { run, runUntil, waitedFor } from '../../support/engine';
import { manifestOf, migration } from '../../support/manifest';

// A minute is long for a test; nothing else of it changes.
vi.mock('../../../lambda/engine/time/limits', async (original) => ({
  ...(await original<typeof import('../../../lambda/engine/time/limits')>()),
  DEAD_RUNNER_MS: 700,
}));

/** The test's own lock, for which a statement waits. */
const GATE = 4711;
const manifest = manifestOf(migration('0001_one', { up: ['CREATE TABLE one ()'] }));
const holder = (change: Partial<LockHolder>): LockHolder => ({
  pid: 1,
  user: 'migrator',
  mayEnd: true,
  applicationName: 'trueup',
  state: 'idle',
  stateAgeMs: DEAD_RUNNER_MS + 1,
  backendStart: '2026-01-01 00:00:00+00',
  command: 'SELECT',
  progress: null,
  ...change,
});

test.each<[string, Partial<LockHolder>, boolean]>([
  ['idle for too long', {}, true],
  ['idle, but not for longer than that', { stateAgeMs: DEAD_RUNNER_MS }, false],
  ['between two messages', { stateAgeMs: 3 }, false],
  ["the Data API's lock, held by a transaction", { state: 'idle in transaction' }, true],
  ['the same, in use', { state: 'idle in transaction', stateAgeMs: 20 }, false],
  ['a failed transaction that nobody ends', { state: 'idle in transaction (aborted)' }, true],
  ['at a long statement', { state: 'active', stateAgeMs: 3_600_000 }, false],
  ['building', { state: 'active', stateAgeMs: 3_600_000, progress: 'building index' }, false],
  ['a state that this role may not see', { state: '' }, false],
  ['in a function call', { state: 'fastpath function call' }, false],
  ['one of ours under a name of its own', { applicationName: 'trueup-ci' }, true],
  ['a person who took our lock', { applicationName: 'psql' }, false],
  ['nobody knows who', { applicationName: '' }, false],
])('dead or alive: %s', (_, change, dead) => {
  expect(isDeadSession(holder(change))).toBe(dead);
});

describe('on a server', () => {
  test('an idle runner whose client is dead is ended, and its lock taken', async () => {
    const url = await createDatabase();
    const dead = await connectPg({ url });
    expect(await dead.tryLock(RUNNER_LOCK_KEY)).toBe(true);
    const { outcome } = await run(url, manifest);
    expect(outcome).toMatchObject({ status: 'done', report: { applied: ['0001_one'] } });
    await expect(dead.query('SELECT 1')).rejects.toThrow();
    await dead.close();
  });

  test('one that is at a statement is waited for, however long that takes', async () => {
    const url = await createDatabase();
    const busy = await connectPg({ url });
    await busy.tryLock(RUNNER_LOCK_KEY);
    const gate = await connect(url);
    await gate.query(`SELECT pg_advisory_lock(${GATE})`);
    const work = busy.query(`SELECT pg_advisory_lock(${GATE})`);
    const waits = `SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = ${GATE} AND NOT granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
    await expect.poll(async () => (await gate.query(waits)).rowCount).toBe(1);
    await sleep(DEAD_RUNNER_MS);
    const { outcome } = await runUntil(waitedFor('busy'), url, manifest, {}, 900);
    expect(outcome).toMatchObject({
      status: 'continue',
      progress: expect.stringMatching(/^pid \d+ is at SELECT/),
    });
    await gate.query(`SELECT pg_advisory_unlock(${GATE})`);
    await work;
    await busy.close();
  });

  test('who is not one of ours is left alone', async () => {
    const url = await createDatabase();
    const person = await connect(url);
    await person.query('SELECT pg_advisory_lock($1)', [String(RUNNER_LOCK_KEY)]);
    await sleep(DEAD_RUNNER_MS);
    const { outcome } = await runUntil(waitedFor('busy'), url, manifest, {}, 500);
    expect(outcome).toMatchObject({ status: 'continue', waitingFor: { code: 'busy' } });
    expect((await person.query('SELECT 1 AS alive')).rows).toEqual([{ alive: 1 }]);
    await person.end();
  });

  test.each(outerMajors())(
    'somebody who is no runner is named, with what this login can do: %s',
    async (major) => {
      const url = await createDatabase(major);
      const [ours, theirs] = ['ours', 'theirs'].map((name) => `${name}_${randomUUID().slice(0, 8)}`);
      await asSuperuser(
        major,
        `CREATE ROLE ${ours} LOGIN PASSWORD 'x'; CREATE ROLE ${theirs} LOGIN PASSWORD 'x'`,
      );
      const admin = await connect(url);
      await admin.query(
        `GRANT CREATE ON DATABASE ${new URL(url).pathname.slice(1)} TO ${ours}; GRANT CREATE ON SCHEMA public TO ${ours}`,
      );
      const person = await connect(urlOf(url, { user: theirs!, password: 'x' }));
      try {
        await person.query("SET application_name = 'night report'");
        await person.query('SELECT pg_advisory_lock($1)', [String(RUNNER_LOCK_KEY)]);
        const { pid } = (await person.query('SELECT pg_backend_pid() AS pid')).rows[0] as { pid: number };
        const waiting = async () =>
          (await runUntil(waitedFor('busy'), urlOf(url, { user: ours!, password: 'x' }), manifest, {}, 500))
            .outcome;
        const message = expect.stringContaining(
          `a session that is not a runner of Trueup holds the runner lock: pid ${pid}`,
        );
        const first = await waiting();
        expect(first).toMatchObject({
          waitingFor: {
            code: 'busy',
            message,
            remedy: expect.stringContaining(
              `This login may not end it. Run, as a superuser, as role ${theirs} or`,
            ),
          },
        });
        expect(JSON.stringify(first)).toContain(`role ${theirs}, application_name \\"night report\\"`);

        await admin.query(`GRANT pg_signal_backend TO ${ours}`);
        const second = await waiting();
        const remedy = `This login may end it: run SELECT pg_terminate_backend(${pid});`;
        expect(second).toMatchObject({ waitingFor: { message, remedy: expect.stringContaining(remedy) } });
        // As the remedy says, by that login.
        const login = await connect(urlOf(url, { user: ours!, password: 'x' }));
        person.on('error', () => {});
        await login.query(`SELECT pg_terminate_backend(${pid})`);
        await login.end();
        await expect.poll(waiting).toMatchObject({ status: 'done' });
      } finally {
        await person.end().catch(() => {});
        await admin.query(`DROP OWNED BY ${ours}, ${theirs} CASCADE`);
        await admin.end();
        await asSuperuser(major, `DROP OWNED BY ${ours}, ${theirs}; DROP ROLE ${ours}, ${theirs}`);
      }
    },
  );
});
