/**
 * Nobody who can only give a value, or a name, raises an alarm: our words inside the message of another error count for
 * nothing. The errors are those that quote what somebody gave, on real servers, as a literal and as a parameter.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { SIGNATURES } from '../../../lambda/defects/signatures';
import { readEventsOfFile } from '../../../lambda/page/logs/log-lines';
import { buildDatabasePatterns } from '../../../lib/constructs/alarms/log-patterns';
import { compileFilterPattern } from '../../support/aws/filter-pattern';
import { majors } from '../../support/database';
import { type LogServer, RDS_PREFIX, RDS_PREFIX_16, startLogServer } from '../../support/log-server';

/** One of each wording, as the server would write it. */
const WORDS: readonly (readonly [sqlstate: string, words: string])[] = [
  ['23502', 'null value in column "x" of relation "t" violates not-null constraint'],
  ['23502', 'null value in column violates not-null constraint'],
  ['42P10', 'there is no unique or exclusion constraint matching the ON CONFLICT specification'],
  ['42704', 'constraint "c" for table "t" does not exist'],
  ['55000', 'ON CONFLICT does not support deferrable unique constraints/exclusion constraints as arbiters'],
  ['42809', 'ON CONFLICT DO UPDATE not supported with exclusion constraints'],
  ['42809', 'constraint in ON CONFLICT clause has no associated index'],
  ['23505', 'duplicate key value violates unique constraint "t_pkey"'],
  ['42883', 'function gen_random_uuid() does not exist'],
  ['42883', 'function public.uuid_generate_v4() does not exist'],
  ['42883', 'function uuidv7() does not exist'],
  ['42883', 'operator does not exist: uuid = character varying'],
  ['42883', 'operator does not exist: text = uuid'],
  ['42804', 'foreign key constraint "f" cannot be implemented'],
  ['42804', 'column "x" is of type uuid but expression is of type text'],
];
const FORGED = WORDS.flatMap(([sqlstate, words]) => [`ERROR:  ${words}`, `ERROR:  ${sqlstate}: ${words}`]);

/** Types whose input functions quote what they cannot read. */
const TYPES =
  `uuid smallint integer bigint numeric real float8 boolean date time timetz timestamp timestamptz interval
  json jsonb inet cidr macaddr macaddr8 point line lseg box path polygon circle bit varbit bytea oid pg_lsn tid xid cid
  money int4range daterange integer[] uuid[] txid_snapshot tsvector tsquery jsonpath regclass regproc regprocedure regoper
  regoperator regtype regrole regnamespace regconfig regdictionary mood pair positive`.split(/\s+/);

