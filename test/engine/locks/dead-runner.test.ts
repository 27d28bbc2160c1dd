/** A dead runner of another role, whose session this one may not end: it is waited for, and what helps is named. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { RUNNER_LOCK_KEY } from '../../../lambda/engine/locks/runner-lock';
import { connectPg } from '../../../lambda/postgres/pg';
import { asSuperuser, connect, createDatabase, majors, urlOf } from '../../support/database';
import { run, runUntil, waitedFor } from '../../support/engine';
import { manifestOf, migration } from '../../support/manifest';

vi.mock('../../../lambda/engine/time/limits', async (original) => ({
  ...(await original<typeof import('../../../lambda/engine/time/limits')>()),
  DEAD_RUNNER_MS: 700,
}));

test.each(majors())('PostgreSQL %i', async (major) => {
  const url = await createDatabase(major);
  const database = new URL(url).pathname.slice(1);
  const admin = await connect(url);
  const [ours, theirs] = ['ours', 'theirs'].map((name) => `${name}_${randomBytes(4).toString('hex')}`);
  for (const role of [ours, theirs])
    await admin.query(
      `CREATE ROLE ${role} LOGIN PASSWORD 'x'; GRANT CREATE ON DATABASE ${database} TO ${role}; GRANT CREATE ON SCHEMA public TO ${role}`,
    );
  const as = (user: string) => urlOf(url, { user, password: 'x' });
  const dead = await connectPg({ url: as(theirs!) });
  try {
    expect(await dead.tryLock(RUNNER_LOCK_KEY)).toBe(true);
    const [{ pid }] = (await dead.query('SELECT pg_backend_pid() AS pid')) as [{ pid: number }];
    const manifest = manifestOf(migration('0001_one', { up: ['CREATE TABLE one ()'] }));
    const waiting = () => runUntil(waitedFor('busy'), as(ours!), manifest, {}, 1_000);
    await sleep(800);
    expect((await waiting()).outcome).toMatchObject({
      status: 'continue',
      progress: `pid ${pid}, whose activity this role may not see`,
      waitingFor: { code: 'busy', message: expect.stringContaining('whose activity this role may not see') },
    });
    await admin.query(`GRANT pg_monitor TO ${ours}`);
    expect((await waiting()).outcome).toMatchObject({
      status: 'continue',
      progress: expect.stringMatching(new RegExp(`^pid ${pid} is idle`)),
      waitingFor: {
        code: 'busy',
        message: expect.stringContaining('another runner is dead and still holds the lock'),
        remedy: expect.stringContaining(`SELECT pg_terminate_backend(${pid});`),
      },
    });
    await admin.query('SELECT pg_terminate_backend($1)', [pid]);
    expect((await run(as(ours!), manifest)).outcome).toMatchObject({ status: 'done' });
  } finally {
    await dead.close();
    await admin.query(`DROP OWNED BY ${ours}, ${theirs}`);
    await asSuperuser(major, `DROP OWNED BY ${ours}, ${theirs}; DROP ROLE ${ours}, ${theirs}`);
  }
});
