/**
 * Kills runners, cuts connections at a random byte, loses answers and cancels statements, until a folder with one of
 * everything is applied all the same; then compares catalog, data, ledger and INVALID indexes with a database that
 * nothing happened to. Prints a line a kind of fault and major; the exit code is 1 when anything differs.
 *
 * @example npm run campaign:faults -- --kills 200 --cuts 100 --lost 100 --cancels 40
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect as dial, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { buildSync } from 'esbuild';
import type { ConvergeOutcome } from '../../lambda/contract/converge';
import type { ErrorInfo } from '../../lambda/contract/errors';
import type { Manifest } from '../../lambda/contract/manifest';
import { type PostgresServer, startPostgres } from '../../lib/scratch-postgres/server';
import { CONSENT, compile, file } from '../compiler/support';
import { withClient } from '../support/client';
import { dumpCatalog } from '../support/dump-catalog';
import { run } from '../support/engine';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    cuts: { type: 'string', default: '100' },
    lost: { type: 'string', default: '100' },
    cancels: { type: 'string', default: '40' },
    majors: { type: 'string', default: '13,18' },
  },
});

type Kind = 'kills' | 'cuts' | 'lost' | 'cancels';
const KINDS: readonly Kind[] = ['kills', 'cuts', 'lost', 'cancels'];
const random = (below: number): number => Math.floor(Math.random() * below);

const folder = (major: number, database: string, publisher: PostgresServer): Promise<Manifest> => {
  const subscription = `CREATE SUBSCRIPTION "Sub" CONNECTION 'host=127.0.0.1 port=${publisher.port} user=postgres dbname=postgres' PUBLICATION one WITH (slot_name = ${database})`;
  const files = [
    `CREATE TABLE t (id int PRIMARY KEY, x text, n int); ALTER TABLE t ALTER x SET STORAGE EXTERNAL;
     INSERT INTO t SELECT n, repeat('x', 3000), 0 FROM generate_series(1, 100) n;
     CREATE TABLE counter (n int); INSERT INTO counter VALUES (0); CREATE TABLE log (id serial, what text);
     CREATE TABLE ev (d date) PARTITION BY RANGE (d); CREATE TABLE copied (id int PRIMARY KEY);
     CREATE TABLE also (id int PRIMARY KEY);
     CREATE TABLE ev_a PARTITION OF ev FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
     CREATE TABLE ev_b PARTITION OF ev FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')`,
    'UPDATE counter SET n = n + 1',
    "INSERT INTO log (what) VALUES ('third')",
    'CREATE UNIQUE INDEX CONCURRENTLY t_n ON t (id, n); CREATE INDEX CONCURRENTLY t_x ON t (left(x, 10))',
    "UPDATE counter SET n = n + 1; CREATE TYPE mood AS ENUM ('good')",
    "ALTER TYPE mood ADD VALUE 'bad'",
    'REINDEX TABLE CONCURRENTLY t; REINDEX INDEX CONCURRENTLY t_x',
    'ALTER TABLE log ADD COLUMN more int; UPDATE counter SET n = n + 1',
    major >= 14
      ? 'ALTER TABLE ev DETACH PARTITION ev_a CONCURRENTLY'
      : 'ALTER TABLE ev DETACH PARTITION ev_a',
    subscription,
    'ALTER SUBSCRIPTION "Sub" SET PUBLICATION one, two',
    'VACUUM (ANALYZE) t',
    'DROP SUBSCRIPTION "Sub"',
    'DROP INDEX CONCURRENTLY t_x',
    "INSERT INTO log (what) SELECT 'counted ' || n FROM counter",
  ];
  return compile({
    ...Object.fromEntries(
      files.map((sql, i) => [`${String(i + 1).padStart(4, '0')}_file.sql`, CONSENT + file(sql)]),
    ),
    '0100_batch.sql': `${CONSENT}-- migrate:batch\nUPDATE t SET n = n + 1 WHERE id IN (SELECT id FROM t WHERE n = 0 LIMIT 15)\n-- migrate:verify\nSELECT 'left' FROM t WHERE n <> 1`,
    'R__count.sql': file(
      "CREATE OR REPLACE FUNCTION counted() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM log'",
    ),
  });
};

const facts = (url: string) =>
  withClient(url, async (client) => {
    const all = async (sql: string) => (await client.query(sql)).rows;
    return {
      ledger: await all(
        'SELECT name, state, up_checksum, statements_done, statement_checksums, running_statement, verified FROM trueup.migrations ORDER BY name',
      ),
      events: await all(
        "SELECT migration, event, count(*)::int FROM trueup.events WHERE event IN ('applied', 'unverified', 'verified') GROUP BY 1, 2 ORDER BY 1, 2",
      ),
      data: [
        await all('SELECT n FROM counter'),
        await all('SELECT what FROM log'),
        await all('SELECT id, n FROM t ORDER BY id'),
      ],
      invalid: await all('SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid'),
      subscriptions: await all('SELECT subname FROM pg_subscription'),
      catalog: await dumpCatalog(client),
    };
  });

/** Lets through so many bytes, then either cuts at once, or first swallows what the server says (an answer lost). */
async function faultyProxy(port: number, how: 'cuts' | 'lost', bytes: number) {
  let left = bytes;
  let fired = false;
  const server = createServer((client) => {
    const upstream = dial(port, '127.0.0.1');
    const end = (): void => {
      client.destroy();
      upstream.destroy();
    };
    const pass = (from: Socket, to: Socket, answers: boolean): void => {
      from.on('data', (data: Buffer) => {
        const counts = how === 'cuts' || answers;
        if (counts && !fired && left <= data.length) {
          fired = true;
          if (how === 'cuts') to.write(data.subarray(0, left));
          setTimeout(end, how === 'cuts' ? 0 : 20);
          return;
        }
        if (counts) left -= data.length;
        to.write(data);
      });
      from.on('error', end).on('close', end);
    };
    pass(client, upstream, false);
    pass(upstream, client, true);
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const { port: own } = server.address() as { port: number };
  return { port: own, fired: () => fired, close: () => void server.close() };
}

/** Queries that hold builds, DETACH and REINDEX up for moments, so that faults meet them waiting. */
function readers(url: string): () => Promise<void> {
  let over = false;
  const reading = withClient(url, async (client) => {
    while (!over) {
      await client
        .query('BEGIN; SELECT count(*) FROM t; SELECT count(*) FROM ev; SELECT pg_sleep(0.05); COMMIT')
        .catch(() => client.query('ROLLBACK'));
      await sleep(20);
    }
  });
  return async () => {
    over = true;
    await reading;
  };
}

interface Tally {
  faults: number;
  convergences: number;
  runs: number;
  different: number;
  /** Replication slots that a person had to drop. */
  byHand: number;
}

const isLeftSlot = ({ sqlstate, remedy }: ErrorInfo): boolean =>
  sqlstate !== undefined && /^(08|42710)/.test(sqlstate) && remedy.includes('pg_drop_replication_slot');

async function main(): Promise<number> {
  const scratch = mkdtempSync(join(tmpdir(), 'trueup-faults-'));
  const runner = join(scratch, 'runner.cjs');
  buildSync({
    entryPoints: [join(__dirname, '../support/doomed-runner.ts')],
    outfile: runner,
    bundle: true,
    platform: 'node',
    external: ['pg-native'],
    logLevel: 'error',
  });
  const publisher = await startPostgres({ settings: { wal_level: 'logical', max_replication_slots: '200' } });
  writeFileSync(
    join(publisher.dataDirectory, 'pg_hba.conf'),
    'local all all trust\nhost all all 127.0.0.1/32 trust\nhost replication all 127.0.0.1/32 trust\n',
  );
  await withClient(publisher.url(), (client) =>
    client.query(`SELECT pg_reload_conf(); CREATE TABLE copied (id int PRIMARY KEY); CREATE TABLE also (id int PRIMARY KEY);
      CREATE PUBLICATION one FOR TABLE copied; CREATE PUBLICATION two FOR TABLE also`),
  );
  let wrong = 0;
  for (const major of values.majors.split(',').map(Number)) {
    const server = await startPostgres({ major });
    let databases = 0;
    const fresh = async (): Promise<{ url: string; manifest: Manifest }> => {
      const name = `f${major}_${++databases}`;
      await withClient(server.url(), (client) => client.query(`CREATE DATABASE ${name}`));
      return { url: server.url(name), manifest: await folder(major, name, publisher) };
    };
    const done = (outcome: ConvergeOutcome): boolean => outcome.status === 'done';

    /** One run with one fault. True when it came to its end all the same. */
    const faulty: Record<Kind, (url: string, manifest: Manifest, tally: Tally) => Promise<boolean>> = {
      kills: async (url, manifest, tally) => {
        const path = join(scratch, 'manifest.json');
        writeFileSync(path, JSON.stringify(manifest));
        const child = spawn(process.execPath, [runner, url, path, 'never', '0'], { stdio: 'ignore' });
        const timer = setTimeout(() => child.kill('SIGKILL'), 150 + random(1_500));
        const [code, signal] = await new Promise<[number | null, string | null]>((end) =>
          child.once('close', (...how) => end(how)),
        );
        clearTimeout(timer);
        if (signal === 'SIGKILL') tally.faults++;
        return code === 0;
      },
      cuts: (url, manifest, tally) => throughProxy('cuts', url, manifest, tally),
      lost: (url, manifest, tally) => throughProxy('lost', url, manifest, tally),
      cancels: async (url, manifest, tally) => {
        const running = run(url, manifest);
        const cancelling = (async () => {
          await sleep(50 + random(1_000));
          const { rowCount } = await withClient(url, (client) =>
            client.query(
              "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'trueup' AND state = 'active'",
            ),
          );
          tally.faults += rowCount ?? 0;
        })();
        const [{ outcome }] = await Promise.all([running, cancelling]);
        if (outcome.status === 'failed' && isLeftSlot(outcome.error)) {
          // Made before the cancel, outside the transaction: nobody but a person can know that it was ours.
          tally.byHand++;
          await withClient(publisher.url(), (client) =>
            client.query(
              'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE NOT active',
            ),
          );
        } else if (outcome.status === 'failed' && outcome.error.sqlstate !== '57014')
          throw new Error(JSON.stringify(outcome.error));
        return done(outcome);
      },
    };
    const throughProxy = async (how: 'cuts' | 'lost', url: string, manifest: Manifest, tally: Tally) => {
      const proxy = await faultyProxy(server.port, how, random(how === 'cuts' ? 60_000 : 12_000));
      const through = new URL(url);
      through.port = String(proxy.port);
      const { outcome } = await run(through.href, manifest);
      proxy.close();
      if (proxy.fired()) tally.faults++;
      if (outcome.status === 'failed' && outcome.error.code !== 'connection')
        throw new Error(JSON.stringify(outcome.error));
      return done(outcome);
    };

    const whole = await fresh();
    await run(whole.url, whole.manifest);
    const normal = JSON.parse(JSON.stringify(await facts(whole.url)).replaceAll(`f${major}_1`, 'NAME'));
    // The subscription's checksum differs with the name of its slot.
    const comparable = (found: unknown): unknown =>
      JSON.parse(JSON.stringify(found).replaceAll(/"[0-9a-f]{64}"/g, '"checksum"'));

    for (const kind of KINDS) {
      const tally: Tally = { faults: 0, convergences: 0, runs: 0, different: 0, byHand: 0 };
      while (tally.faults < Number(values[kind])) {
        const { url, manifest } = await fresh();
        const stop = readers(url);
        for (let i = 0, ended = false; !ended && i < 60; i++) {
          tally.runs++;
          ended = await faulty[kind](url, manifest, tally);
        }
        await stop();
        const last = await run(url, manifest);
        tally.convergences++;
        const found = await facts(url);
        if (!done(last.outcome) || !isDeepStrictEqual(comparable(found), comparable(normal))) {
          tally.different++;
          console.log(JSON.stringify(last.outcome).slice(0, 600));
          for (const key of Object.keys(found) as (keyof typeof found)[])
            if (!isDeepStrictEqual(comparable(found[key]), comparable(normal[key])))
              console.log(`different: ${key}: ${JSON.stringify(found[key]).slice(0, 800)}`);
        }
        await withClient(server.url(), (client) =>
          client.query(`DROP DATABASE IF EXISTS ${new URL(url).pathname.slice(1)} WITH (FORCE)`),
        ).catch(() => {});
      }
      wrong += tally.different;
      console.log(
        `PostgreSQL ${major}: ${tally.faults} ${kind}, ${tally.runs} runs, ${tally.convergences} convergences, ${tally.different} different, ${tally.byHand} slots dropped by hand`,
      );
    }
    await server.stop();
  }
  await publisher.stop();
  rmSync(scratch, { recursive: true, force: true });
  return wrong === 0 ? 0 : 1;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
