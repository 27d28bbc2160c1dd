/** A database that another tool has migrated: nothing of it is run again, and a baseline takes it from there. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Manifest } from '../../../lambda/contract/manifest';
import { plan } from '../../../lambda/engine';
import { readLedgersOfOtherTools } from '../../../lambda/engine/ledger/other-tools';
import { findFilesAppliedElsewhere } from '../../../lambda/engine/plan/other-tools';

import { connectDataApi } from '../../../lambda/postgres/data-api/database';
import type { Database } from '../../../lambda/postgres/database';
import { connectPg } from '../../../lambda/postgres/pg';
import { compileFolder } from '../../../lib/compiler';
import { startDataApi } from '../../support/aws/data-api';
import { connect, createDatabase, majors } from '../../support/database';
import { contextFor, run, up } from '../../support/engine';
import { manifestOf, migration, request } from '../../support/manifest';
import { startProxy } from '../../support/proxy';

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

const dbmate = async (url: string, folder: string): Promise<void> => {
  const program = join(__dirname, '../../../node_modules/.bin/dbmate');
  const args = ['--url', `${url}?sslmode=disable`, '--migrations-dir', folder, '--no-dump-schema', 'up'];
  await promisify(execFile)(program, args);
};

const PRICES = '20240101120000_prices';
const RAISE = '20240102120000_raise';
/** Neither of them stops by itself when it is run twice. */
const FILES: Readonly<Record<string, string>> = {
  [PRICES]: `-- migrate:up
CREATE TABLE IF NOT EXISTS prices (id int, amount int);
INSERT INTO prices VALUES (1, 10);
-- migrate:down
`,
  [RAISE]: '-- migrate:up\nUPDATE prices SET amount = amount * 100;\n-- migrate:down\n',
};
const NEW = '20240103120000_note';

const folderOf = (files: Readonly<Record<string, string>>): string => {
  const folder = mkdtempSync(join(tmpdir(), 'trueup-test-'));
  folders.push(folder);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, `${name}.sql`), text);
  return folder;
};

describe.each(majors())('dbmate itself, PostgreSQL %i', (major) => {
  test('up stops before anything runs; baseline records what dbmate says; the next file is applied', async () => {
    const url = await createDatabase(major);
    const folder = folderOf(FILES);
    await dbmate(url, folder);
    const client = await connect(url);
    const manifest = await compileFolder(folder);
    const stopped = {
      code: 'history',
      migration: PRICES,
      message:
        'dbmate has applied it and others of this folder to this database already (its ledger is "public"."schema_migrations")',
      remedy: expect.stringContaining(`\`trueup baseline ${RAISE}\``),
      details: [`Applied by dbmate: ${PRICES}, ${RAISE}`],
    };
    expect((await run(url, manifest)).outcome).toMatchObject({ status: 'failed', error: stopped });
    expect(await plan(contextFor(url, manifest), request(manifest))).toMatchObject({
      steps: [],
      errors: [stopped],
    });
    const owner = { account: '1', region: 'eu', stackName: 'Shop' };
    expect((await run(url, manifest, { owner })).outcome).toMatchObject({ status: 'failed', error: stopped });
    expect((await client.query('SELECT amount FROM prices')).rows).toEqual([{ amount: 1000 }]);
    expect((await client.query("SELECT to_regclass('trueup.migrations') AS t")).rows).toEqual([{ t: null }]);

    const { outcome, events } = await run(url, manifest, { baseline: RAISE, baselineOnly: true });
    expect(outcome).toMatchObject({
      status: 'done',
      report: {
        applied: [],
        baselined: [PRICES, RAISE],
        warnings: [
          '2 migrations are recorded as applied because dbmate has applied them (its ledger is "public"."schema_migrations"); without a verify section, Trueup cannot verify that',
        ],
      },
    });
    expect(events.filter((e) => e.type === 'finished').map((e) => e.action)).toEqual(['record', 'record']);
    const rows = await client.query('SELECT state, verified, baselined, down FROM trueup.migrations');
    const row = { state: 'applied', verified: false, baselined: true, down: null };
    expect(rows.rows).toEqual([row, row]);

    const next = folderOf({ ...FILES, [NEW]: '-- migrate:up\nALTER TABLE prices ADD note text;\n' });
    expect(await up(url, await compileFolder(next))).toMatchObject({ report: { applied: [NEW] } });
    expect((await client.query('SELECT amount FROM prices')).rows).toEqual([{ amount: 1000 }]);
  });

  test('what dbmate has not applied is not recorded, and what it applies later is not run', async () => {
    const url = await createDatabase(major);
    const { [PRICES]: first, ...rest } = FILES;
    await dbmate(url, folderOf({ [PRICES]: first! }));
    const manifest = await compileFolder(folderOf(FILES));
    const { outcome } = await run(url, manifest, { baseline: RAISE, baselineOnly: true });
    expect(outcome).toMatchObject({ report: { baselined: [PRICES], pending: [RAISE] } });
    await dbmate(url, folderOf(rest));
    expect((await run(url, manifest)).outcome).toMatchObject({
      status: 'failed',
      error: { migration: RAISE, remedy: expect.stringContaining(`\`trueup baseline ${RAISE}\``) },
    });
    const baseline = await run(url, manifest, { baseline: RAISE });
    expect(baseline.outcome).toMatchObject({ status: 'done', report: { baselined: [RAISE], applied: [] } });
  });

  test('a new schema of its own is not stopped by the ledger of a neighbor', async () => {
    const url = await createDatabase(major);
    await dbmate(url, folderOf(FILES));
    const client = await connect(url);
    await client.query(`CREATE SCHEMA tenant; CREATE TABLE tenant.schema_migrations (version varchar PRIMARY KEY);
      ALTER DATABASE ${new URL(url).pathname.slice(1)} SET search_path = tenant`);
    expect((await run(url, await compileFolder(folderOf(FILES)))).outcome).toMatchObject({ status: 'done' });
  });
});

