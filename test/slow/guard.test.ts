/** What takes seconds of the guard: a thousand partitions, functions that sleep or raise what rows hold. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ConvergeOutcome } from '../../lambda/contract/converge';
import { trueup } from '../cli/trueup';
import { connect, createDatabase, majors, outerMajors } from '../support/database';
import { run, up } from '../support/engine';
import { manifestOf, migration, promising } from '../support/manifest';
import { temporaryFolder } from '../support/processes';

const lock = (relation: string) => [{ relation, mode: 'ACCESS EXCLUSIVE' as const, created: false }];

describe.each(majors())('PostgreSQL %i', (major) => {
  test('a thousand partitions: planned without locks, and never for longer than locks may be held', async () => {
    const url = await createDatabase(major);
    const parts = Array.from(
      { length: 1_000 },
      (_, i) => `CREATE TABLE part_${i} PARTITION OF events FOR VALUES IN (${i})`,
    );
    const first = migration('0001_events', {
      up: [
        'CREATE TABLE events (id int, kind int, note text, PRIMARY KEY (id, kind)) PARTITION BY LIST (kind)',
        ...parts,
      ],
    });
    const upsert = 'INSERT INTO events (id, kind) VALUES ($1, $2) ON CONFLICT (id, kind) DO NOTHING';
    await up(url, promising(manifestOf(first), upsert, 'SELECT note FROM events WHERE id = $1'));
    const widen = migration('0002_widen', {
      up: [{ sql: 'ALTER TABLE events ADD COLUMN town text', locks: lock('events') }],
    });
    const { report } = await up(url, promising(manifestOf(first, widen), upsert));
    expect(report).toMatchObject({ applied: ['0002_widen'], workload: { running: 2 } });
    const rename = migration('0003_rename', {
      up: [{ sql: 'ALTER TABLE events RENAME COLUMN kind TO sort', locks: lock('events') }],
    });
    const { outcome } = await run(url, promising(manifestOf(first, widen, rename), upsert));
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'workload' } });
  });

  test.runIf(outerMajors().includes(major))(
    'ten thousand statements: what is not asked in time is counted, and no migration fails for it',
    async () => {
      const url = await createDatabase(major);
      // On a busy machine a deployment takes more than one slice, and longer ones: all of them are one request, and their
      // reports one report.
      const settled = async (manifest: Parameters<typeof run>[1]) => {
        const id = `deployment of ${manifest.hash}`;
        const reports: ConvergeOutcome['report'][] = [];
        for (let [slice, ms] = [1, 20_000]; ; slice++, ms *= 1.5) {
          const { outcome } = await run(url, manifest, { id }, { deadline: Date.now() + ms });
          reports.push(outcome.report);
          if (outcome.status !== 'continue') return { outcome, reports };
          if (slice === 10) throw new Error(`not done after ${slice} slices: ${outcome.progress}`);
        }
      };
      const tables = Array.from(
        { length: 100 },
        (_, i) => `CREATE TABLE t${i} (id int PRIMARY KEY, note text NOT NULL)`,
      );
      const first = migration('0001_tables', { up: tables });
      const sent = Array.from(
        { length: 10_000 },
        (_, i) => `SELECT note AS n${i} FROM t${i % 100} WHERE id = $1`,
      );
      await settled(promising(manifestOf(first), ...sent));
      const widen = migration('0002_widen', {
        up: [{ sql: 'ALTER TABLE t1 ADD COLUMN town text', locks: lock('t1') }],
      });
      const { outcome, reports } = await settled(promising(manifestOf(first, widen), ...sent));
      expect(outcome.status).toBe('done');
      expect([...new Set(reports.flatMap(({ applied }) => applied))]).toEqual(['0002_widen']);
      const workloads = reports.flatMap(({ workload }) => workload ?? []);
      expect(workloads.map(({ running }) => running)).toContain(10_000);
      expect(workloads.flatMap(({ broken }) => broken)).toEqual([]);
      expect(Math.max(...workloads.map(({ notGuarded }) => notGuarded.budget ?? 0))).toBeGreaterThan(0);
      // What the migration has touched is asked first.
      const rename = migration('0003_rename', {
        up: [{ sql: 'ALTER TABLE t2 RENAME COLUMN note TO remark', locks: lock('t2') }],
      });
      const refused = await settled(promising(manifestOf(first, widen, rename), ...sent));
      expect(refused.outcome, JSON.stringify(refused)).toMatchObject({
        status: 'failed',
        error: { code: 'workload' },
      });
    },
  );

  test('a function that sleeps while it is planned is not asked again under locks', async () => {
    const url = await createDatabase(major);
    const first = migration('0001_t', {
      up: [
        'CREATE TABLE t (id int)',
        'CREATE TABLE u (id int)',
        'CREATE FUNCTION sleeps() RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.5); RETURN 1; END $$',
      ],
    });
    const sleeps = 'SELECT id FROM u WHERE id = sleeps()';
    await up(url, promising(manifestOf(first), sleeps, 'SELECT id FROM t'));
    const change = migration('0002_change', {
      up: [{ sql: 'ALTER TABLE t ADD COLUMN note text', locks: lock('t') }],
    });
    const { report } = await up(url, promising(manifestOf(first, change), 'SELECT id FROM t'));
    expect(report.workload).toMatchObject({ notGuarded: { slow: 1 } });
  });

  test('what a function raises while it is planned is nowhere', async () => {
    const url = await createDatabase(major);
    const first = migration('0001_t', {
      up: [
        'CREATE TABLE t (id int, secret text)',
        "INSERT INTO t VALUES (1, 'hunter2')",
        `CREATE FUNCTION tells() RETURNS int IMMUTABLE LANGUAGE plpgsql AS
          $$ BEGIN RAISE EXCEPTION '%', (SELECT secret FROM public.t) USING ERRCODE = '42703'; END $$`,
      ],
    });
    const tells = 'SELECT id FROM t WHERE id = tells()';
    const outcome = await run(url, promising(manifestOf(first), tells, 'SELECT id FROM t'));
    const rename = migration('0002_rename', { up: ['ALTER TABLE t RENAME COLUMN id TO number'] });
    const refused = await run(url, promising(manifestOf(first, rename)));
    expect(refused.outcome).toMatchObject({ status: 'failed', error: { code: 'workload' } });
    const client = await connect(url);
    const { rows } = await client.query(
      'SELECT d.result, e.detail FROM trueup.deployments d, trueup.events e',
    );
    expect(JSON.stringify([outcome, refused, rows])).not.toContain('hunter2');
  });
});

test('on the command line what a file touches has 30 s, although a slice of the run has less', async () => {
  const url = await createDatabase();
  const folder = temporaryFolder();
  const [first, second, workload] = ['0001_orders.sql', '0002_note.sql', 'shop.workload'].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  const head = '-- migrate:no-verify a test\n-- migrate:up\n';
  writeFileSync(
    first,
    `${head}CREATE TABLE pause (seconds float8);
CREATE FUNCTION slow() RETURNS int LANGUAGE plpgsql IMMUTABLE SET search_path = public AS
  $$ BEGIN PERFORM pg_catalog.pg_sleep(seconds) FROM pause; RETURN 1; END $$;
CREATE TABLE orders (id int);\n`,
  );
  const texts = Array.from({ length: 28 }, (_, i) => `SELECT id, slow() AS a${i} FROM orders;\n`);
  writeFileSync(workload, texts.join(''));
  const deploy = () => trueup(['up', folder, '--database-url', url, '--workload', workload]);
  expect(await deploy()).toMatchObject({ code: 0 });
  await (await connect(url)).query('INSERT INTO pause VALUES (0.3)');
  // Before the commit they are planned once more, in a part of the time for which locks may be held.
  writeFileSync(
    second,
    `-- migrate:settings statement-timeout=1min\n${head}ALTER TABLE orders ADD COLUMN note text;\n`,
  );
  const { code, stdout, stderr } = await deploy();
  expect([code, stdout], stderr).toEqual([
    0,
    expect.stringContaining('28 of 28 statements of the workload plan'),
  ]);
});
