import { describe, expect, test } from 'vitest';
import { down, plan, readStatus, verify } from '../../lambda/engine';
import { connect, createDatabase, majors } from '../support/database';
import { contextFor, run, up } from '../support/engine';
import { manifestOf, migration, request } from '../support/manifest';

const orders = migration('0001_orders', {
  up: ['CREATE TABLE orders (id int PRIMARY KEY, note text)'],
  verify: "SELECT 'orders is missing' WHERE to_regclass('orders') IS NULL",
});
const noteDefault = migration('0002_note_default', {
  up: [
    {
      sql: "ALTER TABLE orders ALTER COLUMN note SET DEFAULT 'none'",
      locks: [{ relation: 'orders', mode: 'ACCESS EXCLUSIVE', created: false }],
    },
  ],
  verify: "SELECT * FROM trueup.col_default_is('orders', 'note', '''none''')",
  down: ['ALTER TABLE orders ALTER COLUMN note DROP DEFAULT'],
});
const index = (change: object = {}) =>
  migration('0003_note_index', {
    up: [
      {
        sql: 'CREATE UNIQUE INDEX CONCURRENTLY orders_note ON orders (note)',
        execution: 'non-transactional',
        target: {
          kind: 'index',
          action: 'create',
          name: 'orders_note',
          schema: null,
          table: 'orders',
          unique: true,
        },
      },
    ],
    verify:
      "SELECT 'no valid index' WHERE NOT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass('orders_note') AND indisvalid)",
    down: [{ sql: 'DROP INDEX CONCURRENTLY orders_note', execution: 'non-transactional' }],
    ...change,
  });

