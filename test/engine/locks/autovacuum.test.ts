/** An autovacuum that only cleans does not stop a deployment, and the application does not wait for it either. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { down } from '../../../lambda/engine';
import { type PostgresServer, startPostgres } from '../../../lib/scratch-postgres/server';
import { CONSENT, compile, file } from '../../compiler/support';
import { connect, majors, outerMajors } from '../../support/database';
import { contextFor, run, runUntil, up, waitedFor } from '../../support/engine';
import { untilRow } from '../../support/watching';

const servers: PostgresServer[] = [];
afterAll(() => Promise.all(servers.map((server) => server.stop())));

const started = async (major: number, settings: Readonly<Record<string, string>> = {}) => {
  const server = await startPostgres({
    major,
    settings: { autovacuum: 'on', autovacuum_naptime: '1s', ...settings },
  });
  servers.push(server);
  return server;
};

/** A table that autovacuum is at, for minutes. */
const BUSY = `CREATE TABLE busy (n int, x text) WITH (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1);
  INSERT INTO busy SELECT n, repeat('x', 500) FROM generate_series(1, 20000) n; DELETE FROM busy WHERE n % 3 = 0`;
const AT_WORK =
  "SELECT a.pid FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid AND l.relation = 'busy'::regclass WHERE backend_type = 'autovacuum worker' AND l.mode = 'ShareUpdateExclusiveLock' AND l.granted";

const DOWN = '-- migrate:down\nALTER TABLE busy DROP COLUMN extra';

describe.each(outerMajors())('PostgreSQL %i', (major) => {
  test('it is waited for in a way that holds nobody up, then told to stop; also by an undo', async () => {
    const server = await started(major);
    const client = await connect(server.url());
    await client.query(
      "CREATE ROLE plain LOGIN PASSWORD 'p'; GRANT ALL ON DATABASE postgres TO plain; GRANT ALL ON SCHEMA public TO plain",
    );
    const url = server.url('postgres', 'plain', 'p');
    // Up to PostgreSQL 14 a session that is idle keeps back what it has counted.
    const maker = await connect(url);
    await maker.query(BUSY);
    await maker.end();
    const manifest = await compile({
      '0001_extra.sql': CONSENT + file('ALTER TABLE busy ADD COLUMN extra int', DOWN),
    });
    await untilRow(client, AT_WORK);
    let over = false;
    /** The longest answer to this statement until it is over. */
    const measure = async (sql: string): Promise<number> => {
      const writer = await connect(url);
      let longestMs = 0;
      while (!over) {
        const began = Date.now();
        await writer.query(sql);
        longestMs = Math.max(longestMs, Date.now() - began);
        await sleep(5);
      }
      return longestMs;
    };
    const measuring = [measure('INSERT INTO busy (n) VALUES (1)'), measure('SELECT 1')];
    const { outcome, events } = await run(url, manifest);
    over = true;
    const [longestMs, elsewhereMs] = await Promise.all(measuring);
    expect(outcome).toMatchObject({ status: 'done', report: { applied: ['0001_extra'] } });
    const waits = events.flatMap((e) => (e.type === 'waiting' && e.for === 'lock' ? [e.message] : []));
    expect(waits[0]).toMatch(/pid \d+ \(autovacuum, for .* s\) holds ShareUpdateExclusiveLock on busy$/);
    // The first attempt does not know what it meets; the second is behind it.
    expect(waits.length).toBeLessThanOrEqual(2);
    // The promise is a time: one attempt of half a second, and what this machine adds; outlasting deadlock_timeout itself would be more.
    expect(longestMs).toBeLessThan(1_000 + 2 * elsewhereMs!);

    await untilRow(client, AT_WORK);
    const undone = await down(contextFor(url, manifest), {
      id: 'undo',
      namespace: 'app',
      owner: null,
      name: '0001_extra',
    });
    expect(undone).toMatchObject({ status: 'done', report: { undone: ['0001_extra'] } });
  });
});

test('one against wraparound is named, left alone, and no false advice is given', async () => {
  const server = await started(Math.max(...majors()), { autovacuum_freeze_max_age: '100000' });
  const url = server.url();
  const client = await connect(url);
  await client.query(
    BUSY.replace(
      '(autovacuum_vacuum_threshold',
      '(autovacuum_freeze_max_age = 100000, autovacuum_vacuum_threshold',
    ),
  );
  await client.query(
    'CREATE PROCEDURE age_it() LANGUAGE plpgsql AS $$ BEGIN FOR i IN 1..110000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$; SET synchronous_commit = off',
  );
  await client.query('CALL age_it()');
  await untilRow(client, `${AT_WORK} AND a.query LIKE '%to prevent wraparound%'`, 240_000);
  const manifest = await compile({
    '0001_extra.sql': CONSENT + file('ALTER TABLE busy ADD COLUMN extra int'),
  });
  const { outcome } = await runUntil(waitedFor('lock-timeout'), url, manifest, {}, 4_000);
  expect(outcome).toMatchObject({
    status: 'continue',
    waitingFor: {
      code: 'lock-timeout',
      remedy: expect.stringContaining('pg_stat_progress_vacuum'),
      details: [expect.stringMatching(/^pid \d+ \(autovacuum to prevent wraparound, /)],
    },
  });
});

test('a batch that waits for a row names who may hold it', async () => {
  const server = await started(Math.max(...majors()));
  const url = server.url();
  const client = await connect(url);
  await client.query(
    'CREATE TABLE rows (id int PRIMARY KEY, done boolean); INSERT INTO rows VALUES (1, false), (2, false)',
  );
  const manifest = await compile({
    '0001_batch.sql': `${CONSENT}-- migrate:batch\nUPDATE rows SET done = true WHERE id IN (SELECT id FROM rows WHERE NOT done LIMIT 1)\n-- migrate:verify\nSELECT 'left' FROM rows WHERE NOT done`,
  });
  await client.query('BEGIN; UPDATE rows SET id = id WHERE id = 1');
  const { outcome, events } = await run(url, manifest, {}, { deadline: Date.now() + 3_000 });
  expect(outcome.status).toBe('continue');
  expect(events).toContainEqual({
    type: 'waiting',
    for: 'lock',
    message: expect.stringMatching(
      /pid \d+ \(user postgres, idle in transaction, .*\) holds RowExclusiveLock on rows, and may hold the row$/,
    ),
  });
  await client.query('COMMIT');
  await up(url, manifest);
});