/** A ledger as the tool makes it, holding the first of two files. */
const LEDGERS: readonly (readonly [tool: string, name: string, sql: string])[] = [
  [
    'Rails',
    PRICES,
    `CREATE TABLE schema_migrations (version varchar NOT NULL PRIMARY KEY);
     CREATE TABLE ar_internal_metadata (key varchar PRIMARY KEY, value varchar, created_at timestamp(6) NOT NULL, updated_at timestamp(6) NOT NULL);
     INSERT INTO schema_migrations VALUES ('20240101120000')`,
  ],
  [
    'golang-migrate',
    '000007_prices',
    'CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL); INSERT INTO schema_migrations VALUES (7, false)',
  ],
  [
    'Ecto',
    PRICES,
    'CREATE TABLE schema_migrations (version bigint PRIMARY KEY, inserted_at timestamp(0)); INSERT INTO schema_migrations VALUES (20240101120000, now())',
  ],
  [
    'Flyway',
    '0001_create_prices',
    `CREATE TABLE flyway_schema_history (installed_rank int PRIMARY KEY, version varchar(50), description varchar(200) NOT NULL,
       type varchar(20) NOT NULL, script varchar(1000) NOT NULL, checksum int, installed_by varchar(100) NOT NULL,
       installed_on timestamp NOT NULL DEFAULT now(), execution_time int NOT NULL, success boolean NOT NULL);
     INSERT INTO flyway_schema_history VALUES (1, '1', 'create prices', 'SQL', 'V1__create_prices.sql', 4, 'me', now(), 1, true)`,
  ],
  [
    'Prisma',
    PRICES,
    `CREATE TABLE _prisma_migrations (id varchar(36) PRIMARY KEY, checksum varchar(64) NOT NULL, finished_at timestamptz,
       migration_name varchar(255) NOT NULL, logs text, rolled_back_at timestamptz, started_at timestamptz NOT NULL DEFAULT now(),
       applied_steps_count int NOT NULL DEFAULT 0);
     INSERT INTO _prisma_migrations (id, checksum, migration_name, rolled_back_at) VALUES ('a', '', '${PRICES}', now());
     INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at) VALUES ('b', '', '${PRICES}', now());
     INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ('c', '', '${RAISE}')`,
  ],
  [
    'Drizzle',
    PRICES,
    `CREATE SCHEMA drizzle; CREATE TABLE drizzle.__drizzle_migrations (id serial PRIMARY KEY, hash text NOT NULL, created_at bigint);
     INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('x', ${Date.UTC(2024, 0, 1, 12, 0, 0) + 123})`,
  ],
  [
    'Drizzle',
    PRICES,
    `CREATE SCHEMA drizzle; CREATE TABLE drizzle.__drizzle_migrations (id serial PRIMARY KEY, hash text NOT NULL, created_at bigint,
       name text, applied_at timestamptz DEFAULT now());
     INSERT INTO drizzle.__drizzle_migrations (hash, name) VALUES ('x', '${PRICES}')`,
  ],
  [
    'node-pg-migrate',
    '1704110400000_prices',
    "CREATE TABLE pgmigrations (id serial PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL); INSERT INTO pgmigrations (name, run_on) VALUES ('1704110400000_prices', now())",
  ],
  [
    'Knex',
    PRICES,
    `CREATE TABLE knex_migrations (id serial PRIMARY KEY, name varchar(255), batch int, migration_time timestamptz);
     INSERT INTO knex_migrations (name, batch) VALUES ('${PRICES}.js', 1)`,
  ],
  [
    'TypeORM',
    '1704110400000_prices',
    `CREATE TABLE migrations (id serial PRIMARY KEY, "timestamp" bigint NOT NULL, name varchar NOT NULL);
     INSERT INTO migrations ("timestamp", name) VALUES (1704110400000, 'Prices1704110400000')`,
  ],
  [
    'Sequelize',
    PRICES,
    `CREATE TABLE "SequelizeMeta" (name varchar(255) PRIMARY KEY); INSERT INTO "SequelizeMeta" VALUES ('${PRICES}.js')`,
  ],
  [
    'Supabase',
    PRICES,
    `CREATE SCHEMA supabase_migrations; CREATE TABLE supabase_migrations.schema_migrations (version text PRIMARY KEY, statements text[], name text);
     INSERT INTO supabase_migrations.schema_migrations VALUES ('20240101120000', '{}', 'prices')`,
  ],
  [
    'dbmate',
    PRICES,
    `CREATE SCHEMA app; CREATE TABLE app.applied (version varchar(128) PRIMARY KEY); INSERT INTO app.applied VALUES ('20240101120000')`,
  ],
  [
    'goose',
    '00001_prices',
    `CREATE TABLE goose_db_version (id serial PRIMARY KEY, version_id bigint NOT NULL, is_applied boolean NOT NULL, tstamp timestamp DEFAULT now());
     INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, true), (1, true)`,
  ],
  [
    'goose',
    PRICES,
    `CREATE TABLE goose_db_version (id serial PRIMARY KEY, version_id bigint NOT NULL, is_applied boolean NOT NULL, tstamp timestamp DEFAULT now());
     INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, true), (20230101000000, true), (20240101120000, false), (20240101120000, true)`,
  ],
  [
    'sqlx',
    '0001_create_prices',
    `CREATE TABLE _sqlx_migrations (version bigint PRIMARY KEY, description text NOT NULL, installed_on timestamptz NOT NULL DEFAULT now(),
       success boolean NOT NULL, checksum bytea NOT NULL, execution_time bigint NOT NULL);
     INSERT INTO _sqlx_migrations VALUES (1, 'create prices', now(), true, '', 1)`,
  ],
  [
    'Atlas',
    PRICES,
    `CREATE SCHEMA atlas_schema_revisions; CREATE TABLE atlas_schema_revisions.atlas_schema_revisions (version varchar PRIMARY KEY,
       description varchar NOT NULL, type bigint NOT NULL DEFAULT 2, applied bigint NOT NULL DEFAULT 0, total bigint NOT NULL DEFAULT 0,
       executed_at timestamptz NOT NULL, execution_time bigint NOT NULL, error text, error_stmt text, hash varchar NOT NULL,
       partial_hashes jsonb, operator_version varchar NOT NULL);
     INSERT INTO atlas_schema_revisions.atlas_schema_revisions
       VALUES ('20240101120000', 'prices', 2, 1, 1, now(), 1, NULL, NULL, 'h', NULL, 'Atlas')`,
  ],
  [
    'sql-migrate',
    PRICES,
    `CREATE TABLE gorp_migrations (id text PRIMARY KEY, applied_at timestamptz); INSERT INTO gorp_migrations VALUES ('${PRICES}.sql', now())`,
  ],
  [
    'tern',
    '001_prices',
    'CREATE TABLE schema_version (version int4 NOT NULL); INSERT INTO schema_version VALUES (1)',
  ],
  [
    'graphile-migrate',
    '000001-prices',
    `CREATE SCHEMA graphile_migrate; CREATE TABLE graphile_migrate.migrations (hash text PRIMARY KEY,
       previous_hash text REFERENCES graphile_migrate.migrations, filename text NOT NULL, date timestamptz NOT NULL DEFAULT now());
     CREATE TABLE graphile_migrate.current (filename text PRIMARY KEY DEFAULT 'current.sql', content text NOT NULL, date timestamptz);
     INSERT INTO graphile_migrate.migrations VALUES ('sha1:a', NULL, '000001-prices.sql')`,
  ],
  [
    'postgres-migrations',
    '0001_create-prices',
    `CREATE TABLE migrations (id integer PRIMARY KEY, name varchar(100) UNIQUE NOT NULL, hash varchar(40) NOT NULL,
       executed_at timestamp DEFAULT current_timestamp);
     INSERT INTO migrations VALUES (0, 'create-migrations-table', 'h'), (1, 'create-prices', 'h')`,
  ],
  [
    'yoyo',
    '0001.create-prices',
    `CREATE TABLE _yoyo_migration (migration_hash varchar(64) PRIMARY KEY, migration_id varchar(255), applied_at_utc timestamp);
     INSERT INTO _yoyo_migration VALUES ('h', '0001.create-prices', now())`,
  ],
];
const pair = (name: string) => manifestOf(migration(name), migration(RAISE));