/** Functions and settings that quote their argument. */
const CALLS: readonly string[] = [
  'SELECT date_trunc($1, now())',
  'SELECT date_trunc($1, now()::timestamp)',
  "SELECT date_part($1, interval '1 day')",
  'SELECT date_part($1, current_time)',
  "SELECT to_date($1, 'YYYY-MM-DD')",
  "SELECT to_date($1, 'Month')",
  "SELECT to_timestamp($1, 'HH24:MI')",
  "SELECT to_number($1, '999')",
  'SELECT now() AT TIME ZONE $1',
  'SELECT make_timestamptz(2020, 1, 1, 1, 1, 1, $1)',
  "SELECT set_config('TimeZone', $1, false)",
  "SELECT set_config('DateStyle', $1, false)",
  "SELECT set_config('work_mem', $1, false)",
  "SELECT set_config('bytea_output', $1, false)",
  "SELECT set_config('role', $1, false)",
  "SELECT set_config('search_path', $1, false)",
  "SELECT set_config($1, 'x', false)",
  'SELECT current_setting($1)',
  "SELECT encode('x', $1)",
  "SELECT decode($1, 'hex')",
  "SELECT decode($1, 'base64')",
  "SELECT decode('00', $1)",
  "SELECT convert_from('x', $1)",
  "SELECT convert_to('x', $1)",
  "SELECT regexp_replace('x', '(' || $1, 'y')",
  "SELECT regexp_replace('x', 'x', 'y', $1)",
  "SELECT 'x' SIMILAR TO 'x' ESCAPE $1",
  "SELECT 'x' LIKE $1 || chr(92)",
  "SELECT jsonb_path_query('{}', ('$.' || $1)::jsonpath)",
  "SELECT to_tsquery('english', $1)",
  "SELECT to_tsvector($1::regconfig, 'x')",
  'SELECT format($1)',
  "SELECT format('%' || $1, 1)",
  'SELECT nextval($1)',
  "SELECT pg_get_serial_sequence($1, 'x')",
  "SELECT pg_get_serial_sequence('t', $1)",
  "SELECT has_table_privilege($1, 'select')",
  "SELECT has_table_privilege('t', $1)",
  "SELECT has_column_privilege('t', $1, 'select')",
  'SELECT pg_relation_size($1::text::regclass)',
  "SELECT * FROM jsonb_to_record(jsonb_build_object('n', $1)) AS r (n integer)",
  "SELECT jsonb_set('[1]', ARRAY[$1], '1')",
  "SELECT ('[1,2]'::jsonb) - $1::int",
  "SELECT jsonb_build_object('a', $1)::int",
  'SELECT ($1)::name::regclass',
  'SELECT lo_import($1)',
  'SELECT pg_read_file($1)',
  "SELECT normalize('x', NFC) || ($1)::int",
  'SELECT parse_ident($1)',
  'SELECT pg_size_bytes($1)',
  "SELECT array_to_string(string_to_array($1, ',')::int[], ',')",
  "SELECT ($1 || '-01-01')::date",
  "SELECT ('2020-13-45 ' || $1)::timestamp",
  "SELECT ('25:61:61 ' || $1)::time",
  "SELECT ('2020-01-01 00:00:00 ' || $1)::timestamptz",
  "SELECT repeat('9', 400)::float8",
  "SELECT ('[' || $1)::int4range",
  "SELECT ('{' || $1)::int[]",
  "SELECT ('(' || $1)::pair",
  "SELECT ('1.2.3.4/' || $1)::cidr",
  'SELECT dictionary($1)',
  "SELECT ts_lexize($1::regdictionary, 'x')",
  'SELECT CASE WHEN note = $1 THEN raised($1) END FROM t',
];
/** By whoever puts a visitor's words into an identifier, quoted as it should be: a column to sort by, a tenant's schema. */
const NAMES: readonly string[] = [
  'SELECT %I FROM t',
  'SELECT note FROM t ORDER BY t.%I',
  'SELECT * FROM %I',
  'SELECT * FROM %I.t',
  'SELECT 1::%I',
  "SELECT 'x' COLLATE %I",
  'SET ROLE %I',
  'INSERT INTO t (%I) VALUES (1)',
  'INSERT INTO t (note, note) SELECT %1$I, %1$I FROM t AS x',
  'UPDATE t SET %I = 1',
  'FETCH 1 FROM %I',
  'EXECUTE %I',
  'DROP TABLE %I',
  'DROP INDEX %I',
  'CREATE TABLE %I (a int)',
  'CREATE TABLE %I (a int)',
  'CREATE SCHEMA %I',
  'CREATE SCHEMA %I',
  'CREATE ROLE %I',
  'CREATE ROLE %I',
  'ALTER TABLE t DROP CONSTRAINT %I',
  'ALTER TABLE t ADD FOREIGN KEY (%I) REFERENCES t',
  'ALTER TABLE t ADD COLUMN note2 text, ADD COLUMN %1$I text, ADD COLUMN %1$I text',
  'SELECT a.%I FROM t AS a, t AS b',
  'SELECT x FROM (SELECT 1 AS %1$I, 2 AS %1$I) AS s (x) WHERE %1$I = 1',
  'SELECT %1$I FROM (SELECT 1 AS %1$I) AS a, (SELECT 1 AS %1$I) AS b',
  'SELECT * FROM t AS %1$I, t AS %1$I',
  'SAVEPOINT %I',
  'CLOSE %I',
  'DEALLOCATE %I',
  'NOTIFY %I',
  'SET SESSION AUTHORIZATION %I',
  'SET %I = 1',
  'SHOW %I',
  'CREATE EXTENSION %I',
  'SELECT * FROM t WINDOW w AS (ORDER BY note) ORDER BY sum(1) OVER %I',
];
/** Statements that are broken, where the server quotes the place. */
const BROKEN: readonly string[] = [
  'SELECT 1 %L',
  'SELECT %L %L',
  'SELECT 1 AS x %I y',
  'SELEC %L',
  "SELECT 'x",
  'SELECT * FROM t WHERE note = %L AND',
];
/** Words of a function's own, with a value in them. Those that begin with the very words of ours do count. */
const RAISED: readonly string[] = [
  'Order % was not found',
  'no order %',
  'cannot take %',
  'the name % is taken',
  'field % is missing',
  'Only one % is allowed',
  'operation % is not allowed',
  'order % was not found',
  '[api] % is wrong',
  '(%) is wrong',
  '409 %',
  'OK for %?',
  'new %',
  'this is not %',
];

