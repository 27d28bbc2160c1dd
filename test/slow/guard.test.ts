/** What takes seconds of the guard: a thousand partitions, functions that sleep or raise what rows hold. */
import { describe, expect, test } from 'vitest';
import { connect, createDatabase, majors, outerMajors } from '../support/database';
import { run, up } from '../support/engine';
import { manifestOf, migration, promising } from '../support/manifest';

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
      // On a busy machine it takes more than one slice.
      const settled = async (manifest: Parameters<typeof run>[1]) => {
        for (;;) {
          const { outcome } = await run(url, manifest);
          if (outcome.status !== 'continue') return outcome;
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
      const { report } = await settled(promising(manifestOf(first, widen), ...sent));
      expect(report).toMatchObject({ applied: ['0002_widen'], workload: { running: 10_000, broken: [] } });
      expect(report.workload!.notGuarded.budget).toBeGreaterThan(0);
      // What the migration has touched is asked first.
      const rename = migration('0003_rename', {
        up: [{ sql: 'ALTER TABLE t2 RENAME COLUMN note TO remark', locks: lock('t2') }],
      });
      const refused = await settled(promising(manifestOf(first, widen, rename), ...sent));
      expect(refused).toMatchObject({ status: 'failed', error: { code: 'workload' } });
    },
  );

  test('a function that sleeps while it is planned is not asked again under locks', async () => {
    const url = await createDatabase(major);
    const first = migration('0001_t', {
      up: [
        'CREATE TABLE t (id int)',
        'CREATE FUNCTION sleeps() RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.5); RETURN 1; END $$',
      ],
    });
    const sleeps = 'SELECT id FROM t WHERE id = sleeps()';
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