/** Ledgers of somebody else, or of other files, and none of them stops this folder. */
const HARMLESS: readonly (readonly [what: string, names: readonly string[], sql: string])[] = [
  [
    "Supabase's own parts",
    ['0001_repair', '20171026211738_repair', '20211116024918_repair'],
    `CREATE SCHEMA auth; CREATE TABLE auth.schema_migrations (version varchar(255) PRIMARY KEY);
     INSERT INTO auth.schema_migrations VALUES ('00'), ('0001'), ('20171026211738');
     CREATE SCHEMA _realtime; CREATE TABLE _realtime.schema_migrations (version bigint PRIMARY KEY, inserted_at timestamp(0));
     CREATE SCHEMA realtime; CREATE TABLE realtime.schema_migrations (version bigint PRIMARY KEY, inserted_at timestamp(0));
     INSERT INTO _realtime.schema_migrations VALUES (20211116024918); INSERT INTO realtime.schema_migrations VALUES (20211116024918);
     CREATE SCHEMA storage; CREATE TABLE storage.migrations (id int PRIMARY KEY, name varchar(100), hash varchar(40), executed_at timestamp);
     INSERT INTO storage.migrations VALUES (1, '0001_repair', '', now());
     CREATE SCHEMA supabase_functions; CREATE TABLE supabase_functions.migrations (version text PRIMARY KEY, inserted_at timestamptz);
     INSERT INTO supabase_functions.migrations VALUES ('0001');
     CREATE SCHEMA supabase_migrations; CREATE TABLE supabase_migrations.schema_migrations (version text PRIMARY KEY, statements text[], name text);
     INSERT INTO supabase_migrations.schema_migrations VALUES ('20240101120000', '{}', 'prices')`,
  ],
  ['Rails', ['0001_repair', '20260101120000_repair'], LEDGERS[0]![2]],
  ['Prisma, failed and rolled back', [RAISE], LEDGERS[4]![2]],
  ['golang-migrate at another number', ['000001_repair', '000002_repair'], LEDGERS[1]![2]],
  ['Flyway, the same number under another name', ['0001_repair'], LEDGERS[3]![2]],
  [
    'Flyway, failed',
    ['0001_create_prices'],
    `${LEDGERS[3]![2]}; UPDATE flyway_schema_history SET success = false`,
  ],
  [
    'golang-migrate, dbmate and Sequelize, before their first file',
    ['0001_repair'],
    `CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL);
     CREATE TABLE versions (version varchar PRIMARY KEY); CREATE TABLE "SequelizeMeta" (name varchar(255) PRIMARY KEY)`,
  ],
  [
    'goose at files that this folder has not',
    ['00001_repair'],
    `CREATE TABLE goose_db_version (id serial PRIMARY KEY, version_id bigint NOT NULL, is_applied boolean NOT NULL, tstamp timestamp DEFAULT now());
     INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, true), (1, true), (2, true)`,
  ],
  [
    'sqlx, the same number under another name',
    ['0001_repair'],
    `CREATE TABLE _sqlx_migrations (version bigint PRIMARY KEY, description text NOT NULL, installed_on timestamptz NOT NULL DEFAULT now(),
       success boolean NOT NULL, checksum bytea NOT NULL, execution_time bigint NOT NULL);
     INSERT INTO _sqlx_migrations VALUES (1, 'create prices', now(), true, '', 1)`,
  ],
  [
    'postgres-migrations, the same number under another name',
    ['0001_repair'],
    `CREATE TABLE migrations (id integer PRIMARY KEY, name varchar(100) UNIQUE NOT NULL, hash varchar(40) NOT NULL, executed_at timestamp);
     INSERT INTO migrations VALUES (1, 'create-prices', 'h', now())`,
  ],
  [
    'tern at a number that no file has',
    ['001_repair'],
    'CREATE TABLE schema_version (version int4 NOT NULL); INSERT INTO schema_version VALUES (7)',
  ],
  [
    "tables of the application's",
    ['0001_repair'],
    `CREATE TABLE format (version int); INSERT INTO format VALUES (1);
     CREATE TABLE tags (name text PRIMARY KEY); INSERT INTO tags VALUES ('0001_repair');
     CREATE TABLE logins (id int, "timestamp" bigint, name text); INSERT INTO logins VALUES (1, 1, '0001_repair')`,
  ],
];

