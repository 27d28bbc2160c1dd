/** Undecided is no pass: what a pending file touches is planned first, and must be decided. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import type { ConvergeRequest } from '../../../lambda/contract/converge';
import type { EngineContext } from '../../../lambda/engine/run';
import { asSuperuser, connect, createDatabase, majors } from '../../support/database';
import { run, up } from '../../support/engine';
import { type MigrationSketch, manifestOf, migration, promising } from '../../support/manifest';

const lock = (relation: string) => [{ relation, mode: 'ACCESS EXCLUSIVE' as const, created: false }];
const altering = (relation: string, sql: string) => ({ up: [{ sql, locks: lock(relation) }] });

const TABLES = Array.from({ length: 100 }, (_, i) => `t${i}`);
const RARE = { text: 'SELECT id FROM t50 WHERE rare = $1 AND c1 = $2', role: 'shop', calls: 0 };
const OFTEN = TABLES.flatMap((table) =>
  Array.from({ length: 10 }, (_, i) => ({
    text: `SELECT id, ${i} + slow() FROM ${table} WHERE c1 = $1`,
    role: 'shop',
    calls: 1000 + i,
  })),
);
const many = migration('0001_first', {
  up: [
    // Whoever plans a statement that calls it waits for as long as it says there.
    'CREATE TABLE pause (seconds float8)',
    `CREATE FUNCTION slow() RETURNS int LANGUAGE plpgsql IMMUTABLE SET search_path = public AS
     'BEGIN PERFORM pg_catalog.pg_sleep(seconds) FROM pause; RETURN 1; END'`,
    ...TABLES.map((table) => `CREATE TABLE ${table} (id int, c1 int, rare int)`),
  ],
});
const dropRare = altering('t50', 'ALTER TABLE t50 DROP COLUMN rare');

describe.each(majors())('PostgreSQL %i', (major) => {
  describe('1,001 statements on a slow server', () => {
    const slowly = async (sketch: MigrationSketch, context: Partial<EngineContext>) => {
      const url = await createDatabase(major);
      await up(url, promising(manifestOf(many), RARE, ...OFTEN));
      const client = await connect(url);
      await client.query('INSERT INTO pause VALUES (0.02)');
      const manifest = promising(manifestOf(many, migration('0002_drop', sketch)), ...OFTEN);
      // Slices, as whoever deploys makes them.
      const slice = () => run(url, manifest, { id: 'slow' }, { deadline: Date.now() + 6_000, ...context });
      let { outcome } = await slice();
      while (outcome.status === 'continue') ({ outcome } = await slice());
      await client.query('SELECT rare FROM t50');
      return outcome;
    };

    test('what the file touches is planned first, and found broken', async () => {
      expect(await slowly(dropRare, {})).toMatchObject({
        status: 'failed',
        error: { code: 'workload', sqlstate: '42703', details: [expect.stringContaining(RARE.text)] },
      });
    });

    test('what was not reached in time stops it, and says so', async () => {
      expect(await slowly(dropRare, { guardTimeMs: 0.001 })).toMatchObject({
        status: 'failed',
        error: {
          code: 'workload',
          migration: '0002_drop',
          message:
            '11 statements that the running application sends and this migration touches are undecided',
          remedy: expect.stringMatching(/`--guard-time 2m`; .*`-- migrate:settings statement-timeout=…`/),
          details: expect.arrayContaining([
            'SELECT id, 9 + slow() FROM t50 WHERE c1 = $1 (role shop, 1,009 calls seen): there was no time left to plan it',
          ]),
        },
        report: { applied: [] },
      });
    });

    test('of code that nobody can see through, what it has locked', async () => {
      const sql =
        'DO $$ BEGIN ALTER TABLE t50 DROP COLUMN rare; EXCEPTION WHEN undefined_table THEN NULL; END $$';
      const unseen = [{ relation: '"*"', mode: 'ACCESS EXCLUSIVE' as const, created: false }];
      const outcome = await slowly({ up: [{ sql, locks: unseen }] }, {});
      expect(outcome).toMatchObject({ status: 'failed', error: { code: 'workload', sqlstate: '42703' } });
    });
  });

  describe('a function that a role without trust puts beside the one that is called', () => {
    const first = migration('0001_orders', {
      up: [
        'CREATE TABLE orders (id int, note text)',
        'CREATE TABLE items (id int, order_id int)',
        `CREATE FUNCTION shade(a int) RETURNS int LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog AS 'BEGIN RETURN a; END'`,
      ],
    });
    const READ = { text: 'SELECT shade(id), note FROM orders', role: 'shop', calls: 3 };
    const ITEMS = 'SELECT i.id FROM items i JOIN orders o ON o.id = i.order_id';
    const rename = migration(
      '0002_rename',
      altering('orders', 'ALTER TABLE orders RENAME COLUMN note TO remark'),
    );
    const widen = migration('0002_widen', altering('orders', 'ALTER TABLE orders ADD COLUMN town text'));
    const mallory = `mallory_${major}`;
    const undecided = (name: string) => ({
      status: 'failed',
      error: {
        code: 'workload',
        migration: name,
        message: '1 statement that the running application sends and this migration touches is undecided',
        remedy: expect.stringMatching(
          /^Nothing of this migration was applied\. Drop the named object.*`-- migrate:consent breaks <why>`\.$/,
        ),
        details: [
          `SELECT shade(id), note FROM orders (role shop, 3 calls seen): it may call untrusted code, which planning would run with the privileges of the connected role (function public.shade(bigint), owned by ${mallory})`,
        ],
      },
    });
    afterAll(() =>
      asSuperuser(major, `DROP OWNED BY ${mallory}; DROP ROLE IF EXISTS ${mallory}`).catch(() => {}),
    );

    const deployed = async (change: Partial<ConvergeRequest> = {}) => {
      const url = await createDatabase(major);
      await asSuperuser(
        major,
        `DO $$ BEGIN CREATE ROLE ${mallory}; EXCEPTION WHEN duplicate_object THEN NULL; END $$`,
      );
      await up(url, promising(manifestOf(first), READ, ITEMS), change);
      const client = await connect(url);
      const attack = () =>
        client.query(
          `GRANT CREATE ON SCHEMA public TO ${mallory}; SET ROLE ${mallory};
           CREATE FUNCTION public.shade(a bigint) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'; RESET ROLE`,
        );
      return { url, client, attack };
    };

    test('before the deployment: the file that touches the statement is stopped, one that does not is applied', async () => {
      const { url, attack } = await deployed();
      await attack();
      const other = migration('0002_items', altering('items', 'ALTER TABLE items ADD COLUMN size int'));
      const passed = await up(url, promising(manifestOf(first, other), READ, ITEMS));
      expect(passed.report).toMatchObject({
        applied: ['0002_items'],
        warnings: [
          '1 of 2 statements of the workload is undecided (1: it may call untrusted code, which planning would run with the privileges of the connected role)',
        ],
      });
      // That deployment does not make good what it could not tell.
      const { outcome } = await run(url, promising(manifestOf(first, other, rename), READ, ITEMS));
      expect(outcome).toMatchObject(undecided('0002_rename'));
      expect(outcome.report.applied).toEqual([]);
    });

    test('during the deployment: the transaction is not committed', async () => {
      const { url, client, attack } = await deployed();
      const application = await connect(url);
      await application.query('BEGIN; LOCK TABLE orders IN ACCESS SHARE MODE');
      const running = run(url, promising(manifestOf(first, rename), READ, ITEMS));
      while ((await client.query('SELECT FROM trueup.deployment_plans')).rows.length < 2) await sleep(20);
      await attack();
      await application.query('COMMIT');
      expect((await running).outcome).toMatchObject(undecided('0002_rename'));
      await client.query('SELECT note FROM orders');
    });

    test('the ways on: the object dropped, given to a trusted role, or consent, which the next deployment remembers', async () => {
      const { url, client, attack } = await deployed();
      await attack();
      await client.query('ALTER FUNCTION public.shade(bigint) OWNER TO CURRENT_USER');
      await up(url, promising(manifestOf(first, widen), READ, ITEMS));
      await client.query('DROP FUNCTION public.shade(bigint)');
      await attack();
      const town = migration('0003_town', altering('orders', 'ALTER TABLE orders DROP COLUMN town'));
      const manifest = (...more: (typeof first)[]) =>
        promising(manifestOf(first, widen, ...more), READ, ITEMS);
      expect((await run(url, manifest(town))).outcome).toMatchObject(undecided('0003_town'));
      const passed = await up(url, manifest({ ...town, breaks: 'a test' }));
      expect(passed.report.workload?.broken).toMatchObject([
        { text: READ.text, as: 'undecided', migration: '0003_town' },
      ]);
      const later = migration('0004_later', altering('orders', 'ALTER TABLE orders ADD COLUMN later int'));
      const next = await up(url, manifest({ ...town, breaks: 'a test' }, later));
      expect(next.report).toMatchObject({
        applied: ['0004_later'],
        workload: { broken: [{ text: READ.text, as: 'open', migration: null }] },
      });
      expect(next.report.workload).not.toHaveProperty('notRecorded');
    });

    test('where the ledger does not say how it planned, what is found is taken for that, and told', async () => {
      const { url, client, attack } = await deployed();
      await client.query('DELETE FROM trueup.workload_plans');
      await attack();
      const { report } = await up(url, promising(manifestOf(first, widen), READ, ITEMS));
      expect(report).toMatchObject({ applied: ['0002_widen'], workload: { notRecorded: 1 } });
      expect(report.warnings).toContain(
        'it is not known how 1 undecided statement that pending files touch planned at the last deployment; the result before the first migration is used instead',
      );
    });

    test('a rollback and a tenant in a schema of its own', async () => {
      const owner = { account: '1', region: 'r', stackName: 's' };
      const { url, client, attack } = await deployed({ owner });
      const next = promising(
        manifestOf(first, {
          ...widen,
          ...migration('0002_widen', {
            ...altering('orders', 'ALTER TABLE orders ADD COLUMN town text'),
            down: ['ALTER TABLE orders DROP COLUMN town'],
          }),
        }),
        READ,
        ITEMS,
      );
      await up(url, next, { owner });
      await attack();
      const back = await up(url, promising(manifestOf(first), READ, ITEMS), {
        owner,
        direction: 'rollback',
        rollbackAfterSuccess: true,
        failed: { manifestHash: next.hash, reportedSuccess: true },
      });
      expect(back.report.undone).toEqual(['0002_widen']);
      await client.query('CREATE SCHEMA acme');
      const tenant = { namespace: 'app/acme', schemas: ['acme', 'public'] };
      const own = migration('0001_own', { up: ['CREATE TABLE visits (id int, note text)'] });
      const VISITS = 'SELECT shade(id), note FROM visits';
      await client.query('DROP FUNCTION public.shade(bigint)');
      await up(url, promising(manifestOf(own), VISITS), tenant);
      await attack();
      const drop = migration('0002_drop', altering('visits', 'ALTER TABLE visits DROP COLUMN note'));
      expect((await run(url, promising(manifestOf(own, drop), VISITS), tenant)).outcome).toMatchObject({
        status: 'failed',
        error: { code: 'workload', migration: '0002_drop', details: [expect.stringContaining(mallory)] },
      });
    });

    test('a lock of the application is waited for within the budget, and no longer', async () => {
      const { url, client } = await deployed();
      const application = await connect(url);
      await application.query('BEGIN; LOCK TABLE items');
      const manifest = promising(manifestOf(first, widen), READ, ITEMS);
      const { outcome } = await run(url, manifest, {}, { guardTimeMs: 500 });
      expect(outcome).toMatchObject({
        status: 'failed',
        error: {
          code: 'workload',
          migration: '0002_widen',
          details: [
            expect.stringMatching(
              /^SELECT i\.id FROM items .*: another session holds a lock on one of its tables \(public\.items, role \w+\)$/,
            ),
          ],
        },
      });
      const waiting = run(url, manifest, {}, { guardTimeMs: 15_000 });
      await sleep(1_500);
      expect((await client.query("SELECT FROM trueup.migrations WHERE name = '0002_widen'")).rows).toEqual(
        [],
      );
      await application.query('ROLLBACK');
      expect((await waiting).outcome).toMatchObject({
        status: 'done',
        report: { applied: ['0002_widen'], warnings: [] },
      });
    });
  });

  test('ordinary migrations of an application whose functions somebody else owns need no consent', async () => {
    const url = await createDatabase(major);
    const client = await connect(url);
    const keeper = `keeper_${major}`;
    await asSuperuser(
      major,
      `DO $$ BEGIN CREATE ROLE ${keeper}; EXCEPTION WHEN duplicate_object THEN NULL; END $$`,
    );
    const first = migration('0001_shop', {
      up: [
        'CREATE TABLE orders (id int PRIMARY KEY, email text, note text, unused text)',
        `CREATE FUNCTION price(a int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT a'`,
        `ALTER FUNCTION price(int) OWNER TO ${keeper}`,
        'CREATE VIEW priced AS SELECT id, price(id) AS price FROM orders',
        `CREATE TYPE mood AS ENUM ('good')`,
        'CREATE TABLE moods (id int, mood mood)',
      ],
    });
    const workload = [
      'SELECT id, email, note FROM orders WHERE email = $1',
      'SELECT price(id) FROM orders',
      'SELECT price FROM priced',
      'INSERT INTO orders (id, email) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING',
      'SELECT mood FROM moods',
    ];
    const steps: readonly MigrationSketch[] = [
      altering('orders', 'ALTER TABLE orders ADD COLUMN town text'),
      {
        up: [{ sql: 'CREATE INDEX CONCURRENTLY by_email ON orders (email)', execution: 'non-transactional' }],
      },
      altering('orders', 'ALTER TABLE orders DROP COLUMN unused'),
      {
        up: ["CREATE OR REPLACE FUNCTION price(a int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2 * a'"],
      },
      altering(
        'priced',
        'CREATE OR REPLACE VIEW priced AS SELECT id, price(id) AS price, 1 AS more FROM orders',
      ),
      altering('orders', 'ALTER TABLE orders ADD CHECK (id > 0) NOT VALID'),
      { up: [{ sql: "ALTER TYPE mood ADD VALUE 'bad'", execution: 'separate' }] },
      { up: ['CREATE TABLE towns (id int REFERENCES orders (id))', 'GRANT SELECT ON orders TO PUBLIC'] },
      { up: ['CREATE SCHEMA reports', 'CREATE VIEW reports.daily AS SELECT count(*) FROM public.orders'] },
      {
        up: [
          "DO $$ BEGIN UPDATE orders SET town = 'x'; EXECUTE 'ALTER TABLE orders ALTER town SET DEFAULT 1'; END $$",
        ],
      },
    ];
    const all = [first, ...steps.map((step, i) => migration(`00${i + 10}_step`, step))];
    for (let n = 1; n <= all.length; n++) {
      const { report } = await up(url, promising(manifestOf(...all.slice(0, n)), ...workload));
      expect(report).toMatchObject({ applied: [all[n - 1]!.name], workload: { deployed: { plan: 3 } } });
      const told = (report.workload?.broken ?? []).map(({ as }) => as);
      expect(told.filter((as) => as !== 'open' && as !== 'warning')).toEqual([]);
    }
    await client.query(`DROP FUNCTION price(int) CASCADE`);
  });

  test.each([
    [
      "CREATE OR REPLACE FUNCTION price(a int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2'",
      ['offers', 'guarded', 'filled', 'checked', 'indexed'],
    ],
    ['ALTER FUNCTION price(int) COST 7', ['offers', 'guarded', 'filled', 'checked', 'indexed']],
    ['CREATE OR REPLACE VIEW offers AS SELECT id, price(id) AS price, 1 AS more FROM goods', ['offers']],
    ['ALTER POLICY own ON guarded USING (false)', ['guarded']],
    ['DROP POLICY own ON guarded', ['guarded']],
    ['ALTER DOMAIN amount ADD CHECK (VALUE > 0)', ['counted']],
    [
      'DO $$ BEGIN ALTER TABLE goods ADD COLUMN x int; EXCEPTION WHEN undefined_table THEN NULL; END $$',
      ['goods', 'offers'],
    ],
    ['ALTER TABLE part_1 ADD CHECK (id > 0)', ['part_1', 'parts']],
    ['GRANT SELECT ON goods TO PUBLIC', ['goods', 'offers']],
    ["ALTER TYPE mood RENAME VALUE 'good' TO 'fine'", ['moods']],
    ['ALTER TYPE pair ADD ATTRIBUTE y int', ['pairs']],
  ])('touched by %s', async (sql, relations) => {
    const url = await createDatabase(major);
    await up(
      url,
      manifestOf(
        migration('0001_all', {
          up: [
            'CREATE TABLE goods (id int)',
            `CREATE FUNCTION price(a int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'`,
            'CREATE VIEW offers AS SELECT id, price(id) AS price FROM goods',
            'CREATE TABLE guarded (id int)',
            'CREATE POLICY own ON guarded USING (price(id) > 0)',
            'CREATE TABLE filled (id int DEFAULT price(1))',
            'CREATE TABLE checked (id int CHECK (price(id) > 0))',
            'CREATE TABLE indexed (id int)',
            'CREATE INDEX ON indexed (price(id))',
            'CREATE DOMAIN amount AS int',
            'CREATE TABLE counted (id amount)',
            'CREATE TABLE parts (id int) PARTITION BY RANGE (id)',
            'CREATE TABLE part_1 PARTITION OF parts FOR VALUES FROM (1) TO (9)',
            'CREATE TABLE other (id int, good int)',
            "CREATE TYPE mood AS ENUM ('good')",
            'CREATE TABLE moods (mood mood)',
            'CREATE TYPE pair AS (x int)',
            'CREATE TABLE pairs (pair pair)',
          ],
        }),
      ),
    );
    const client = await connect(url);
    const touched = async () => {
      const { rows } = await client.query(`SELECT trueup._touched('{"transaction": true}') AS touched`);
      return rows[0].touched as { everything: boolean; relations: string[] };
    };
    await client.query('BEGIN; SET TRANSACTION ISOLATION LEVEL READ COMMITTED');
    expect(await touched()).toMatchObject({ everything: false, relations: [] });
    await client.query(sql);
    const found = await touched();
    expect([found.everything, found.relations.sort()]).toEqual([
      false,
      relations.map((name) => `public.${name}`).sort(),
    ]);
    for (const anything of [
      'CREATE OPERATOR === (leftarg = int, rightarg = int, procedure = int4eq)',
      'CREATE PUBLICATION everything FOR ALL TABLES',
    ]) {
      await client.query(`SAVEPOINT here; ${anything}`);
      expect(await touched()).toMatchObject({ everything: true });
      await client.query('ROLLBACK TO here');
    }
    await client.query('ROLLBACK');
  });
});
