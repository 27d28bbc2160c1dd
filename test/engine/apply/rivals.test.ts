/** Two runners never apply one migration, whatever stands between them and the server. */
import type { Client } from 'pg';
import { afterAll, describe, expect, test } from 'vitest';
import type { Manifest } from '../../../lambda/contract/manifest';
import { down } from '../../../lambda/engine';
import type { Database } from '../../../lambda/postgres/database';
import { connectPg } from '../../../lambda/postgres/pg';
import { CONSENT, compile, file } from '../../compiler/support';
import { connect, createDatabase, majors, newestMajor, serverUrl } from '../../support/database';
import { contextFor, run, up } from '../../support/engine';
import { PGBOUNCER_INSTALLED, type PgBouncer, startPgBouncer } from '../../support/pgbouncer';
import { applications } from '../../support/watching';

const COUNTED = `-- migrate:up
UPDATE c SET n = n + 1
-- migrate:verify
SELECT 'never' WHERE false
-- migrate:down
UPDATE c SET n = n - 1`;

const files = (more: Readonly<Record<string, string>> = {}): Promise<Manifest> =>
  compile({
    '0001_table.sql': file('CREATE TABLE c (n int); INSERT INTO c VALUES (0); CREATE TABLE log (n int)'),
    '0002_count.sql': COUNTED,
    ...more,
  });

const MORE = {
  '0003_log.sql': file('INSERT INTO log SELECT n FROM c'),
  '0004_index.sql': file('CREATE INDEX CONCURRENTLY log_n ON log (n)'),
  '0005_again.sql': COUNTED,
  '0006_rows.sql': `${CONSENT}-- migrate:batch\nUPDATE log SET n = n + 10 WHERE n IN (SELECT n FROM log WHERE n < 10 LIMIT 5)\n-- migrate:verify\nSELECT 'left' FROM log WHERE n < 10`,
  'R__one.sql': file("CREATE OR REPLACE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'"),
};
const WHOLE = ['0001_table', '0002_count', '0003_log', '0004_index', '0005_again', '0006_rows', 'R__one'];

const state = async (client: Client) => ({
  n: (await client.query('SELECT n FROM c')).rows,
  log: (await client.query('SELECT n FROM log')).rows,
  invalid: (await client.query('SELECT FROM pg_index WHERE NOT indisvalid')).rowCount,
});

/** The lock is void: everybody gets it. */
const unlocked = (url: string) => async (): Promise<Database> =>
  Object.assign(await connectPg({ url }), { tryLock: async () => true, unlock: async () => {} });

describe.each(majors())('PostgreSQL %i: everybody gets the lock', (major) => {
  test('five runners on a new database: each migration is applied once', async () => {
    const url = await createDatabase(major);
    // Two sessions that make schema trueup at the same moment are another matter: PostgreSQL refuses one of them.
    await up(url, await compile({}));
    const manifest = await files(MORE);
    const runs = await Promise.all(
      [1, 2, 3, 4, 5].map(() => run(url, manifest, {}, { connect: unlocked(url) })),
    );
    // The newest request goes on; those before it stop where they meet its work.
    for (const { outcome } of runs)
      if (outcome.status !== 'done')
        expect(outcome).toMatchObject({ status: 'failed', error: { code: 'busy' } });
    await up(url, manifest);
    expect(await applications(url)).toEqual(Object.fromEntries(WHOLE.map((name) => [name, 1])));
    expect(await state(await connect(url))).toEqual({ n: [{ n: 2 }], log: [{ n: 11 }], invalid: 0 });
  });

  test('two that undo the same migration: it is undone once', async () => {
    const url = await createDatabase(major);
    const manifest = await files();
    await up(url, manifest);
    const undo = (id: string) =>
      down(
        { ...contextFor(url, manifest), connect: unlocked(url) },
        { id, namespace: 'app', owner: null, name: '0002_count' },
      );
    const outcomes = await Promise.all([undo('one'), undo('two')]);
    expect(outcomes.filter(({ status }) => status === 'done').length).toBeGreaterThan(0);
    const client = await connect(url);
    expect((await client.query('SELECT n FROM c')).rows).toEqual([{ n: 0 }]);
  });
});

describe.skipIf(!PGBOUNCER_INSTALLED)('PgBouncer (skipped where it is not installed)', () => {
  const started: PgBouncer[] = [];
  afterAll(() => Promise.all(started.map((one) => one.stop())));
  const behind = async (mode: 'session' | 'transaction' | 'statement', ignored: string) => {
    const url = await createDatabase();
    const bouncer = await startPgBouncer(serverUrl(newestMajor()), mode, ignored);
    started.push(bouncer);
    return { url, through: bouncer.url(url), client: await connect(url) };
  };
  const SWALLOWS = 'extra_float_digits, options';
  const pooled = {
    code: 'connection',
    message: expect.stringContaining('a proxy or pooler in front of the database shares sessions'),
  };

  test.each([
    ['session', ''],
    ['session', SWALLOWS],
    ['transaction', ''],
    ['transaction', SWALLOWS],
    ['statement', ''],
    ['statement', SWALLOWS],
  ] as const)(
    '%s mode, ignore_startup_parameters = %s: refused, and nothing is touched',
    async (mode, ignored) => {
      const { through, client } = await behind(mode, ignored);
      const { outcome } = await run(through, await files());
      expect(outcome).toMatchObject({
        status: 'failed',
        error: { ...pooled, remedy: expect.stringContaining('--pooler=session') },
      });
      expect(
        (
          await client.query(
            "SELECT to_regnamespace('trueup') AS s, pg_catalog.count(*)::int AS locks FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = pg_catalog.current_database())",
          )
        ).rows,
      ).toEqual([{ s: null, locks: 0 }]);
    },
  );

  test.each(['', SWALLOWS])(
    'session mode, ignore_startup_parameters = %s, and the user says so: it works, one at a time',
    async (ignored) => {
      const { url, through, client } = await behind('session', ignored);
      const manifest = await files(MORE);
      const pooler = () => connectPg({ url: through, pooler: 'session' });
      const runs = await Promise.all([1, 2, 3].map(() => run(through, manifest, {}, { connect: pooler })));
      expect(runs.map(({ outcome }) => outcome.status)).toEqual(['done', 'done', 'done']);
      expect(await applications(url)).toEqual(Object.fromEntries(WHOLE.map((name) => [name, 1])));
      expect(await state(client)).toEqual({ n: [{ n: 2 }], log: [{ n: 11 }], invalid: 0 });
    },
  );

  test('transaction mode, and the user says session: the ledger lets each migration in once', async () => {
    const { url, through, client } = await behind('transaction', SWALLOWS);
    await up(url, await compile({}));
    const manifest = await files();
    const pooler = () => connectPg({ url: through, pooler: 'session' });
    await Promise.all([1, 2, 3, 4].map(() => run(through, manifest, {}, { connect: pooler })));
    await up(url, manifest);
    expect((await client.query('SELECT n FROM c')).rows).toEqual([{ n: 1 }]);
    expect(await applications(url)).toEqual({ '0001_table': 1, '0002_count': 1 });
  });
});
