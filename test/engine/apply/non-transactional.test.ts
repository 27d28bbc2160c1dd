/**
 * Statements outside a transaction whose answer is lost: by a broken connection, by the end of a slice, with the server's
 * own session. Whatever the command, the next run brings the database to the same state, and nothing is done twice.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Manifest } from '../../../lambda/contract/manifest';
import { ConnectionLostError, type Database } from '../../../lambda/postgres/database';
import { connectPg } from '../../../lambda/postgres/pg';
import {
  NON_TRANSACTIONAL_COMMANDS,
  type NonTransactionalCommand,
} from '../../../lib/compiler/rules/outside-commands';
import { type PostgresServer, startPostgres } from '../../../lib/scratch-postgres/server';
import { CONSENT, compile, file } from '../../compiler/support';
import { connect, createDatabase, outerMajors } from '../../support/database';
import { dumpCatalog } from '../../support/dump-catalog';
import { run, up } from '../../support/engine';
import { applications, untilRow } from '../../support/watching';

const BASE = `
CREATE TABLE t (id int PRIMARY KEY, x text, n int);
ALTER TABLE t ALTER x SET STORAGE EXTERNAL;
INSERT INTO t SELECT n, repeat('x', 3000), n FROM generate_series(1, 30) n;
CREATE INDEX t_x ON t (left(x, 10));
ALTER TABLE t CLUSTER ON t_pkey;
CREATE SCHEMA s;
CREATE TABLE s.t AS SELECT id FROM t;
CREATE INDEX t_id ON s.t (id);
CREATE TABLE ev (d date) PARTITION BY RANGE (d);
CREATE TABLE ev_a PARTITION OF ev FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE ev_b PARTITION OF ev FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE copied (id int PRIMARY KEY);
CREATE TABLE also (id int PRIMARY KEY);
`;

interface Scenario {
  readonly sql: string;
  readonly since?: number;
  /** Run by a superuser beforehand. */
  readonly before?: string;
  /** How often it is sent when its first answer is lost. @default 1 */
  readonly sent?: number;
  /** A row, once the server's statistics show that it ran: before 15 they are up to half a second behind. */
  readonly shown?: string;
}

const vacuumed = (...tables: string[]): string =>
  `SELECT FROM pg_stat_user_tables WHERE relid IN (${tables.map((name) => `'${name}'::regclass`)})
  AND last_vacuum IS NOT NULL HAVING count(*) = ${tables.length}`;

/** `DB` is the database's name, `PUBLISHER` how to reach the other server. */
const SUBSCRIPTION = `CREATE SUBSCRIPTION "Sub" CONNECTION 'PUBLISHER' PUBLICATION one WITH (slot_name = DB)`;

const SCENARIOS: Readonly<Record<NonTransactionalCommand, readonly Scenario[]>> = {
  'CREATE INDEX CONCURRENTLY': [{ sql: 'CREATE INDEX CONCURRENTLY t_n ON t (n)' }],
  'CREATE UNIQUE INDEX CONCURRENTLY': [{ sql: 'CREATE UNIQUE INDEX CONCURRENTLY t_n ON t (n)' }],
  'DROP INDEX CONCURRENTLY': [{ sql: 'DROP INDEX CONCURRENTLY t_x' }],
  'REINDEX INDEX CONCURRENTLY': [{ sql: 'REINDEX INDEX CONCURRENTLY t_x' }],
  'REINDEX TABLE CONCURRENTLY': [
    { sql: 'REINDEX TABLE CONCURRENTLY t' },
    { sql: 'REINDEX TABLE CONCURRENTLY ev', since: 14 },
  ],
  'REINDEX SCHEMA CONCURRENTLY': [{ sql: 'REINDEX SCHEMA CONCURRENTLY s' }],
  'REINDEX DATABASE CONCURRENTLY': [{ sql: 'REINDEX DATABASE CONCURRENTLY DB' }],
  'REINDEX SCHEMA': [{ sql: 'REINDEX SCHEMA s' }],
  'REINDEX DATABASE': [{ sql: 'REINDEX DATABASE DB' }],
  'REINDEX SYSTEM': [{ sql: 'REINDEX SYSTEM DB', sent: 2 }],
  VACUUM: [
    { sql: 'VACUUM (ANALYZE) t, s.t', shown: vacuumed('t', 's.t') },
    { sql: 'VACUUM FULL s.t', sent: 2 },
  ],
  CLUSTER: [{ sql: 'CLUSTER', sent: 2 }],
  'ALTER TABLE DETACH PARTITION CONCURRENTLY': [
    { sql: 'ALTER TABLE ev DETACH PARTITION ev_a CONCURRENTLY', since: 14 },
  ],
  'CREATE SUBSCRIPTION': [{ sql: SUBSCRIPTION }],
  'ALTER SUBSCRIPTION': [
    { sql: 'ALTER SUBSCRIPTION "Sub" SET PUBLICATION two', before: SUBSCRIPTION },
    { sql: 'ALTER SUBSCRIPTION "Sub" ADD PUBLICATION two', before: SUBSCRIPTION, since: 14 },
    { sql: 'ALTER SUBSCRIPTION "Sub" DROP PUBLICATION two', before: `${SUBSCRIPTION}; TWO`, since: 14 },
    { sql: 'ALTER SUBSCRIPTION "Sub" REFRESH PUBLICATION', before: SUBSCRIPTION, sent: 2 },
  ],
  'DROP SUBSCRIPTION': [{ sql: 'DROP SUBSCRIPTION "Sub"', before: SUBSCRIPTION }],
};