/** What was read in a transaction of its own has to be committed, and taken away again. */
const ALL_GONE = `DO $$ DECLARE s name; BEGIN
  FOR s IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' LOOP
    EXECUTE format('DROP SCHEMA %I CASCADE', s);
  END LOOP;
  CREATE SCHEMA public;
END $$`;

describe.each(majors())('ledgers of other tools, PostgreSQL %i', (major) => {
  let db: Database;
  beforeAll(async () => {
    db = await connectPg({ url: await createDatabase(major) });
  });
  afterAll(() => db.close());

  /** Which files are held, with these tables there for a moment. */
  const held = async (sql: string, manifest: Manifest) => {
    await db.query(sql);
    const found = findFilesAppliedElsewhere(await readLedgersOfOtherTools(db, null), manifest.migrations, {
      migrations: [],
    });
    await db.query(ALL_GONE);
    return found.map(({ tool, names }) => [tool, ...names]);
  };

  test.each(LEDGERS)('%s holds %s', async (tool, name, sql) => {
    expect(await held(sql, pair(name))).toEqual([[tool, name]]);
  });

  test.each(HARMLESS)('%s: nothing is held', async (_, names, sql) => {
    expect(await held(sql, manifestOf(...names.map((name) => migration(name))))).toEqual([]);
  });
});

