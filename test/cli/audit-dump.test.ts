/** `trueup audit --from dump.sql`, as a process. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { connect, createDatabase, majors, newestMajor } from '../support/database';
import { trueup } from './trueup';

const scratch = mkdtempSync(join(tmpdir(), 'trueup-test-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const file = (name: string, text: string): string => {
  const path = join(mkdtempSync(join(scratch, 'f-')), name);
  writeFileSync(path, text);
  return path;
};

const database = async (major: number, schema: string): Promise<string> => {
  const url = await createDatabase(major);
  await (await connect(url)).query(schema);
  return url;
};

const CANARY = 'c4n4ry';
const END = '--\n-- PostgreSQL database dump complete\n--\n';

/** As pg_dump writes it, without its comments. */
const DUMP = String.raw`--
-- PostgreSQL database dump
--

\restrict k3y

-- Dumped from database version 15.18

SET statement_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET row_security = off;

CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA public;
COMMENT ON EXTENSION citext IS 'data type for case-insensitive character strings';
CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public;
CREATE SCHEMA shop;
ALTER SCHEMA shop OWNER TO boss;
SET default_tablespace = '';
SET default_table_access_method = heap;

CREATE TABLE shop.customers (
    id bigint NOT NULL,
    email public.citext NOT NULL,
    note text DEFAULT 'none; (yet)'::text
);
ALTER TABLE shop.customers OWNER TO boss;
CREATE SEQUENCE shop.customers_id_seq START WITH 1 INCREMENT BY 1 NO MINVALUE NO MAXVALUE CACHE 1;
ALTER SEQUENCE shop.customers_id_seq OWNED BY shop.customers.id;
CREATE TABLE shop.items (id bigint, embedding public.vector(3));
CREATE FUNCTION shop.touch() RETURNS trigger
    LANGUAGE plpgsql
    AS $$begin return new; end$$;
ALTER TABLE ONLY shop.customers ALTER COLUMN id SET DEFAULT nextval('shop.customers_id_seq'::regclass);

COPY shop.customers (id, email, note) FROM stdin;
1	${CANARY}@a	${CANARY}; '
2	${CANARY}@b	\N
\.

SELECT pg_catalog.setval('shop.customers_id_seq', 2, true);
SELECT pg_catalog.lo_create('16400');

ALTER TABLE ONLY shop.customers ADD CONSTRAINT customers_pkey PRIMARY KEY (id);
CREATE UNIQUE INDEX one_email ON shop.customers USING btree (email) WHERE (note IS NOT NULL);
CREATE INDEX near ON shop.items USING btree (id);
CREATE TRIGGER touched BEFORE UPDATE ON shop.customers FOR EACH ROW EXECUTE FUNCTION shop.touch();
ALTER TABLE shop.customers ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON shop.customers TO clerks USING ((id > 0));
GRANT USAGE ON SCHEMA shop TO clerks;
GRANT SELECT ON TABLE shop.customers TO clerks;
GRANT ALL ON TABLE shop.customers TO boss;
ALTER DEFAULT PRIVILEGES FOR ROLE boss IN SCHEMA shop GRANT SELECT ON TABLES TO clerks;
CREATE SUBSCRIPTION far CONNECTION 'host=example.com password=${CANARY}' PUBLICATION p;

\unrestrict k3y

${END}`;

const MOVED = `CREATE EXTENSION citext; CREATE SCHEMA shop;
  CREATE TABLE shop.customers (id bigint PRIMARY KEY, email citext NOT NULL, note text);
  CREATE TABLE shop.items (id bigint);
  INSERT INTO shop.customers VALUES (1, '${CANARY}@a', '${CANARY}')`;

test.each([
  [
    'a pipe',
    process.platform === 'win32' ? null : '/dev/stdin',
    /is a pipe or a device; the file must be read twice/,
  ],
  ['a folder', scratch, /is a folder, not a file/],
  ['another server', `mysql://root:${CANARY}@db/shop`, /names a server, but not as/],
  ['words of libpq', `host=db password=${CANARY}`, /names a server, but not as/],
])('--from %s is refused', async (_, from, words) => {
  if (from === null) return;
  const { code, stdout, stderr } = await trueup([
    'audit',
    '--database-url',
    'postgres://u@127.0.0.1:1/d',
    '--from',
    from,
  ]);
  expect(stderr).toMatch(words);
  expect(stderr).not.toContain(CANARY);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
});

