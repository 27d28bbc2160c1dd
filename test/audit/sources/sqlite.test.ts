/** What an SQLite file is compared with PostgreSQL: what does the same is the same, and everything else was lost. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Database as Sqlite } from 'node-sqlite3-wasm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AuditOptions, type AuditResult, audit } from '../../../lib/audit/audit';
import { readSqliteSnapshot } from '../../../lib/audit/sources/sqlite/source';
import { loadParser } from '../../../lib/compiler/read/parser';
import { appointments } from '../../incidents';
import { IncidentDatabase } from '../../incidents/support';
import { connect, createDatabase, majors, newestMajor } from '../../support/database';
import { roundTrip } from '../round-trip';
import { readOnly } from '../support';

const scratch = mkdtempSync(join(tmpdir(), 'trueup-test-'));
afterAll(() => rmSync(scratch, { recursive: true }));
beforeAll(() => loadParser());

let files = 0;
function sqlite(sql: string): string {
  const folder = join(scratch, String(files++));
  mkdirSync(folder);
  const file = join(folder, 'app.db');
  const db = new Sqlite(file);
  db.exec(`PRAGMA foreign_keys = off; ${sql}`);
  db.close();
  return file;
}

const CANARY = 'c4n4ry';

async function compared(url: string, file: string): Promise<AuditResult> {
  const result = await audit(await readOnly(url), {
    version: '0',
    source: (catalog) => readSqliteSnapshot(file, catalog, '0'),
  });
  expect(JSON.stringify(result)).not.toContain(CANARY);
  expect(readdirSync(join(file, '..'))).toEqual(['app.db']);
  return result;
}

const said = ({ findings }: Pick<AuditResult, 'findings'>): string[] =>
  findings.map(({ confidence, id, object }) => `${confidence} ${id} ${object}`).sort();

const APP = `
  CREATE TABLE \`Accounts\` (\`id\` integer not null primary key autoincrement, \`email\` varchar(255) not null COLLATE NOCASE UNIQUE,
    made datetime default CURRENT_TIMESTAMP, active boolean not null default 1, "plan" text default 'free' check (plan in ('free', 'paid')),
    data text CHECK ((JSON_VALID("data") OR "data" IS NULL)), size CHECK (typeof(size) = 'integer' OR size IS NULL));
  CREATE TABLE Orders (id char(36) default (lower(hex(randomblob(16)))) primary key, accountId integer not null REFERENCES Accounts ON DELETE CASCADE,
    total REAL, seen integer default 0, CHECK (total >= 0));
  CREATE UNIQUE INDEX one_open ON Orders (accountId) WHERE seen = 0 AND total IS NOT NULL;
  CREATE INDEX by_total ON Orders (total DESC);
  CREATE TABLE plain (a, b, PRIMARY KEY (b, a)) WITHOUT ROWID;
  CREATE VIEW open_orders AS SELECT * FROM Orders WHERE seen = 0;
  CREATE TRIGGER touch AFTER UPDATE ON Orders BEGIN SELECT 1; END;
  INSERT INTO Accounts (email) VALUES ('${CANARY}'), ('b'), ('c'); DELETE FROM Accounts WHERE id = 3;
  INSERT INTO Orders (accountId) VALUES (1);`;

const WHOLE = `
  CREATE TABLE accounts (id bigserial PRIMARY KEY, email varchar(255) NOT NULL, made timestamptz DEFAULT now(),
    active boolean NOT NULL DEFAULT true, plan text DEFAULT 'free' CHECK (plan IN ('free', 'paid')), data jsonb, size int);
  CREATE UNIQUE INDEX idx_1_email ON accounts (lower(email));
  CREATE TABLE orders (id uuid DEFAULT gen_random_uuid() PRIMARY KEY, account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    total double precision, seen boolean DEFAULT false, CHECK (total >= 0));
  CREATE UNIQUE INDEX idx_2 ON orders (account_id) WHERE NOT seen AND total IS NOT NULL;
  CREATE INDEX idx_3 ON orders (total);
  CREATE TABLE plain (a text, b text, PRIMARY KEY (a, b));
  CREATE VIEW open_orders AS SELECT * FROM orders WHERE NOT seen;
  CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
  CREATE TRIGGER touch AFTER UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touch();
  INSERT INTO accounts (email) VALUES ('${CANARY}'), ('b'); SELECT setval('accounts_id_seq', 3); INSERT INTO orders (account_id) VALUES (1);`;

/** What is changed, and what is then found. */
const LOSSES: readonly (readonly [what: string, change: string, finds: readonly string[]])[] = [
  ['nothing', 'SELECT 1', []],
  [
    'a default or identity',
    'ALTER TABLE accounts ALTER id DROP DEFAULT',
    ['B missing-primary-key-default public.accounts.id'],
  ],
  [
    'a generator and its numbers, of which the last was given to a row that is gone',
    'DROP SEQUENCE accounts_id_seq CASCADE',
    ['B missing-primary-key-default public.accounts.id'],
  ],
  [
    'a generator that became its own text',
    `DROP VIEW open_orders; ALTER TABLE orders ALTER id DROP DEFAULT, ALTER id TYPE text;
     ALTER TABLE orders ALTER id SET DEFAULT 'lower(hex(randomblob(16)))'; CREATE VIEW open_orders AS SELECT 1`,
    ['B missing-primary-key-default public.orders.id'],
  ],
  ['a position', `SELECT setval('accounts_id_seq', 2)`, ['B sequence-behind public.accounts.id']],
  [
    'NOT NULL and defaults',
    'ALTER TABLE accounts ALTER active DROP NOT NULL, ALTER active DROP DEFAULT, ALTER made DROP DEFAULT; ALTER TABLE orders ALTER seen SET DEFAULT true',
    [
      'B missing-default public.accounts.active',
      'B missing-default public.accounts.made',
      'B missing-default public.orders.seen',
      'B missing-not-null public.accounts.active',
    ],
  ],
  [
    'the case that a key ignores',
    'DROP INDEX idx_1_email; CREATE UNIQUE INDEX e ON accounts (email)',
    ['B missing-unique-index public.accounts'],
  ],
  [
    'a partial unique index',
    'DROP INDEX idx_2; CREATE UNIQUE INDEX i ON orders (account_id)',
    ['B missing-unique-index public.orders'],
  ],
  ['an index', 'DROP INDEX idx_3', ['B missing-index public.orders']],
  [
    'keys',
    'ALTER TABLE plain DROP CONSTRAINT plain_pkey; ALTER TABLE orders DROP CONSTRAINT orders_account_id_fkey',
    ['B missing-foreign-key public.orders.account_id', 'B missing-primary-key public.plain'],
  ],
  [
    'what happens to the rows of a key',
    'ALTER TABLE orders DROP CONSTRAINT orders_account_id_fkey, ADD FOREIGN KEY (account_id) REFERENCES accounts ON DELETE RESTRICT',
    ['B missing-foreign-key public.orders.account_id'],
  ],
  [
    'CHECKs',
    'ALTER TABLE orders DROP CONSTRAINT orders_total_check; ALTER TABLE accounts DROP CONSTRAINT accounts_plan_check',
    ['B missing-constraint public.accounts', 'B missing-constraint public.orders'],
  ],
  [
    'views and triggers',
    'DROP VIEW open_orders; DROP TRIGGER touch ON orders',
    ['B missing-trigger public.orders', 'B missing-view public.open_orders'],
  ],
  ['a column', 'ALTER TABLE accounts DROP made', ['B missing-column public.accounts.made']],
  [
    'what a type can hold',
    'DROP INDEX idx_1_email; UPDATE accounts SET email = id; ALTER TABLE accounts ALTER email TYPE bytea USING email::bytea',
    ['B column-type-changed public.accounts.email', 'B missing-unique-index public.accounts'],
  ],
  ['rows', 'DELETE FROM orders', ['B missing-rows public.orders']],
  ['a table', 'DROP TABLE plain', ['B missing-table public.plain']],
];