describe.each(majors())('what follows, PostgreSQL %i', (major) => {
  test.each(LEDGERS.filter(([tool]) => ['Flyway', 'Prisma'].includes(tool)))(
    '%s: %s is not run again',
    async (tool, name, sql) => {
      const url = await createDatabase(major);
      await (await connect(url)).query(sql);
      const { outcome } = await run(url, pair(name));
      expect(outcome).toMatchObject({
        status: 'failed',
        error: {
          code: 'history',
          migration: name,
          message: expect.stringContaining(`${tool} has applied it to this database already`),
          details: [`Applied by ${tool}: ${name}`],
        },
      });
      expect((await run(url, pair(name), { baseline: name, baselineOnly: true })).outcome).toMatchObject({
        status: 'done',
        report: { baselined: [name] },
      });
      expect(await up(url, pair(name))).toMatchObject({ report: { applied: [RAISE] } });
    },
  );

  test('a repair folder beside Rails is applied', async () => {
    const url = await createDatabase(major);
    await (await connect(url)).query(LEDGERS[0]![2]);
    expect(await up(url, manifestOf(migration('0001_repair')))).toMatchObject({
      report: { applied: ['0001_repair'], warnings: [] },
    });
  });

  test('golang-migrate: what Trueup itself has run shows that the number is of another folder', async () => {
    const url = await createDatabase(major);
    await (await connect(url)).query(LEDGERS[1]![2]);
    const six = migration('0006_repair');
    await up(url, manifestOf(six));
    const both = manifestOf(six, migration('0007_repair'));
    expect(await up(url, both)).toMatchObject({ report: { applied: ['0007_repair'] } });
  });

  test('one that the login role may not read is a warning', async () => {
    const url = await createDatabase(major);
    const client = await connect(url);
    await client.query(`${LEDGERS[0]![2]}; DROP ROLE IF EXISTS blind; CREATE ROLE blind LOGIN PASSWORD 'x';
      GRANT CREATE ON DATABASE ${new URL(url).pathname.slice(1)} TO blind`);
    const login = new URL(url);
    [login.username, login.password] = ['blind', 'x'];
    expect(await up(login.href, pair(PRICES))).toMatchObject({
      report: {
        warnings: [expect.stringMatching(/"schema_migrations" looks like the ledger of Rails, but/)],
      },
    });
    await client.query('DROP OWNED BY blind; DROP ROLE blind');
  });
});

