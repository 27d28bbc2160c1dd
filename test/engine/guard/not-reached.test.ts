/** A statement that was not reached in time is not one that was undecided before: what is known of it stays, and it stops what touches it. */
import { afterAll, describe, expect, test } from 'vitest';
import { asSuperuser, connect, createDatabase, majors } from '../../support/database';
import { run, up } from '../../support/engine';
import { manifestOf, migration, promising } from '../../support/manifest';

const first = migration('0001_orders', {
  up: [
    // Whoever plans a statement that calls it waits for as long as it says there.
    'CREATE TABLE pause (seconds float8)',
    `CREATE FUNCTION slow() RETURNS int LANGUAGE plpgsql IMMUTABLE SET search_path = public AS
     'BEGIN PERFORM pg_catalog.pg_sleep(seconds) FROM pause; RETURN 1; END'`,
    'CREATE TABLE orders (id int, note text)',
    'CREATE TABLE items (id int)',
    `CREATE FUNCTION shade(a int) RETURNS int LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog AS 'BEGIN RETURN a; END'`,
  ],
});
const READ = { text: 'SELECT shade(id), note FROM orders', role: 'shop', calls: 3 };
const SLOW = { text: 'SELECT slow(), id FROM items', role: 'shop', calls: 1000 };
const RENAME = 'ALTER TABLE orders RENAME COLUMN note TO remark';
const LOCKS = [{ relation: 'orders', mode: 'ACCESS EXCLUSIVE' as const, created: false }];
const rename = migration('0002_rename', { up: [{ sql: RENAME, locks: LOCKS }] });
const UNSEEN = [{ relation: '"*"', mode: 'ACCESS EXCLUSIVE' as const, created: false }];
const unseen = (sql: string) =>
  migration('0002_unseen', { up: [{ sql: `DO $$ BEGIN ${sql}; END $$`, locks: UNSEEN }] });

describe.each(majors())('PostgreSQL %i', (major) => {
  const mallory = `late_mallory_${major}`;
  afterAll(() =>
    asSuperuser(major, `DROP OWNED BY ${mallory}; DROP ROLE IF EXISTS ${mallory}`).catch(() => {}),
  );
  const prepare = async () => {
    const url = await createDatabase(major);
    await asSuperuser(
      major,
      `DO $$ BEGIN CREATE ROLE ${mallory}; EXCEPTION WHEN duplicate_object THEN NULL; END $$`,
    );
    const client = await connect(url);
    const attack = () =>
      client.query(
        `GRANT CREATE ON SCHEMA public TO ${mallory}; SET ROLE ${mallory};
         CREATE FUNCTION public.shade(a bigint) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'; RESET ROLE`,
      );
    const pause = (seconds: number) =>
      client.query(`TRUNCATE pause; INSERT INTO pause VALUES (${Number(seconds)})`);
    return { url, client, attack, pause };
  };
  const stopped = (name: string, why: string) => ({
    status: 'failed',
    error: { code: 'workload', migration: name, details: [expect.stringMatching(`^SELECT shade.*${why}`)] },
    report: { applied: [] },
  });

  test.each([
    [rename, '0002_rename'],
    [unseen(RENAME), '0002_unseen'],
  ])('undecided at the last deployment for another reason: it stops %#', async (change, name) => {
    const { url, client, attack, pause } = await prepare();
    await up(url, manifestOf(first));
    await attack();
    await up(url, promising(manifestOf(first), SLOW, READ));
    await client.query('DROP FUNCTION shade(bigint)');
    await pause(2);
    const next = promising(manifestOf(first, change), SLOW, READ);
    const none = { deadline: Date.now() + 20_000, guardTimeMs: 0.001 };
    expect((await run(url, next, {}, none)).outcome).toMatchObject(stopped(name, 'there was no time left'));
    await client.query('SELECT note FROM orders');
  });

  test('undecided at the last deployment for the same reason: it is listed, also where it was not reached before code that nobody sees through', async () => {
    const { url, attack, pause } = await prepare();
    await up(url, manifestOf(first));
    await attack();
    await up(url, promising(manifestOf(first), SLOW, READ));
    await pause(0.2);
    const next = promising(manifestOf(first, unseen('ALTER TABLE orders ADD COLUMN town text')), SLOW, READ);
    expect((await up(url, next)).report.applied).toEqual(['0002_unseen']);
  });

  test('a workload that changes meanwhile does not make it an unknown one', async () => {
    const { url, client, attack, pause } = await prepare();
    await up(url, promising(manifestOf(first), READ));
    await pause(4);
    const wider = promising(manifestOf(first), SLOW, READ);
    const late = await run(url, wider, {}, { deadline: Date.now() + 5_000 });
    expect(late.outcome).toMatchObject({
      status: 'done',
      report: { workload: { undecided: { budget: 1 } } },
    });
    await pause(0);
    await attack();
    const { outcome } = await run(url, promising(manifestOf(first, rename), SLOW, READ));
    expect(outcome).toMatchObject(stopped('0002_rename', mallory));
    await client.query('SELECT note FROM orders');
  });
});