const SETUP = `
  CREATE TABLE t (note text, other text);
  INSERT INTO t VALUES ('x', 'y');
  CREATE TYPE mood AS ENUM ('sad', 'ok');
  CREATE TYPE pair AS (a int, b int);
  CREATE DOMAIN positive AS int CHECK (value > 0);
  CREATE FUNCTION raised(text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'Order % was not found', $1; END $$`;

const FORMS: readonly (readonly [number, string])[] = majors().flatMap((major): [number, string][] => [
  [major, RDS_PREFIX],
  ...(major >= 16 ? [[major, RDS_PREFIX_16] as [number, string]] : []),
]);

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;
const identifier = (text: string): string => `"${text.replaceAll('"', '""')}"`;
const written = (template: string, words: string): string =>
  template.replace(/%(?:1\$)?([IL])/g, (_, how) => (how === 'I' ? identifier(words) : literal(words)));

describe.each(FORMS)('PostgreSQL %i with the prefix %s', (major, prefix) => {
  let server: LogServer;
  beforeAll(async () => {
    server = await startLogServer(major, { log_line_prefix: prefix, lc_messages: 'C' });
    await server.logged(async (client) => void (await client.query(SETUP)));
  });

  it.each(['default', 'verbose'])('%s: nobody’s words count', async (verbosity) => {
    const lines = await server.logged(async (client) => {
      await client.query(`SET log_error_verbosity = ${verbosity}`);
      const fails = (sql: string, values?: unknown[]) => client.query(sql, values as never).catch(() => {});
      for (const words of FORGED) {
        for (const type of TYPES) await fails(`SELECT ${literal(words)}::${type}`);
        for (const call of CALLS) await fails(call.replaceAll('$1', literal(words)));
        for (const template of [...NAMES, ...BROKEN]) await fails(written(template, words));
        for (const text of RAISED)
          await fails(`DO $$ BEGIN RAISE EXCEPTION ${literal(text)}, ${literal(words)}; END $$`);
        await fails('SELECT $1::uuid', [words]);
      }
    });
    const events: string[] = [];
    for await (const event of readEventsOfFile(lines)) events.push(event);
    const quoting = events.filter((event) => /ERROR: {2}.*ERROR: {2}/.test(event));
    expect(quoting.length).toBeGreaterThan(3_000);
    const counted = SIGNATURES.flatMap((signature) =>
      buildDatabasePatterns(signature).flatMap((pattern) => events.filter(compileFilterPattern(pattern))),
    ).map((event) => event.replace(/^.*?:\[\d+\]:/, '').split('\n')[0]);
    expect([...new Set(counted)]).toEqual([]);
  });
});
