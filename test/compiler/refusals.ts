/** One case for each message of the compiler, in the order of docs/refused-*.md, which show them. */
import { type Files, file } from './support';

export interface Refusal {
  /** What is wrong, for the test's title. */
  readonly title: string;
  readonly files: Files;
}

/** Around one statement in `up`, of a file that is complete otherwise. */
const up = (title: string, sql: string): Refusal => ({ title, files: { '0007_example.sql': file(sql) } });
const whole = (title: string, text: string, name = '0007_example.sql'): Refusal => ({
  title,
  files: { [name]: text },
});
const COMPLETE = file('SELECT 1;');

const dbmate = (up: string, down = '') => `-- migrate:up\n${up}\n-- migrate:down\n${down}\n`;
const DBMATE = '20260101120000_example.sql';
const DROPS = dbmate('ALTER TABLE orders DROP COLUMN note;');

/** What is read otherwise than it is written, or passed over. */
export const WARNINGS: readonly Refusal[] = [
  whole('an empty up of dbmate', dbmate(''), DBMATE),
  whole('a broken down of dbmate', dbmate('SELECT 1;', 'ALTER TABLE orders DROP CONSTRAINT;'), DBMATE),
  whole('up twice of dbmate', `${dbmate('SELECT 1;')}${dbmate('SELECT 2;')}`, DBMATE),
  whole(
    "a right on dbmate's ledger",
    dbmate('SELECT 1;\nGRANT SELECT ON schema_migrations TO reader;'),
    DBMATE,
  ),
  {
    title: 'supersedes a renumbered file',
    files: {
      '0003_add_note.sql': COMPLETE,
      '0007_example.sql': `-- migrate:supersedes 0002_add_note\n${COMPLETE}`,
    },
  },
  whole('history that cannot run', `-- migrate:history applied by hand\n-- migrate:up\nSELECT 1;\nCOMMIT;\n`),
];

