/** A lock that is met in the middle of a message, and an undo of something half done. */
import { expect, test } from 'vitest';
import { down } from '../../lambda/engine';
import type { Database } from '../../lambda/postgres/database';
import { connectPg } from '../../lambda/postgres/pg';
import { connect, createDatabase } from '../support/database';
import { contextFor, run, up } from '../support/engine';
import { manifestOf, migration } from '../support/manifest';

test('a lock met by the third migration of a message: the first two are not sent again', async () => {
  const url = await createDatabase();
  const client = await connect(url);
  const first = migration('0001_first', {
    up: ['CREATE TABLE held (n int)', 'CREATE TABLE counted (n int)'],
  });
  await up(url, manifestOf(first));
  const count = (name: string) => migration(name, { up: ['INSERT INTO counted VALUES (1)'] });
  const lock = [{ relation: 'held', mode: 'ACCESS EXCLUSIVE' as const, created: false }];
  const manifest = manifestOf(
    first,
    count('0002_count'),
    count('0003_count'),
    count('0004_count'),
    migration('0005_locks', { up: [{ sql: 'ALTER TABLE held ADD x int', locks: lock }] }),
    count('0006_count'),
  );
  await client.query('BEGIN; SELECT FROM held');
  const sent: number[] = [];
  const watched = async (): Promise<Database> => {
    const db = await connectPg({ url });
    const execute = db.execute.bind(db);
    db.execute = (transactions, options) => {
      if (
        transactions.some(({ statements }) =>
          statements.some((sql) => /INSERT INTO counted|ALTER TABLE held/.test(sql)),
        )
      )
        sent.push(transactions.length);
      return execute(transactions, options);
    };
    return db;
  };
  const running = run(
    url,
    manifest,
    {},
    {
      connect: watched,
      progress: (event) => {
        if (event.type === 'waiting' && event.for === 'lock') void client.query('COMMIT');
      },
    },
  );
  expect((await running).outcome).toMatchObject({ status: 'done' });
  // One, then up to four together; the lock stops the third of those, and what is left is sent again.
  expect(sent).toEqual([1, 4, 2]);
  expect((await client.query('SELECT FROM counted')).rowCount).toBe(4);
});

test('what stopped half way is undone although some of it was never made; what was whole is not', async () => {
  const url = await createDatabase();
  const client = await connect(url);
  const half = migration('0001_half', {
    up: [
      'CREATE TABLE a (n int)',
      { sql: 'VACUUM nowhere', execution: 'non-transactional' },
      'CREATE TABLE b (n int)',
    ],
    down: ['DROP TABLE b', 'DROP TABLE a'],
  });
  const manifest = manifestOf(half);
  expect((await run(url, manifest)).outcome.status).toBe('failed');
  const undo = (id: string) =>
    down(contextFor(url, manifest), { id, namespace: 'app', owner: null, name: '0001_half' });
  expect(await undo('one')).toMatchObject({ status: 'done', report: { undone: ['0001_half'] } });
  expect((await client.query("SELECT to_regclass('a') AS a")).rows).toEqual([{ a: null }]);
  const whole = manifestOf(
    migration('0001_half', { up: ['CREATE TABLE a (n int)'], down: ['DROP TABLE b', 'DROP TABLE a'] }),
  );
  await up(url, whole);
  const refused = await down(contextFor(url, whole), {
    id: 'two',
    namespace: 'app',
    owner: null,
    name: '0001_half',
  });
  expect(refused).toMatchObject({ status: 'failed', error: { code: 'undo', sqlstate: '42P01' } });
  expect((await client.query("SELECT to_regclass('a') AS a")).rows).toEqual([{ a: 'a' }]);
});