describe.each(majors())('PostgreSQL %i', (major) => {
  test('applies, proves, and does nothing the second time', async () => {
    const url = await createDatabase(major);
    const manifest = manifestOf(orders, noteDefault, index());
    const first = await run(url, manifest);
    expect(first.outcome).toMatchObject({
      status: 'done',
      report: {
        applied: ['0001_orders', '0002_note_default', '0003_note_index'],
        position: '0003_note_index',
      },
    });
    const second = await run(url, manifest);
    expect(second.outcome).toMatchObject({
      status: 'done',
      report: { applied: [], position: '0003_note_index' },
    });
    const client = await connect(url);
    const rows = await client.query('SELECT name, state, verified FROM trueup.migrations ORDER BY name');
    expect(rows.rows.map((row) => [row.state, row.verified])).toEqual([
      ['applied', true],
      ['applied', true],
      ['applied', true],
    ]);
    const state = await readStatus(contextFor(url, manifest), 'app');
    expect(state.migrations.map((m) => m.state)).toEqual(['applied', 'applied', 'applied']);
    await client.query('ALTER TABLE orders ALTER note DROP DEFAULT');
    const found = await verify(contextFor(url, manifest), 'app');
    expect(found.verified).toEqual(['0001_orders', '0003_note_index']);
    expect(found.findings).toMatchObject([{ migration: '0002_note_default' }]);
  });

  test('a verify that returns rows stops the commit', async () => {
    const url = await createDatabase(major);
    const wrong = migration('0001_wrong', {
      up: ['CREATE TABLE wrong ()'],
      verify: "SELECT 'the moon is ' || n FROM generate_series(1, 2) n",
    });
    const { outcome } = await run(url, manifestOf(wrong));
    expect(outcome).toMatchObject({
      status: 'failed',
      error: {
        code: 'verification',
        migration: '0001_wrong',
        details: ['the moon is 1', 'the moon is 2'],
        line: 99,
      },
    });
    const client = await connect(url);
    expect((await client.query("SELECT to_regclass('wrong') AS t")).rows[0].t).toBeNull();
  });

  test('a statement that fails is named with its line, and what came before it stays', async () => {
    const url = await createDatabase(major);
    const broken = migration('0002_broken', {
      up: ['SELECT 1', 'ALTER TABLE orders\n  ADD COLUMN note text'],
    });
    const { outcome } = await run(url, manifestOf(orders, broken));
    expect(outcome).toMatchObject({
      status: 'failed',
      error: { code: 'statement', migration: '0002_broken', statement: 2, sqlstate: '42701' },
      report: { applied: ['0001_orders'], pending: ['0002_broken'] },
    });
  });

  test('duplicates under CREATE UNIQUE INDEX CONCURRENTLY leave no INVALID index, and the next run goes on', async () => {
    const url = await createDatabase(major);
    const manifest = manifestOf(orders, noteDefault, index());
    await up(url, manifestOf(orders, noteDefault));
    const client = await connect(url);
    await client.query("INSERT INTO orders VALUES (1, 'x'), (2, 'x')");
    const { outcome } = await run(url, manifest);
    expect(outcome).toMatchObject({
      status: 'failed',
      error: { sqlstate: '23505', migration: '0003_note_index' },
    });
    expect((await client.query("SELECT to_regclass('orders_note') AS t")).rows[0].t).toBeNull();
    await client.query('DELETE FROM orders WHERE id = 2');
    expect(await up(url, manifest)).toMatchObject({ report: { applied: ['0003_note_index'] } });
  });

  test('preflight stops before anything is changed', async () => {
    const url = await createDatabase(major);
    const checked = migration('0001_checked', {
      preflight: "SELECT 'three rows are in the way'",
      up: ['CREATE TABLE checked ()'],
    });
    const { outcome } = await run(url, manifestOf(checked));
    expect(outcome).toMatchObject({
      status: 'failed',
      error: { code: 'preflight', details: ['three rows are in the way'] },
    });
  });

  test('an edited file, a late one, a removed one', async () => {
    const url = await createDatabase(major);
    await up(url, manifestOf(orders, noteDefault));
    const edited = { ...orders, checksums: { ...orders.checksums, up: 'f00' } };
    const { outcome } = await run(url, manifestOf(edited, noteDefault));
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'history', migration: '0001_orders' } });
    const late = migration('0000_late', { up: ['CREATE TABLE late ()'] });
    const done = await up(url, manifestOf(late, orders));
    expect(done.report.applied).toEqual(['0000_late']);
    expect(done.report.warnings.join()).toMatch(
      /0000_late has a lower number than .*0002_note_default is applied, but its file is missing/s,
    );
  });

  test('a repeatable runs again when its text changes', async () => {
    const url = await createDatabase(major);
    const answer = (n: number) =>
      migration('R__answer', {
        up: [`CREATE OR REPLACE FUNCTION answer() RETURNS int LANGUAGE sql AS 'SELECT ${n}'`],
      });
    await up(url, manifestOf(answer(1)));
    expect((await up(url, manifestOf(answer(1)))).report.applied).toEqual([]);
    expect((await up(url, manifestOf(answer(2)))).report.applied).toEqual(['R__answer']);
    const client = await connect(url);
    expect((await client.query('SELECT answer()')).rows[0].answer).toBe(2);
    const changed = migration('R__answer', {
      up: ["CREATE OR REPLACE FUNCTION answer() RETURNS text LANGUAGE sql AS 'SELECT 1::text'"],
    });
    const { outcome } = await run(url, manifestOf(changed));
    expect(outcome).toMatchObject({ status: 'failed', error: { sqlstate: '42P13' } });
    expect(outcome.status === 'failed' && outcome.error.remedy).toMatch(/signature/);
  });

  test('a statement with the SQLSTATE of a changed signature that replaces nothing is not told of one', async () => {
    const url = await createDatabase(major);
    const twoKeys = migration('0001_keys', {
      up: ['CREATE TABLE t (id int PRIMARY KEY)', 'ALTER TABLE t ADD PRIMARY KEY (id)'],
    });
    const { outcome } = await run(url, manifestOf(twoKeys));
    expect(outcome).toMatchObject({ status: 'failed', error: { sqlstate: '42P16' } });
    expect(outcome.status === 'failed' && outcome.error.remedy).not.toMatch(/signature/);
  });

  test('a batch repeats until it changes nothing', async () => {
    const url = await createDatabase(major);
    const client = await connect(url);
    await client.query('CREATE TABLE items AS SELECT n, false AS done FROM generate_series(1, 25) n');
    const backfill = migration('0001_backfill', {
      up: [
        {
          sql: 'UPDATE items SET done = true WHERE n IN (SELECT n FROM items WHERE NOT done LIMIT 10)',
          execution: 'batch',
        },
      ],
      verify: "SELECT 'not done' FROM items WHERE NOT done",
    });
    const { outcome, events } = await run(url, manifestOf(backfill));
    expect(outcome.status).toBe('done');
    expect(events.filter((e) => e.type === 'batch').map((e) => e.type === 'batch' && e.rows)).toEqual([
      10, 10, 5, 0,
    ]);
    const row = (await client.query('SELECT * FROM trueup.migrations')).rows[0];
    expect(row).toMatchObject({ state: 'applied', statements_done: 1, verified: true });
  });

  test('baseline marks only what verifies', async () => {
    const url = await createDatabase(major);
    const client = await connect(url);
    await client.query('CREATE TABLE orders (id int PRIMARY KEY, note text)');
    const manifest = manifestOf(orders, noteDefault);
    const { outcome } = await run(url, manifest, { baseline: '0002_note_default', baselineOnly: true });
    expect(outcome).toMatchObject({ status: 'done', report: { baselined: ['0001_orders'], applied: [] } });
    expect(outcome.report.warnings.join()).toMatch(/0002_note_default was not recorded as applied/);
    expect((await up(url, manifest)).report.applied).toEqual(['0002_note_default']);
  });

  test('plan shows what up would do; down undoes one by name', async () => {
    const url = await createDatabase(major);
    const manifest = manifestOf(orders, noteDefault);
    const planned = await plan(contextFor(url, manifest), request(manifest));
    expect(planned.steps.map((s) => [s.action, s.migration])).toEqual([
      ['apply', '0001_orders'],
      ['apply', '0002_note_default'],
    ]);
    expect(planned.steps[1]!.statements[0]!.locks).toEqual(['ACCESS EXCLUSIVE on orders']);
    await up(url, manifest);
    const ask = { id: 'by-hand', namespace: 'app', owner: null, name: '0002_note_default' };
    expect(await down(contextFor(url, manifest), ask)).toMatchObject({
      report: { undone: ['0002_note_default'] },
    });
    const again = await down(contextFor(url, manifest), { ...ask, id: 'again' });
    expect(again).toMatchObject({ status: 'failed', error: { code: 'undo' } });
    expect((await up(url, manifest)).report.applied).toEqual(['0002_note_default']);
  });

  test('down without the file runs what the ledger recorded, unless somebody changed it', async () => {
    const url = await createDatabase(major);
    await up(url, manifestOf(orders, noteDefault));
    const client = await connect(url);
    const without = contextFor(url, manifestOf(orders));
    const ask = { id: 'changed', namespace: 'app', owner: null, name: '0002_note_default' };
    await client.query(
      "UPDATE trueup.migrations SET down = replace(down, 'DROP DEFAULT', 'SET DEFAULT now()')",
    );
    await expect(down(without, ask)).resolves.toMatchObject({
      status: 'failed',
      error: { code: 'undo', message: expect.stringMatching(/not the one that was deployed/) },
    });
    await client.query(
      "UPDATE trueup.migrations SET down = replace(down, 'SET DEFAULT now()', 'DROP DEFAULT')",
    );
    expect(await down(without, { ...ask, id: 'as deployed' })).toMatchObject({ status: 'done' });
  });

  test('an older installation gets what is missing first, on the way forward and for down', async () => {
    const url = await createDatabase(major);
    const manifest = manifestOf(orders, noteDefault);
    await up(url, manifest);
    const client = await connect(url);
    const older = () =>
      client.query(`UPDATE trueup.ledger SET functions_version = 0;
        DROP FUNCTION trueup._record(jsonb); DROP FUNCTION trueup._take_locks(text[], text[], boolean)`);
    await older();
    const asked = { id: 'by-hand', namespace: 'app', owner: null, name: '0002_note_default' };
    expect(await down(contextFor(url, manifest), asked)).toMatchObject({ status: 'done' });
    await older();
    expect((await up(url, manifest)).report.applied).toEqual(['0002_note_default']);
    const { rows } = await client.query(
      "SELECT event FROM trueup.events WHERE migration LIKE '0002%' ORDER BY id",
    );
    expect(rows.map(({ event }) => event)).toEqual(['applied', 'undone', 'applied']);
  });

  test('migrations that share a message are timed one by one', async () => {
    const url = await createDatabase(major);
    await up(
      url,
      manifestOf(
        migration('0001_slow', { up: ['SELECT pg_sleep(0.4)'] }),
        migration('0002_quick', { up: ['SELECT 1'] }),
        migration('0003_slow', { up: ['SELECT pg_sleep(0.2)'] }),
      ),
    );
    const { rows } = await (await connect(url)).query(
      'SELECT duration_ms::int AS ms FROM trueup.migrations ORDER BY name',
    );
    expect(rows[0].ms).toBeGreaterThanOrEqual(400);
    expect(rows[2].ms).toBeGreaterThanOrEqual(200);
    // Neither of them has the first one's time in it.
    expect(rows[1].ms).toBeLessThan(rows[0].ms);
    expect(rows[2].ms).toBeLessThan(rows[0].ms + 200);
  });
});