export const REFUSALS: Readonly<Record<string, readonly Refusal[]>> = {
  'Files and names': [
    whole('no number', COMPLETE, 'add_note.sql'),
    whole('malformed number', COMPLETE, '7add_note.sql'),
    whole('malformed repeatable', COMPLETE, 'R_totals.sql'),
    whole('upper-case ending', COMPLETE, '0007_add_note.SQL'),
    whole('long name', COMPLETE, `0007_${'long_'.repeat(20)}name.sql`),
    { title: 'number taken', files: { '0007_add_note.sql': COMPLETE, '7_add_code.sql': COMPLETE } },
    { title: 'not UTF-8', files: { '0007_example.sql': Buffer.from('-- Gr\xfc\xdfe\n', 'latin1') } },
    { title: 'UTF-16', files: { '0007_example.sql': Buffer.from('\ufeff-- migrate:up\n', 'utf16le') } },
    whole('zero byte', '-- migrate:up\nSELECT 1;\0\n'),
    whole('too large', `-- ${'x'.repeat(4 * 1024 * 1024)}`),
  ],
  Sections: [
    whole('no section', 'ALTER TABLE orders ADD COLUMN note text;\n'),
    whole('nothing at all', '-- Later.\n'),
    whole('SQL before the first section', `SELECT 1;\n${COMPLETE}`),
    whole('unknown section', '-- migrate:up\nSELECT 1;\n-- migrate:verfy\nSELECT 2;\n'),
    whole('repeated section', `${COMPLETE}-- migrate:up\nSELECT 2;\n`),
    whole('not on its own line', file('SELECT 1; -- migrate:down')),
    whole('spelled otherwise', '-- Migrate: Up\nSELECT 1;\n-- migrate:verify\nSELECT 2;\n'),
    whole('no up', '-- migrate:verify\nSELECT 1;\n'),
    whole('empty up', '-- migrate:up\n-- to do\n-- migrate:verify\nSELECT 1;\n'),
    whole('empty verify', '-- migrate:up\nSELECT 1;\n-- migrate:verify\n'),
    whole('no verify', '-- migrate:up\nSELECT 1;\n'),
    whole('verify, and why there is none', `-- migrate:no-verify it is small\n${COMPLETE}`),
    whole('down of a repeatable', `${COMPLETE}-- migrate:down\nSELECT 1;\n`, 'R__totals.sql'),
  ],
  Directives: [
    whole('not known', `-- migrate:consents destroys x\n${COMPLETE}`),
    whole('in a wrong section', `${COMPLETE}-- migrate:consent destroys nobody reads it\n`),
    whole('consent to nothing', `-- migrate:consent\n${COMPLETE}`),
    whole('consent to something else', `-- migrate:consent destroy nobody reads it\n${COMPLETE}`),
    whole('consent without a reason', `-- migrate:consent rewrites\n${COMPLETE}`),
    whole('history without a reason', `-- migrate:history\n${COMPLETE}`),
    whole('an open decision', `-- migrate:decide which of the rows that share an e-mail stays\n${COMPLETE}`),
    whole('a decision about nothing', `-- migrate:decide\n${COMPLETE}`),
    whole('unproved without a reason', '-- migrate:no-verify\n-- migrate:up\nSELECT 1;\n'),
    whole('unproved twice', '-- migrate:no-verify a\n-- migrate:no-verify b\n-- migrate:up\nSELECT 1;\n'),
    whole('supersedes several', `-- migrate:supersedes 0001_a 0002_b\n${COMPLETE}`),
    {
      title: 'supersedes twice',
      files: {
        '0001_a.sql': COMPLETE,
        '0007_example.sql': `-- migrate:supersedes 0001_a\n-- migrate:supersedes 0001_a\n${COMPLETE}`,
      },
    },
    whole('supersedes what is not there', `-- migrate:supersedes 0003_add_emial\n${COMPLETE}`),
    {
      title: 'supersedes a newer one',
      files: {
        '0007_example.sql': `-- migrate:supersedes 0008_later\n${COMPLETE}`,
        '0008_later.sql': COMPLETE,
      },
    },
    whole('settings without any', `-- migrate:settings\n${COMPLETE}`),
    whole('unknown setting', `-- migrate:settings lock_timeout=1s\n${COMPLETE}`),
    whole('no time', `-- migrate:settings lock-timeout=5\n${COMPLETE}`),
    whole('set twice', `-- migrate:settings lock-timeout=1s lock-timeout=2s\n${COMPLETE}`),
  ],
  'SQL that does not parse': [
    up('syntax error', "ALTER TABLE orders ADD COLUM note text DEFAULT 'żółć';"),
    up('open quote', "UPDATE orders SET note = 'it's paid';"),
    whole(
      'quote that is never closed',
      "-- migrate:up\nUPDATE orders SET note = 'paid;\n-- migrate:verify\nSELECT 1;\n",
    ),
    up('nested too deeply', `SELECT ${'('.repeat(20_000)}1${')'.repeat(20_000)};`),
    up('psql include', '\\i functions.sql'),
    up('psql command', '\\set ON_ERROR_STOP on'),
    up('parameter', 'UPDATE orders SET note = $1;'),
  ],
  'What belongs to Trueup or to the session': [
    up('transaction control', 'BEGIN;'),
    up('savepoint', 'SAVEPOINT before_it;'),
    up('SET TRANSACTION', 'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;'),
    up('SET', 'SET search_path = shop;'),
    up('SESSION CHARACTERISTICS', 'SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY;'),
    up('RESET', 'RESET ALL;'),
    up('timeout', "SET LOCAL lock_timeout = '1s';"),
    up(
      'SET LOCAL that does not reach',
      'SET LOCAL search_path = shop;\nCREATE INDEX CONCURRENTLY orders_note ON orders (note);',
    ),
    up(
      'set_config that does not reach',
      "SELECT set_config('search_path', 'shop', true);\nCREATE INDEX CONCURRENTLY orders_note ON orders (note);",
    ),
    up('SET ROLE', 'SET ROLE shop_owner;'),
    up('SESSION AUTHORIZATION', 'SET SESSION AUTHORIZATION shop_owner;'),
    up('set_config', "SELECT set_config('search_path', 'shop', false);"),
    up('set_config of a computed setting', "SELECT set_config('search_' || 'path', 'shop', true);"),
    up('pg_settings', "UPDATE pg_settings SET setting = 'shop' WHERE name = 'search_path';"),
    up('set_config of a timeout', "SELECT set_config('statement_timeout', '1h', true);"),
    up('advisory lock', 'SELECT pg_advisory_lock(1);'),
    up('LISTEN', 'LISTEN orders;'),
    up('PREPARE', 'PREPARE p AS SELECT 1;'),
    up('COPY FROM STDIN', 'COPY orders FROM STDIN;'),
    up('COPY TO STDOUT', 'COPY orders TO STDOUT;'),
    up('COPY PROGRAM', "COPY orders FROM PROGRAM 'cat orders.csv';"),
    up('ALTER SYSTEM', 'ALTER SYSTEM SET work_mem = 64;'),
    up('CREATE DATABASE', 'CREATE DATABASE shop;'),
    up('password', "CREATE ROLE shop_app LOGIN PASSWORD 'secret';"),
    up('index without a name', 'CREATE INDEX CONCURRENTLY ON orders (note);'),
  ],
  'What destroys data': [
    {
      title: 'many files of dbmate',
      files: Object.fromEntries([1, 2, 3].map((day) => [`2026010${day}120000_example.sql`, DROPS])),
    },
    up('DROP TABLE', 'DROP TABLE orders;'),
    up('DROP COLUMN', 'ALTER TABLE orders DROP COLUMN note;'),
    up('DROP SCHEMA', 'DROP SCHEMA shop;'),
    up('CASCADE', 'DROP VIEW order_totals CASCADE;'),
    up('CASCADE in ALTER TABLE', 'ALTER TABLE orders DROP CONSTRAINT orders_pkey CASCADE;'),
    up('TRUNCATE', 'TRUNCATE orders;'),
    up('TRUNCATE CASCADE', 'CREATE TABLE t (id int PRIMARY KEY);\nTRUNCATE t CASCADE;'),
    up('REFRESH WITH NO DATA', 'REFRESH MATERIALIZED VIEW order_stats WITH NO DATA;'),
    up('DELETE', 'DELETE FROM orders WHERE note IS NULL;'),
    up('USING', 'CREATE TABLE t (id int);\nDELETE FROM orders USING t WHERE t.id = orders.id;'),
    up('DROP OWNED', 'DROP OWNED BY shop_app;'),
    up('DO', 'DO $$ BEGIN PERFORM tidy(); END $$;'),
    up('CALL', 'CALL tidy();'),
    up('function', 'SELECT shop.tidy();'),
    up(
      'trigger of the same file',
      'CREATE TRIGGER tidy BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION tidy();\nUPDATE orders SET note = NULL;',
    ),
  ],
  'What rewrites a table, or scans it under a strong lock': [
    up('type', 'ALTER TABLE orders ALTER COLUMN total TYPE bigint;'),
    up('type that may be stored alike', 'ALTER TABLE orders ALTER COLUMN note TYPE varchar(200);'),
    up('type with USING', 'ALTER TABLE orders ALTER COLUMN total TYPE int USING total::int;'),
    up('volatile default', 'ALTER TABLE orders ADD COLUMN token uuid DEFAULT gen_random_uuid();'),
    up('serial', 'ALTER TABLE orders ADD COLUMN number bigserial;'),
    up('identity', 'ALTER TABLE orders ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY;'),
    up('stored', 'ALTER TABLE orders ADD COLUMN twice int GENERATED ALWAYS AS (total * 2) STORED;'),
    up(
      'domain',
      'CREATE DOMAIN percent AS int CHECK (VALUE < 101);\nALTER TABLE orders ADD COLUMN discount percent;',
    ),
    up('unique column', 'ALTER TABLE orders ADD COLUMN number int UNIQUE;'),
    up('checked column', 'ALTER TABLE orders ADD COLUMN number int CHECK (number > 0);'),
    up('referring column', 'ALTER TABLE orders ADD COLUMN shop int DEFAULT 1 REFERENCES shops;'),
    up('SET NOT NULL', 'ALTER TABLE orders ALTER COLUMN note SET NOT NULL;'),
    up('constraint', 'ALTER TABLE orders ADD CONSTRAINT total_positive CHECK (total > 0);'),
    up('unique', 'ALTER TABLE orders ADD CONSTRAINT order_number UNIQUE (number);'),
    up('primary key of an index', 'ALTER TABLE orders ADD PRIMARY KEY USING INDEX orders_number;'),
    up('exclusion', 'ALTER TABLE bookings ADD EXCLUDE USING gist (during WITH &&);'),
    up(
      'VALIDATE beside others',
      'ALTER TABLE orders VALIDATE CONSTRAINT total_positive, ADD COLUMN note text;',
    ),
    up('partition', 'ALTER TABLE events ATTACH PARTITION events_2026 DEFAULT;'),
    up('CREATE INDEX', 'CREATE INDEX orders_note ON orders (note);'),
    up('REINDEX', 'REINDEX TABLE orders;'),
    up('CLUSTER', 'CLUSTER orders USING orders_pkey;'),
    up('VACUUM FULL', 'VACUUM FULL orders;'),
    up('REFRESH', 'REFRESH MATERIALIZED VIEW order_stats;'),
    up('LOGGED', 'ALTER TABLE orders SET LOGGED;'),
    up('UNLOGGED', 'ALTER TABLE orders SET UNLOGGED;'),
    up('tablespace', 'ALTER TABLE orders SET TABLESPACE fast;'),
    up('access method', 'ALTER TABLE orders SET ACCESS METHOD heap;'),
    up('expression', 'ALTER TABLE orders ALTER COLUMN twice SET EXPRESSION AS (total * 3);'),
    up('every relation of a tablespace', 'ALTER TABLE ALL IN TABLESPACE old SET TABLESPACE fast;'),
    up('domain constraint', 'ALTER DOMAIN percent ADD CHECK (VALUE > 0);'),
    up(
      'a data change behind a lock',
      'ALTER TABLE orders ADD COLUMN source text;\nUPDATE orders SET source = note;',
    ),
  ],
  'Queries of preflight and verify': [
    whole('no query', '-- migrate:up\nSELECT 1;\n-- migrate:verify\nANALYZE orders;\n'),
    whole(
      'a data change',
      '-- migrate:up\nSELECT 1;\n-- migrate:verify\nWITH d AS (DELETE FROM orders RETURNING id) SELECT id FROM d;\n',
    ),
    whole('INTO', '-- migrate:up\nSELECT 1;\n-- migrate:verify\nSELECT id INTO bad FROM orders;\n'),
    whole('row locks', `-- migrate:preflight\nSELECT id FROM orders FOR UPDATE;\n${COMPLETE}`),
    whole('nextval', "-- migrate:up\nSELECT 1;\n-- migrate:verify\nSELECT nextval('order_numbers');\n"),
  ],
  Batches: [
    whole(
      'no LIMIT',
      '-- migrate:batch\nUPDATE orders SET note = code WHERE note IS NULL;\n-- migrate:verify\nSELECT 1;\n',
    ),
    whole(
      'two statements',
      '-- migrate:batch\nINSERT INTO a SELECT * FROM b LIMIT 9;\nINSERT INTO c SELECT * FROM d LIMIT 9;\n-- migrate:verify\nSELECT 1;\n',
    ),
    whole('another statement', '-- migrate:batch\nVACUUM orders;\n-- migrate:verify\nSELECT 1;\n'),
    whole('empty', '-- migrate:batch\n-- migrate:verify\nSELECT 1;\n'),
  ],
};
