/** A database that was there before Trueup: what a baseline only recorded is never undone by itself. */
import { expect, test } from 'vitest';
import { down, status } from '../../lambda/engine';
import { connect, createDatabase } from '../support/database';
import { contextFor, run } from '../support/engine';
import { manifestOf, migration } from '../support/manifest';

const uniqueEmail = migration('0001_email', {
  up: ['CREATE UNIQUE INDEX users_email ON users (email)'],
  verify: "SELECT 'no index' WHERE to_regclass('users_email') IS NULL",
  down: ['DROP INDEX users_email'],
});
const extra = migration('0002_extra', { up: ['CREATE TABLE extra ()'], down: ['DROP TABLE extra'] });
const broken = migration('0003_broken', { up: ['SELECT 1 / 0'] });

const adopted = async () => {
  const url = await createDatabase();
  const client = await connect(url);
  await client.query('CREATE TABLE users (email text); CREATE UNIQUE INDEX users_email ON users (email)');
  const there = async (name: string) =>
    (await client.query('SELECT to_regclass($1) IS NOT NULL AS there', [name])).rows[0].there;
  return { url, client, there };
};

test('a failed first deployment that had recorded what was there is undone without it', async () => {
  const { url, client, there } = await adopted();
  const manifest = manifestOf(uniqueEmail, extra, broken);
  const failed = await run(url, manifest, { id: 'create', baseline: '0001_email' });
  expect(failed.outcome).toMatchObject({ status: 'failed', report: { baselined: ['0001_email'] } });
  const back = await run(url, manifest, {
    id: 'delete',
    remove: true,
    direction: 'rollback',
    failed: { manifestHash: manifest.hash, reportedSuccess: false },
  });
  expect(back.outcome).toMatchObject({
    status: 'done',
    report: {
      undone: ['0002_extra'],
      kept: [{ name: '0001_email', reason: expect.stringMatching(/there before/) }],
    },
  });
  expect([await there('users_email'), await there('extra')]).toEqual([true, false]);
  const { rows } = await client.query("SELECT event FROM trueup.events WHERE migration = '0001_email'");
  expect(rows).toEqual([{ event: 'baselined' }]);
});

test('a failed update too, by older code that does not know the files', async () => {
  const { url, there } = await adopted();
  const old = manifestOf(migration('0000_old', { up: ['CREATE TABLE old ()'] }));
  await run(url, old, { id: 'first' });
  const next = manifestOf(old.migrations[0]!, uniqueEmail, broken);
  await run(url, next, { id: 'update', baseline: '0001_email' });
  const back = await run(url, old, {
    id: 'rollback',
    direction: 'rollback',
    failed: { manifestHash: next.hash, reportedSuccess: false },
  });
  expect(back.outcome).toMatchObject({
    status: 'done',
    report: { undone: [], kept: [{ name: '0001_email' }] },
  });
  expect(await there('users_email')).toBe(true);
});

test('by name it is undone from its file, never from the ledger', async () => {
  const { url, there } = await adopted();
  const manifest = manifestOf(uniqueEmail);
  await run(url, manifest, { baseline: '0001_email' });
  const ask = { id: 'without', namespace: 'app', owner: null, name: '0001_email' };
  expect(await down(contextFor(url, manifestOf()), ask)).toMatchObject({
    status: 'failed',
    error: { code: 'undo', message: '0001_email has no down section' },
  });
  expect(await there('users_email')).toBe(true);
  expect(await down(contextFor(url, manifest), { ...ask, id: 'with' })).toMatchObject({ status: 'done' });
  expect(await there('users_email')).toBe(false);
  expect((await status(contextFor(url, manifest), 'app')).migrations.map((m) => m.state)).toEqual(['pending']);
});