let publisher: PostgresServer;
beforeAll(async () => {
  publisher = await startPostgres({ settings: { wal_level: 'logical', max_replication_slots: '60' } });
  writeFileSync(
    join(publisher.dataDirectory, 'pg_hba.conf'),
    'local all all trust\nhost all all 127.0.0.1/32 trust\nhost replication all 127.0.0.1/32 trust\n',
  );
  const client = await connect(publisher.url());
  await client.query(`SELECT pg_reload_conf(); CREATE TABLE copied (id int PRIMARY KEY);
    CREATE TABLE also (id int PRIMARY KEY); CREATE PUBLICATION one FOR TABLE copied; CREATE PUBLICATION two FOR TABLE also`);
});
afterAll(() => publisher?.stop());

const filled = (sql: string, url: string): string =>
  sql
    .replaceAll('TWO', 'ALTER SUBSCRIPTION "Sub" SET PUBLICATION one, two')
    .replaceAll('DB', new URL(url).pathname.slice(1))
    .replaceAll('PUBLISHER', `host=127.0.0.1 port=${publisher.port} user=postgres dbname=postgres`);

const compiled = (...files: string[]): Promise<Manifest> =>
  compile(Object.fromEntries(files.map((sql, i) => [`000${i + 1}_file.sql`, CONSENT + file(sql)])));

/** A database with the first file applied, and the manifest of both. */
async function prepared(major: number, sql: string, before = '') {
  const url = await createDatabase(major);
  await up(url, await compiled(BASE));
  const client = await connect(url);
  for (const one of before === '' ? [] : before.split('; ')) await client.query(filled(one, url));
  return { url, client, manifest: await compiled(BASE, filled(sql, url)) };
}

async function facts(client: Client) {
  const { rows } = await client.query(
    'SELECT name, state, statements_done AS statement, running_statement AS running, verified, attempts FROM trueup.migrations ORDER BY name',
  );
  const invalid = await client.query(
    'SELECT indexrelid::regclass::text AS name FROM pg_index WHERE NOT indisvalid',
  );
  const subscribed = await client.query(
    'SELECT subname, subpublications FROM pg_subscription s JOIN pg_database d ON d.oid = subdbid AND datname = current_database()',
  );
  return { rows, invalid: invalid.rows, subscribed: subscribed.rows, catalog: await dumpCatalog(client) };
}

/** A subscription keeps its database from being dropped. */
async function unsubscribe(client: Client): Promise<void> {
  const { rowCount } = await client.query(
    'SELECT FROM pg_subscription s JOIN pg_database d ON d.oid = subdbid AND datname = current_database()',
  );
  if (!rowCount) return;
  await client.query('ALTER SUBSCRIPTION "Sub" DISABLE');
  await client.query('ALTER SUBSCRIPTION "Sub" SET (slot_name = NONE)');
  await client.query('DROP SUBSCRIPTION "Sub"');
}

/**
 * The first answer to a statement outside a transaction is lost, and nothing was recorded by the server either.
 * @param shown waits until that query has a row
 */
