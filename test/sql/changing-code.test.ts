/** Code that its owner puts in place between the judgment and the planning: he holds a lock until the login waits for it. */
import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { runEachQuery } from '../../lambda/audit/short-transactions';
import { verify } from '../../lambda/engine/verify';
import { connectPg } from '../../lambda/postgres/pg';
import { CODE_NOW, NAMES_NOW } from '../../lambda/sql/changing-code';
import { asSuperuser, connect, createDatabase, majors, serverUrl, urlOf } from '../support/database';
import { contextFor, up } from '../support/engine';
import { manifestOf, migration } from '../support/manifest';
import { asking, brief } from '../workload/support';

const made: [number, string][] = [];
afterAll(async () => {
  for (const [major, role] of made)
    await asSuperuser(major, `DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`).catch(() => {});
});

const COMMITS_WHEN_AWAITED = `DO $$ BEGIN
  LOOP
    EXIT WHEN clock_timestamp() > now() + '3 s'::interval OR EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database()));
    PERFORM pg_sleep(0.005);
  END LOOP; END $$; COMMIT`;

/** The owner's code ends a session of his where it runs with the login's rights: that outlives a rollback. */
async function shop(major: number) {
  const suffix = randomBytes(3).toString('hex');
  const [login, app] = ['login', 'app'].map((name) => `${name}_${suffix}`) as [string, string];
  made.push([major, login], [major, app]);
  await asSuperuser(
    major,
    `CREATE ROLE ${login} LOGIN CREATEROLE PASSWORD 'p'; CREATE ROLE ${app} LOGIN PASSWORD 'p'; GRANT ${app} TO ${login}`,
  );
  const url = await createDatabase(major, `OWNER ${app}`);
  const admin = await connect(url);
  await admin.query(
    `CREATE FUNCTION picked(bigint) RETURNS text IMMUTABLE LANGUAGE sql SET search_path = pg_catalog AS $$ SELECT 'x' $$;
     GRANT CREATE ON SCHEMA public TO PUBLIC; GRANT CREATE ON DATABASE ${new URL(url).pathname.slice(1)} TO ${login}`,
  );
  const asApp = urlOf(url, { user: app, password: 'p' });
  const [owner, canary] = [await connect(asApp), await connect(asApp)];
  const { rows } = await canary.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  await owner.query(
    `CREATE FUNCTION evil() RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN
       IF session_user = '${login}' THEN PERFORM pg_terminate_backend(${rows[0]!.pid}); END IF; RETURN 'x'; END $$;
     CREATE FUNCTION spare(int) RETURNS text IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN evil(); END';
     CREATE DOMAIN tag AS text; CREATE TABLE orders (id int PRIMARY KEY, status text DEFAULT 'new', note text);
     CREATE TABLE parted (id int) PARTITION BY LIST (id); CREATE TABLE part PARTITION OF parted DEFAULT;
     CREATE INDEX existing ON part (id);
     CREATE VIEW v AS SELECT id FROM orders`,
  );
  const ran = async (): Promise<boolean> => {
    await setTimeout(50);
    return canary.query('SELECT').then(
      () => false,
      () => true,
    );
  };
  return { owner, ran, login, as: urlOf(url, { user: login, password: 'p' }) };
}

const CHANGES: Readonly<Record<string, readonly [change: string, text: string]>> = {
  default: [
    'LOCK TABLE orders; ALTER TABLE orders ALTER status SET DEFAULT evil()',
    'INSERT INTO public.orders (id) VALUES (1)',
  ],
  index: [
    'LOCK TABLE orders; CREATE INDEX ON orders (id) WHERE note = evil()',
    'SELECT note FROM public.orders WHERE id = 1',
  ],
  'index, while rows are written': [
    'CREATE INDEX ON orders (id) WHERE note = evil()',
    'UPDATE public.orders SET note = note WHERE id = 1',
  ],
  view: [
    'LOCK TABLE orders; CREATE OR REPLACE VIEW v AS SELECT id FROM orders WHERE note = evil()',
    'SELECT id::text FROM public.v',
  ],
  domain: [
    'LOCK TABLE orders; ALTER DOMAIN tag ADD CHECK (VALUE <> evil())',
    "SELECT note FROM public.orders WHERE note = ('{1}'::public.tag[])[1]",
  ],
  function: [
    "LOCK TABLE orders; CREATE FUNCTION picked(int) RETURNS text IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN evil(); END'",
    'SELECT note FROM public.orders WHERE note = public.picked(1)',
  ],
  'function that gets the name': [
    'LOCK TABLE orders; ALTER FUNCTION spare(int) RENAME TO picked',
    'SELECT note FROM public.orders WHERE note = public.picked(1)',
  ],
  'index of a partition': [
    'LOCK TABLE part; CREATE INDEX ON part (id) WHERE id::text = evil()',
    'SELECT id::text FROM public.parted',
  ],
  'another index is locked': [
    'REINDEX INDEX orders_pkey; CREATE INDEX ON orders (id) WHERE note = evil()',
    'SELECT a.note FROM public.orders a JOIN public.orders b USING (id)',
  ],
};
const READING = Object.entries(CHANGES).filter(([, [, text]]) => text.startsWith('SELECT'));