test('a ledger on which another session holds a lock is read once the lock is released, or named', async () => {
  const url = await createDatabase();
  const other = await connect(url);
  await other.query(
    "CREATE TABLE schema_migrations (version text PRIMARY KEY); INSERT INTO schema_migrations VALUES ('1')",
  );
  const db = await connectPg({ url, readOnly: true });
  const read = () => readLedgersOfOtherTools(db, null);
  const locked = 'BEGIN; LOCK TABLE schema_migrations IN ACCESS EXCLUSIVE MODE';
  try {
    await other.query(locked);
    const [ledgers] = await Promise.all([read(), sleep(1_200).then(() => other.query('COMMIT'))]);
    expect(ledgers).toMatchObject([{ rows: [{ version: '1' }] }]);
    await other.query(locked);
    await expect(read()).rejects.toMatchObject({
      info: {
        code: 'lock-timeout',
        message: expect.stringContaining('"public"."schema_migrations" looks like'),
        sqlstate: '55P03',
      },
    });
  } finally {
    await other.query('ROLLBACK');
    await db.close();
  }
});

test('a baseline that the database does not hold is not applied where the other tool has applied it', async () => {
  const url = await createDatabase();
  const client = await connect(url);
  await client.query(LEDGERS.find(([tool]) => tool === 'sql-migrate')![2]);
  const lost = migration(PRICES, { verify: "SELECT 'no table' WHERE to_regclass('prices') IS NULL" });
  const manifest = manifestOf(lost, migration(RAISE));
  expect((await run(url, manifest, { baseline: PRICES })).outcome).toMatchObject({
    status: 'failed',
    error: { code: 'history', migration: PRICES },
  });
});

test('asking costs one round trip where no other tool was at work', async () => {
  const url = await createDatabase();
  let trips = 0;
  const proxy = await startProxy({
    target: { host: '127.0.0.1', port: Number(new URL(url).port) },
    onRoundTrip: () => {
      trips++;
    },
  });
  const db = await connectPg({ url: proxy.url(url) });
  trips = 0;
  expect(await readLedgersOfOtherTools(db, null)).toEqual([]);
  expect(trips).toBe(1);
  await db.close();
  await proxy.close();
});

test('nothing is asked where nothing is new', async () => {
  const url = await createDatabase();
  const one = manifestOf(migration('0001_one'));
  await up(url, one);
  const asked: string[] = [];
  const connectOnce = async () => {
    const db = await connectPg({ url });
    const query: Database['query'] = (sql, ...rest) => {
      asked.push(sql);
      return db.query(sql, ...rest);
    };
    return Object.assign(Object.create(db) as Database, { query });
  };
  const owner = { account: '1', region: 'eu', stackName: 'Shop' };
  expect((await run(url, one, { owner }, { connect: connectOnce })).outcome.status).toBe('done');
  expect(asked.filter((sql) => sql.includes('trueup.ledger'))).toHaveLength(2);
  expect(asked.filter((sql) => sql.includes('ar_internal_metadata'))).toEqual([]);
});

test('over the Data API', async () => {
  const url = await createDatabase();
  await (await connect(url)).query(LEDGERS[4]![2]);
  const { hostname, port, username, password, pathname } = new URL(url);
  const endpoint = await startDataApi({ host: hostname, port: Number(port), secret: { username, password } });
  const connectOnce = () => connectDataApi({ ...endpoint, database: pathname.slice(1) });
  const { outcome } = await run(url, pair(PRICES), {}, { connect: connectOnce });
  await endpoint.close();
  expect(outcome).toMatchObject({ status: 'failed', error: { details: [`Applied by Prisma: ${PRICES}`] } });
});