/** What is written for these brings them back; views and triggers are left to a person. */
const WRITTEN = new Set([
  'a default or identity',
  'a generator and its numbers, of which the last was given to a row that is gone',
  'NOT NULL and defaults',
  'a partial unique index',
  'CHECKs',
  'views and triggers',
]);

/** The major makes little difference to them. */
const SOME = LOSSES.filter(([what]) => what === 'nothing' || WRITTEN.has(what));

describe.each(majors())('PostgreSQL %i', (major) => {
  test('what was lost is found, and nothing else', async () => {
    const file = sqlite(APP);
    const url = await createDatabase(major);
    const client = await connect(url);
    for (const [what, change, finds] of major === newestMajor() ? LOSSES : SOME) {
      await client.query(`DROP SCHEMA public CASCADE; CREATE SCHEMA public; ${WHOLE} ${change}`);
      expect([what, ...said(await compared(url, file))]).toEqual([what, ...finds]);
      if (!WRITTEN.has(what)) continue;
      const source: AuditOptions['source'] = (catalog) => readSqliteSnapshot(file, catalog, '0');
      const { left } = await roundTrip(url, await readOnly(url), { version: '0', source });
      expect(said({ findings: left })).toEqual(
        finds.filter((each) => /missing-view|missing-trigger/.test(each)),
      );
    }
  });

  test('a column that SQLite computes is a decision, and a plain column until somebody takes it', async () => {
    const file =
      sqlite(`CREATE TABLE sums (id INTEGER PRIMARY KEY, a INT, total INT AS (a + iif(a > 1, 1, 0)) STORED,
        code TEXT DEFAULT (char(65, 66)), hash BLOB DEFAULT X'00', twice INT DEFAULT (1 + 1), plus REAL DEFAULT +1e3);
      CREATE TABLE names (id INTEGER PRIMARY KEY, name TEXT, upper TEXT AS (upper(name)))`);
    const url = await createDatabase(major);
    const client = await connect(url);
    await client.query('CREATE TABLE names (id bigserial PRIMARY KEY, name text)');
    const source: AuditOptions['source'] = (catalog) => readSqliteSnapshot(file, catalog, '0');
    const { first, written, left } = await roundTrip(url, await readOnly(url), { version: '0', source });
    expect(said(first)).toEqual(['B missing-column public.names.upper', 'B missing-table public.sums']);
    expect(written.files.map(({ decisions }) => decisions).filter(Boolean)).toEqual([3, 1]);
    expect(said({ findings: left })).toEqual([
      'B missing-default public.names.upper',
      'B missing-default public.sums.code',
      'B missing-default public.sums.hash',
      'B missing-default public.sums.total',
    ]);
  });

  test('a default that the type refuses is a decision, and triggers of a table that is lost as a whole are told', async () => {
    const file =
      sqlite(`CREATE TABLE visits (id INTEGER PRIMARY KEY, day DATE DEFAULT '0000-00-00', at DATETIME DEFAULT '',
        paid BOOLEAN DEFAULT 2, minutes INT DEFAULT '', note TEXT DEFAULT '', due DATE DEFAULT '2024-02-29');
      CREATE TABLE names (id INTEGER PRIMARY KEY, born DATE DEFAULT '2023-02-30', seen INT DEFAULT true);
      CREATE TRIGGER counted AFTER INSERT ON visits BEGIN SELECT 1; END;
      CREATE TRIGGER kept BEFORE DELETE ON visits BEGIN SELECT 2; END;
      INSERT INTO visits (note) VALUES ('${CANARY}');`);
    const url = await createDatabase(major);
    const client = await connect(url);
    await client.query('CREATE TABLE names (id bigserial PRIMARY KEY)');
    const source: AuditOptions['source'] = (catalog) => readSqliteSnapshot(file, catalog, '0');
    const { first, written, left } = await roundTrip(url, await readOnly(url), { version: '0', source });
    expect(said(first)).toEqual([
      'B missing-column public.names.born',
      'B missing-column public.names.seen',
      'B missing-table public.visits',
    ]);
    expect(written.files.map(({ decisions }) => decisions).filter(Boolean)).toEqual([4, 1]);
    expect(written.left.map(({ difference: { message }, why }) => `${message} ${why}`)).toEqual([
      expect.stringMatching(/^Trigger counted on public\.visits is missing\. it is in SQLite's SQL dialect/),
      expect.stringMatching(/^Trigger kept on public\.visits is missing\./),
    ]);
    expect(said({ findings: left }).filter((each) => !each.includes('missing-rows'))).toEqual([
      'B missing-default public.names.born',
      'B missing-default public.visits.at',
      'B missing-default public.visits.day',
      'B missing-default public.visits.minutes',
      'B missing-default public.visits.paid',
      'B missing-trigger public.visits',
      'B missing-trigger public.visits',
    ]);
  });

  test('the fourth incident: five ids without a default, six keys, and none of them after the repairs that ship', async () => {
    const key = 'char(36) default (lower(hex(randomblob(16)))) primary key';
    const account = 'varchar(255) references accounts (id) on delete set null';
    const file = sqlite(`
      CREATE TABLE accounts (id varchar(255) primary key, name varchar(255) not null);
      CREATE TABLE users (id varchar(255) primary key, account_id varchar(255) not null references accounts (id), email varchar(255) not null);
      CREATE TABLE bot_configs (id ${key}, name varchar(255) not null);
      CREATE TABLE services (id ${key}, account_id ${account}, bot_config_id char(36) references bot_configs (id), name text not null);
      CREATE TABLE appointments (id ${key}, account_id ${account}, appointment_type char(36) references services (id) on delete set null,
        customer_name varchar(255), customer_phone varchar(255), datetime datetime not null, duration integer not null default 30,
        status varchar(255) not null default 'confirmed');
      CREATE TABLE availability_configs (id ${key}, account_id ${account}, weekday integer not null, opens time not null, closes time not null);
      CREATE TABLE blackout_dates (id ${key}, account_id ${account}, day date not null);
      CREATE TABLE test_chat_sessions (id varchar(255) primary key, account_id ${account}, started_at datetime not null default CURRENT_TIMESTAMP);
      INSERT INTO accounts VALUES ('089DE75EC79BF6E4B00E4159135D545F', 'Dentist');`);
    const database = await IncidentDatabase.create(appointments, major);
    const found = said(await compared(database.url, file));
    const ids = ['appointments', 'availability_configs', 'blackout_dates', 'bot_configs', 'services'];
    expect(found.filter((each) => each.includes('missing-primary-key-default'))).toEqual(
      ids.map((table) => `B missing-primary-key-default public.${table}.id`),
    );
    expect(found.filter((each) => each.includes('missing-foreign-key'))).toEqual(
      [
        'appointments.account_id',
        'appointments.appointment_type',
        'availability_configs.account_id',
        'blackout_dates.account_id',
        'services.account_id',
        'test_chat_sessions.account_id',
      ].map((column) => expect.stringMatching(`missing-foreign-key public.${column}$`)),
    );
    expect(found.filter((each) => each.includes('mismatched-key-types')).length).toBeGreaterThan(0);
    expect(await database.deploy()).toMatchObject({ status: 'failed' });
    await database.repairByHand();
    await database.repair();
    expect(said(await compared(database.url, file))).toEqual([]);
  });
});
