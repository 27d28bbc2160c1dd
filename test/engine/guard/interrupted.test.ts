/** The guard when a run is cut, undone, or meets what an older version left. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { ConvergeOutcome } from '../../../lambda/contract/converge';
import { readWorkloadState } from '../../../lambda/engine/guard/running-workload';
import { connectPg } from '../../../lambda/postgres/pg';
import { connect, createDatabase, majors } from '../../support/database';
import { run, up } from '../../support/engine';
import { manifestOf, migration, promising } from '../../support/manifest';

const owner = { account: '1', region: 'r', stackName: 's' };
const lock = (relation: string) => [{ relation, mode: 'ACCESS EXCLUSIVE' as const, created: false }];
const first = migration('0001_customers', {
  up: ['CREATE TABLE customers (id int, note text)', 'CREATE TABLE orders (id int)'],
});
const READ = 'SELECT id, note FROM customers';
const rename = migration('0002_remark', {
  up: [{ sql: 'ALTER TABLE customers RENAME COLUMN note TO remark', locks: lock('customers') }],
  down: [{ sql: 'ALTER TABLE customers RENAME COLUMN remark TO note', locks: lock('customers') }],
});
const widen = migration('0003_orders', {
  up: [{ sql: 'ALTER TABLE orders ADD COLUMN town text', locks: lock('orders') }],
});

describe.each(majors())('PostgreSQL %i', (major) => {
  const deployed = async (...statements: string[]) => {
    const url = await createDatabase(major);
    await up(url, promising(manifestOf(first), READ, ...statements), { owner });
    const client = await connect(url);
    const promised = async (): Promise<string[]> =>
      (
        await client.query(
          'SELECT w.statement FROM trueup.namespaces n JOIN trueup.workload_statements w ON w.workload = n.workload ORDER BY number',
        )
      ).rows.map(({ statement }) => statement);
    return { url, client, promised };
  };

  test('what a half-done deployment broke with consent is not asked again by its next slice', async () => {
    const { url, client } = await deployed();
    const other = await connect(url);
    await other.query('BEGIN; LOCK TABLE orders IN ACCESS SHARE MODE');
    const manifest = promising(
      manifestOf(first, { ...rename, breaks: 'a test' }, widen),
      'SELECT id FROM customers',
    );
    const cut = await run(url, manifest, { id: 'cut' }, { deadline: Date.now() + 4_000 });
    expect(cut.outcome).toMatchObject({ status: 'continue', report: { applied: ['0002_remark'] } });
    const answers =
      "SELECT number, verdict ->> 'outcome' AS outcome, broken_by, consented FROM trueup.deployment_plans";
    const kept = (await client.query(answers)).rows;
    expect(kept).toEqual([{ number: 1, outcome: 'fails', broken_by: '0002_remark', consented: true }]);
    await other.query('ROLLBACK');
    const { outcome } = await run(url, manifest, { id: 'cut' });
    expect(outcome).toMatchObject({
      status: 'done',
      report: {
        applied: ['0002_remark', '0003_orders'],
        workload: { running: 1, broken: [{ text: READ, as: 'consent', migration: '0002_remark' }] },
      },
    });
    expect((await client.query(answers)).rows).toEqual([]);
  });

  test('what a run that was killed broke with consent is no drift, also once a later run has begun', async () => {
    const orders = 'SELECT id FROM orders';
    const { url, client } = await deployed(orders);
    const broken = async () => {
      const db = await connectPg({ url, readOnly: true });
      const now = await readWorkloadState(db, 'app', 5_000).finally(() => db.close());
      return now!.broken;
    };
    const other = await connect(url);
    await other.query('BEGIN; LOCK TABLE orders IN ACCESS SHARE MODE');
    const consented = manifestOf(first, { ...rename, breaks: 'a test' }, widen);
    await run(url, promising(consented, READ, orders), { id: 'killed' }, { deadline: Date.now() + 4_000 });
    expect(await broken()).toBe(0);
    await other.query('ROLLBACK');
    expect((await up(url, promising(consented, READ, orders), { id: 'next' })).status).toBe('done');
    expect(await broken()).toBe(0);
    // What nobody consented to is drift all the same.
    await client.query('ALTER TABLE orders RENAME COLUMN id TO number');
    expect(await broken()).toBe(1);
  });

  test.each(['_plan_before', '_guard', '_plan_after'])(
    'its session ended during %s: the run goes on, and refuses what it would have refused',
    async (at) => {
      const { url, client, promised } = await deployed();
      // Whoever plans this statement from within that function is at it until it is ended.
      await client.query(`CREATE TABLE gate (at text); CREATE FUNCTION held() RETURNS int LANGUAGE plpgsql IMMUTABLE AS
        'BEGIN IF EXISTS (SELECT FROM public.gate WHERE strpos(current_query(), at) > 0) THEN PERFORM pg_sleep(30); END IF; RETURN 1; END'`);
      const held = 'SELECT id FROM orders WHERE id = held()';
      await up(url, promising(manifestOf(first), READ, held), { owner });
      const end = async (): Promise<void> => {
        const pids =
          "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
        for (;;) {
          const { rows } = await client.query(pids);
          if (rows.length > 0) {
            await client.query('DELETE FROM gate');
            await client.query('SELECT pg_terminate_backend($1)', [rows[0].pid]);
            return;
          }
          await sleep(20);
        }
      };
      const harmless = migration('0002_orders', { up: ['ALTER TABLE orders ADD COLUMN town text'] });
      await client.query('INSERT INTO gate VALUES ($1)', [`trueup.${at}(`]);
      const ended = end();
      const { outcome } = await run(
        url,
        promising(manifestOf(first, harmless), READ, held, 'SELECT town FROM orders'),
        { owner },
      );
      await ended;
      expect(outcome).toMatchObject({
        status: 'done',
        report: { workload: { running: 2, deployed: { plan: 3 } } },
      });
      expect(await promised()).toHaveLength(3);
      const refused = await run(url, promising(manifestOf(first, harmless, rename)), { owner });
      expect(refused.outcome).toMatchObject({
        status: 'failed',
        error: { code: 'workload', migration: '0002_remark' },
      });
    },
  );

  test('a rollback is never refused, and brings the older promise back', async () => {
    const { url, promised } = await deployed();
    const oldManifest = promising(manifestOf(first), READ);
    const next = promising(
      manifestOf(first, { ...rename, breaks: 'a test' }),
      'SELECT remark FROM customers',
    );
    await up(url, next, { id: 'new', owner });
    expect(await promised()).toEqual(['SELECT remark FROM customers']);
    const back: ConvergeOutcome = await up(url, oldManifest, {
      owner,
      direction: 'rollback',
      rollbackAfterSuccess: true,
      failed: { manifestHash: next.hash, reportedSuccess: true },
    });
    expect(back.report).toMatchObject({ undone: ['0002_remark'], kept: [], warnings: [] });
    expect(back.report.workload).toBeUndefined();
    expect(await promised()).toEqual([READ]);
    const removed = await up(url, oldManifest, {
      owner,
      remove: true,
      failed: { manifestHash: oldManifest.hash, reportedSuccess: false },
      direction: 'rollback',
    });
    expect(removed.status).toBe('done');
    expect(await promised()).toEqual([]);
  });
});