describe.each(majors())('PostgreSQL %i', (major) => {
  test('all that the dump has and the database has not; rows are counted, and none is shown', async () => {
    const target = await database(major, MOVED);
    const from = file('shop.sql', DUMP);
    const { code, stdout, stderr } = await trueup([
      'audit',
      '--database-url',
      target,
      '--from',
      from,
      '--json',
    ]);
    expect(code, stderr).toBe(6);
    expect(stdout + stderr).not.toContain(CANARY);
    const { findings, notChecked, coverage } = JSON.parse(stdout);
    expect(findings.map(({ id, object }: Record<string, string>) => `${id} ${object}`).sort()).toEqual([
      'missing-default shop.customers.note',
      'missing-extension vector',
      'missing-function shop.touch()',
      'missing-grant shop',
      'missing-grant shop',
      'missing-grant shop.customers',
      'missing-policy shop.customers',
      'missing-primary-key-default shop.customers.id',
      'missing-rows shop.customers',
      'missing-trigger shop.customers',
      'missing-unique-index shop.customers',
      'row-security-disabled shop.customers',
    ]);
    const said = notChecked.map(({ what, why }: Record<string, string>) => `${what}: ${why}`);
    expect(said).toEqual(
      expect.arrayContaining([
        'in the source: encoding and locale: a dump does not contain them',
        'in the source: extension vector: the scratch server does not have it',
        'in the source: table shop.items: type "public.vector" does not exist',
        'in the source: 1 statement: they need shop.items, which did not load',
        'in the source: large object: it reads or changes rows, and the dump is loaded without rows',
        'in the source: subscription far: a subscription reaches outside the database and is never created',
      ]),
    );
    expect(coverage.compared).toBeGreaterThan(8);
  });
});

test('a dump of a stranger runs without a superuser’s rights, and its rows and programs not at all', async () => {
  const target = await database(newestMajor(), 'CREATE TABLE t (a int)');
  const touched = join(scratch, 'touched');
  const from = file(
    'evil.sql',
    `CREATE TABLE t (a int);
COPY t FROM PROGRAM 'touch ${touched}';
COPY (SELECT 1) TO '${touched}';
COPY t FROM '/etc/passwd';
DO $$BEGIN EXECUTE 'COPY (SELECT 1) TO PROGRAM ''touch ${touched}'''; END$$;
SELECT pg_read_file('/etc/passwd');
SELECT set_config('search_path', pg_read_file('/etc/passwd'), false);
CREATE ROLE root SUPERUSER; ALTER ROLE trueup_trial SUPERUSER; GRANT trueup_superuser TO trueup_trial;
SET ROLE trueup_superuser; ALTER SYSTEM SET shared_preload_libraries = 'x';
CREATE EXTENSION file_fdw; CREATE EXTENSION dblink; LOAD '${touched}';
CREATE VIEW w AS SELECT rolsuper FROM pg_roles WHERE rolname = current_user;
ALTER DEFAULT PRIVILEGES FOR ROLE trueup_superuser GRANT ALL ON TABLES TO PUBLIC;
\\! touch ${touched}
\\i /etc/passwd
CREATE VIEW v AS SELECT 1; DROP TABLE nothing; COMMIT; SELECT nonsense nonsense nonsense;`,
  );
  const { code, stdout, stderr } = await trueup([
    'audit',
    '--database-url',
    target,
    '--from',
    from,
    '--json',
  ]);
  expect(code, stderr).toBe(6);
  expect(existsSync(touched)).toBe(false);
  expect(stdout).not.toContain('root:x');
  const { findings, notChecked } = JSON.parse(stdout);
  expect(findings.map(({ id, object }: Record<string, string>) => `${id} ${object}`)).toEqual([
    'missing-extension dblink',
    'missing-extension file_fdw',
    'missing-view public.v',
    'missing-view public.w',
  ]);
  const said: string[] = notChecked.map(({ what, why }: Record<string, string>) => `${what}: ${why}`);
  for (const part of [
    /extension file_fdw: it requires a superuser/,
    /extension dblink: it requires a superuser/,
    /\\! in line \d+: psql commands are not run/,
    /\\i in line \d+/,
    /statement in line \d+: PostgreSQL 18's parser does not understand it/,
    /setting of the server reaches out/,
    /library reaches out/,
  ])
    expect(
      said.some((each) => part.test(each)),
      `${part}\n${said.join('\n')}`,
    ).toBe(true);
});

test('what is no whole dump is refused in one sentence', async () => {
  const target = await database(newestMajor(), 'SELECT 1');
  const refuses = async (text: string, words: RegExp): Promise<void> => {
    const { code, stdout, stderr } = await trueup([
      'audit',
      '--database-url',
      target,
      '--from',
      file('d.sql', text),
    ]);
    expect(stderr).toMatch(words);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr.trim().split('\n')).toHaveLength(2);
  };
  await refuses(
    DUMP.slice(0, DUMP.indexOf('\\.\n')),
    /is cut off: it ends within the rows that began in line \d+/,
  );
  await refuses(DUMP.replace(END, ''), /is cut off: the line "PostgreSQL database dump complete" is missing/);
  await refuses("SET client_encoding = 'LATIN1';", /is in the encoding LATIN1/);
  await refuses('\\connect a\nCREATE TABLE t ();\n\\connect b\n', /is a dump of several databases/);
  // A mark of the encoding is none of the first word.
  await refuses('\uFEFF\\connect a\nCREATE TABLE t ();\n\\connect b\n', /is a dump of several databases/);
  await refuses('hello world', /creates no objects that can be compared/);
});