function losing(
  url: string,
  client: Client,
  shown: string | null,
): { connect: () => Promise<Database>; sent: () => number } {
  let sent = 0;
  return {
    sent: () => sent,
    connect: async () => {
      const db = await connectPg({ url });
      const send = db.executeOutside.bind(db);
      db.executeOutside = async (sql, settings, options) => {
        if (sent++ > 0) return send(sql, settings, options);
        await send(sql, settings, {});
        if (shown !== null) await untilRow(client, shown);
        await db.close();
        throw new ConnectionLostError('the answer was lost', '08006');
      };
      return db;
    },
  };
}

describe.each(outerMajors())('PostgreSQL %i', (major) => {
  const cases = NON_TRANSACTIONAL_COMMANDS.flatMap((command) => SCENARIOS[command]).filter(
    ({ since = 13 }) => major >= since,
  );

  test.each(cases)('the answer is lost: $sql', async ({ sql, before, sent = 1, shown = null }) => {
    const whole = await prepared(major, sql, before);
    await up(whole.url, whole.manifest);
    const reference = await facts(whole.client);
    await unsubscribe(whole.client);
    const { url, client, manifest } = await prepared(major, sql, before);
    const lossy = losing(url, client, shown);
    const { outcome } = await run(url, manifest, {}, { connect: lossy.connect });
    expect(outcome).toMatchObject({ status: 'done', report: { applied: ['0002_file'] } });
    expect(lossy.sent()).toBe(sent);
    expect(await applications(url)).toEqual({ '0001_file': 1, '0002_file': 1 });
    const left = await facts(client);
    await unsubscribe(client);
    expect(left).toEqual(reference);
  });

  /** What holds each of them up. */
  const HELD: readonly (readonly [sql: string, hold: string, since: number, shown: string | null])[] = [
    ['VACUUM FULL t', 'SELECT FROM t', 13, null],
    ['VACUUM t', 'LOCK TABLE t IN SHARE UPDATE EXCLUSIVE MODE', 13, vacuumed('t')],
    ['REINDEX TABLE CONCURRENTLY t', 'UPDATE t SET n = n', 13, null],
    ['DROP INDEX CONCURRENTLY t_x', 'SELECT FROM t', 13, null],
    ['ALTER TABLE ev DETACH PARTITION ev_a CONCURRENTLY', 'SELECT FROM ev', 14, null],
  ];

  test.each(HELD.filter(([, , since]) => major >= since))(
    'the slice ends before the answer: %s is sent once',
    async (sql, hold, _, shown) => {
      const { url, client, manifest } = await prepared(major, sql);
      const holder = await connect(url);
      await holder.query(`BEGIN; ${hold}`);
      let sent = 0;
      const counting = async (): Promise<Database> => {
        const db = await connectPg({ url });
        const send = db.executeOutside.bind(db);
        db.executeOutside = (...args) => {
          sent++;
          return send(...args);
        };
        return db;
      };
      const request = { id: `slices of ${sql}` };
      const slice = (ms: number) =>
        run(url, manifest, request, { connect: counting, deadline: Date.now() + ms });
      expect((await slice(1_000)).outcome.status).toBe('continue');
      expect((await slice(1_000)).outcome).toMatchObject({
        status: 'continue',
        progress: expect.stringMatching(/^pid \d+ is at/),
      });
      await holder.query('COMMIT');
      if (shown !== null) await untilRow(client, shown);
      expect((await slice(20_000)).outcome).toMatchObject({
        status: 'done',
        report: { applied: ['0002_file'] },
      });
      expect(sent).toBe(1);
      expect(await applications(url)).toEqual({ '0001_file': 1, '0002_file': 1 });
      expect((await facts(client)).invalid).toEqual([]);
    },
  );

  test.runIf(major >= 14)(
    'DETACH CONCURRENTLY, its session ended between its two transactions: FINALIZE',
    async () => {
      const { url, client, manifest } = await prepared(
        major,
        "ALTER TABLE ev DETACH PARTITION ev_a CONCURRENTLY; INSERT INTO ev_a VALUES ('2025-05-05')",
      );
      const holder = await connect(url);
      await holder.query('BEGIN; SELECT FROM ev');
      const running = run(url, manifest);
      await untilRow(client, 'SELECT FROM pg_inherits WHERE inhdetachpending');
      await sleep(100);
      await client.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'ALTER TABLE ev DETACH%'",
      );
      await holder.query('COMMIT');
      expect((await running).outcome).toMatchObject({ status: 'done', report: { applied: ['0002_file'] } });
      expect((await client.query("SELECT FROM pg_inherits WHERE inhrelid = 'ev_a'::regclass")).rowCount).toBe(
        0,
      );
      expect((await client.query('SELECT FROM ev_a')).rowCount).toBe(1);
    },
  );

  test.runIf(major >= 14)('DETACH CONCURRENTLY, cancelled half way: the next run goes on there', async () => {
    const { url, client, manifest } = await prepared(
      major,
      'ALTER TABLE ev DETACH PARTITION ev_a CONCURRENTLY',
    );
    const holder = await connect(url);
    await holder.query('BEGIN; SELECT FROM ev');
    const running = run(url, manifest);
    await untilRow(client, 'SELECT FROM pg_inherits WHERE inhdetachpending');
    await sleep(100);
    await client.query(
      "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'ALTER TABLE ev DETACH%'",
    );
    expect((await running).outcome).toMatchObject({
      status: 'failed',
      error: { sqlstate: '57014', remedy: expect.stringContaining('cancelled') },
    });
    await holder.query('COMMIT');
    await up(url, manifest);
    expect((await client.query("SELECT FROM pg_inherits WHERE inhrelid = 'ev_a'::regclass")).rowCount).toBe(
      0,
    );
  });

  test("a publisher that cannot be reached is the statement's error, not the loss of our own connection", async () => {
    const { url, manifest } = await prepared(
      major,
      `CREATE SUBSCRIPTION "Sub" CONNECTION 'host=127.0.0.1 port=1 user=postgres dbname=postgres' PUBLICATION one`,
    );
    const { outcome, events } = await run(url, manifest);
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'statement', statement: 1 } });
    expect(events.filter((event) => event.type === 'waiting')).toEqual([]);
  });

  test('what had been there before anything was begun is not taken for ours', async () => {
    const { url, client, manifest } = await prepared(major, 'CREATE INDEX CONCURRENTLY t_n ON t (n)');
    await client.query('CREATE INDEX t_n ON t (id)');
    const lost = async (): Promise<Database> => {
      const db = await connectPg({ url });
      db.executeOutside = async () => {
        await db.close();
        throw new ConnectionLostError('cut before it was sent', 'FATAL');
      };
      return db;
    };
    expect((await run(url, manifest, {}, { connect: lost })).outcome.status).toBe('failed');
    expect((await run(url, manifest)).outcome).toMatchObject({
      status: 'failed',
      error: { sqlstate: '42P07' },
    });
  });

  test('REINDEX CONCURRENTLY, cancelled before it drops the old ones: none of them is left, not of TOAST either', async () => {
    const { url, client, manifest } = await prepared(major, 'REINDEX TABLE CONCURRENTLY t');
    await client.query('CREATE INDEX t_x_ccold ON t (n)');
    const holder = await connect(url);
    await holder.query('BEGIN; SELECT FROM t');
    const running = run(url, manifest);
    const { pid } = await untilRow<{ pid: number }>(
      client,
      "SELECT pid FROM pg_stat_progress_create_index WHERE datname = current_database() AND phase = 'waiting for readers before marking dead'",
    );
    const left = await client.query(
      'SELECT indexrelid::regclass::text AS name FROM pg_index WHERE NOT indisvalid',
    );
    expect(left.rows.map(({ name }) => name).sort()).toEqual([
      expect.stringMatching(/^pg_toast\.pg_toast_\d+_index_ccold$/),
      't_pkey_ccold',
      't_x_ccold1',
      't_x_ccold_ccold',
    ]);
    await client.query('SELECT pg_cancel_backend($1)', [pid]);
    await sleep(300);
    await holder.query('COMMIT');
    expect((await running).outcome).toMatchObject({ status: 'failed', error: { sqlstate: '57014' } });
    expect((await facts(client)).invalid).toEqual([]);
    await up(url, manifest);
    expect((await facts(client)).invalid).toEqual([]);
    expect((await client.query("SELECT to_regclass('t_x_ccold') AS there")).rows).toEqual([
      { there: 't_x_ccold' },
    ]);
  });
});
