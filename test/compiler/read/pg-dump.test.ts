/** What pg_dump prints is a migration as it is, by any version of it: its settings hold for the transaction alone. */
import { expect, test } from 'vitest';
import { connect, createDatabase, majors } from '../../support/database';
import { up } from '../../support/engine';
import { CONSENT, compile, compileUp, file, problemsOf } from '../support';

const DUMP = `--
-- PostgreSQL database dump
--

\\restrict aB3xY

-- Dumped from database version 18.1

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

CREATE FUNCTION public.early() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM public.later $$;

SET default_tablespace = '';

SET default_table_access_method = heap;

CREATE TABLE public.later (id integer NOT NULL);

\\unrestrict aB3xY
`;

test('its timeouts are left out, its other settings are local', async () => {
  const { statements } = await compileUp(DUMP);
  expect(statements.map(({ sql }) => sql.split('\n')[0])).toEqual([
    "SET LOCAL client_encoding = 'UTF8'",
    'SET LOCAL standard_conforming_strings = on',
    "SET LOCAL search_path = ''",
    'SET LOCAL check_function_bodies = false',
    'SET LOCAL xmloption = content',
    'SET LOCAL client_min_messages = warning',
    'SET LOCAL row_security = off',
    expect.stringMatching(/^CREATE FUNCTION/),
    "SET LOCAL default_tablespace = ''",
    'SET LOCAL default_table_access_method = heap',
    'CREATE TABLE public.later (id integer NOT NULL)',
  ]);
});

test.each([
  'SET statement_timeout = 5;',
  "SET search_path = '';",
  "SELECT pg_catalog.set_config('search_path', 'shop', false);",
  'SET work_mem = 64;',
  'SET standard_conforming_strings = off;',
  "SET client_encoding = 'LATIN1';",
  'SET row_security = off; CREATE INDEX CONCURRENTLY i ON t (a);',
])('%s is refused as ever', async (sql) => {
  expect(await problemsOf({ '0001_a.sql': CONSENT + file(sql) })).toHaveLength(1);
});

test.each(majors())('PostgreSQL %i takes it, and its session is as before', async (major) => {
  const url = await createDatabase(major);
  const next = `SELECT 1/(current_setting('search_path') <> '')::int, 1/(current_setting('check_function_bodies') = 'on')::int`;
  const manifest = await compile({
    '0001_dump.sql': CONSENT + file(DUMP),
    '0002_next.sql': CONSENT + file(next),
  });
  expect((await up(url, manifest)).report.applied).toHaveLength(2);
  expect((await (await connect(url)).query('SELECT early()')).rows).toEqual([{ early: '0' }]);
});