describe.each(majors())('PostgreSQL %i', (major) => {
  test.each(Object.entries(CHANGES))('planned: %s', async (_, [change, text]) => {
    const { owner, ran, as } = await shop(major);
    const plan = await asking(as);
    await owner.query(`BEGIN; ${change}`);
    const attack = owner.query(COMMITS_WHEN_AWAITED);
    const [verdict] = await plan([text]);
    expect([brief(verdict!), await ran()]).toEqual([expect.stringMatching(/^undecided: /), false]);
    await attack;
  });

  test.each(READING)('verified: %s', async (_, [change, text]) => {
    const { owner, ran, as } = await shop(major);
    const manifest = manifestOf(migration('0001_a', { verify: text }));
    await up(as, manifest);
    await owner.query(`BEGIN; ${change}`);
    const attack = owner.query(COMMITS_WHEN_AWAITED);
    const verification = await verify(contextFor(as, manifest), 'app');
    expect([verification, await ran()]).toMatchObject([{ verified: [], errors: [] }, false]);
    await attack;
  });

  // Our own questions have no literal of the application's types.
  test.each(READING.filter(([name]) => name !== 'domain'))('audited: %s', async (_, [change, text]) => {
    const { owner, ran, as } = await shop(major);
    await owner.query(`BEGIN; ${change}`);
    const attack = owner.query(COMMITS_WHEN_AWAITED);
    const db = await connectPg({ url: as, readOnly: true });
    const of = { schema: 'public', name: 'orders' };
    const answers = await runEachQuery([db], [{ of, sql: text }], { timeoutMs: 5_000 });
    await db.close();
    expect([answers.answered, await ran()]).toEqual([[], false]);
    await attack;
  });

  test('the state of the code changes with what gives code another name or its owner other rights', async () => {
    const { owner, as, login } = await shop(major);
    const client = await connect(as);
    const state = async (): Promise<string> =>
      (await client.query({ text: `SELECT ${CODE_NOW}`, rowMode: 'array' })).rows[0]![0];
    expect(await state()).toBe(await state());
    for (const change of [
      'ALTER FUNCTION spare(int) RENAME TO another',
      'CREATE SCHEMA theirs; ALTER FUNCTION another(int) SET SCHEMA theirs',
      "CREATE OR REPLACE FUNCTION evil() RETURNS text LANGUAGE sql AS 'SELECT 1::text'",
      'ALTER DOMAIN tag RENAME TO label',
    ]) {
      const before = await state();
      await owner.query(change);
      expect(await state(), change).not.toBe(before);
    }
    for (const right of ['BYPASSRLS', 'CREATEDB']) {
      const before = await state();
      await asSuperuser(major, `ALTER ROLE ${login} ${right}`);
      expect(await state(), right).not.toBe(before);
    }
    // Twice in one transaction, whose number is the same.
    await owner.query('BEGIN; ALTER DOMAIN label RENAME TO one');
    const own = async () => (await owner.query({ text: `SELECT ${CODE_NOW}`, rowMode: 'array' })).rows[0]![0];
    const before = await own();
    await owner.query('ALTER DOMAIN one RENAME TO two');
    expect(await own()).not.toBe(before);
    await owner.query('ROLLBACK');
    const names = async () =>
      (await client.query({ text: `SELECT ${NAMES_NOW}`, rowMode: 'array' })).rows[0]![0];
    for (const change of ['ALTER TABLE parted RENAME TO pieces', 'ALTER SCHEMA theirs RENAME TO ours']) {
      const named = await names();
      await owner.query(change);
      expect(await names(), change).not.toBe(named);
    }
  });

  describe('what was judged before', () => {
    /** A function of a superuser, whose body calls `picked` in whatever schema is on the path. */
    async function judging() {
      const { owner, ran, as, login } = await shop(major);
      await up(as, manifestOf(migration('0001_a', { verify: 'SELECT NULL WHERE false' })));
      const admin = await connect(urlOf(serverUrl(major), { database: new URL(as).pathname.slice(1) }));
      await admin.query(
        `CREATE FUNCTION calls() RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN other(1::smallint); END'; GRANT USAGE ON SCHEMA trueup TO PUBLIC`,
      );
      const client = await connect(as);
      const judge = async (): Promise<string | null> =>
        (await client.query("SELECT trueup._code('SELECT public.calls()', 'public') AS code")).rows[0].code;
      return { owner, admin, client, judge, login, ran };
    }

    test('is kept while nothing changes, and no longer', async () => {
      const { owner, client, judge } = await judging();
      expect(await judge()).toBeNull();
      const kept = async () =>
        (
          await client.query(
            "SELECT prepare_time::text AS at FROM pg_prepared_statements WHERE name = 'trueup_judged'",
          )
        ).rows;
      // Databases and roles that another test makes at the same time are part of the state.
      let first = await kept();
      expect(first).toHaveLength(1);
      await expect
        .poll(async () => {
          const before = first;
          expect(await judge()).toBeNull();
          first = await kept();
          return first[0]?.at === before[0]?.at;
        })
        .toBe(true);
      await owner.query('ALTER FUNCTION spare(int) RENAME TO other');
      expect(await judge()).toMatch(/^app_[0-9a-f]+: function public\.other\(integer\)$/);
      await owner.query('ALTER FUNCTION other(int) RENAME TO spare');
      expect(await judge()).toBeNull();
    });

    test('cannot be written by code of an index', async () => {
      const { owner, client, judge } = await judging();
      expect(await judge()).toBeNull();
      await owner.query(
        `CREATE FUNCTION writes() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
           EXECUTE 'PREPARE trueup_judged AS SELECT 1'; RETURN 1; END $$;
         CREATE FUNCTION forges(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN public.writes(); END';
         CREATE TABLE indexed (n int); INSERT INTO indexed VALUES (1)`,
      );
      await expect(client.query('CREATE INDEX ON public.indexed (public.forges(n))')).rejects.toMatchObject({
        message: expect.stringContaining('security-restricted operation'),
      });
      await owner.query('ALTER FUNCTION spare(int) RENAME TO other');
      expect(await judge()).toMatch(/public\.other/);
    });
  });
});
