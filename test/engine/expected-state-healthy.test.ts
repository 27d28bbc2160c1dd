/** Folders whose own files take back, replace or move what they made: nothing of that is drift. */
import { beforeAll, describe, expect, it } from 'vitest';
import { verify } from '../../lambda/engine';
import { compileFiles } from '../../lib/compiler';
import { asSuperuser, createDatabase, majors } from '../support/database';
import { contextFor, up } from '../support/engine';

const APP = 'healthy_app';
const OWNER = 'healthy_owner';

const compiled = (files: readonly string[]) =>
  compileFiles(
    files.map((sql, i) => ({
      name: `000${i + 1}_m.sql`,
      bytes: Buffer.from(
        `-- migrate:consent destroys a test\n-- migrate:no-verify a test\n-- migrate:up\n${sql}\n`,
      ),
    })),
  );

const GRANTED = `CREATE TABLE t (id int PRIMARY KEY); GRANT SELECT, INSERT ON t TO ${APP};`;
const FUNCTION = "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';";
const PRIVATE = `REVOKE EXECUTE ON FUNCTION f() FROM PUBLIC;`;

const HEALTHY: Readonly<Record<string, readonly string[]>> = {
  'a body replaced in a DO block': [
    FUNCTION,
    "DO $$ BEGIN EXECUTE 'CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS ''SELECT 2'''; END $$;",
  ],
  'a body replaced by a function that is called': [
    `${FUNCTION} CREATE FUNCTION mk() RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE
      'CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS ''SELECT 3'''; END $$; SELECT mk();`,
  ],
  'rights of all tables revoked': [GRANTED, `REVOKE ALL ON ALL TABLES IN SCHEMA public FROM ${APP};`],
  'rights of all functions revoked': [
    `${FUNCTION} ${PRIVATE} GRANT EXECUTE ON FUNCTION f() TO ${APP};`,
    `REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM ${APP};`,
  ],
  'rights revoked in a DO block': [GRANTED, `DO $$ BEGIN EXECUTE 'REVOKE ALL ON t FROM ${APP}'; END $$;`],
  'DROP OWNED': [GRANTED, `DROP OWNED BY ${APP};`],
  'another owner': [`${GRANTED} ALTER TABLE t OWNER TO ${APP};`, `ALTER TABLE t OWNER TO ${OWNER};`],
  'a table that took the place of another': [
    GRANTED,
    'ALTER TABLE t RENAME TO t_old; CREATE TABLE t (id bigint PRIMARY KEY);',
  ],
  'a view made again': [
    `CREATE VIEW v AS SELECT 1 AS a; GRANT SELECT ON v TO ${APP};`,
    'DROP VIEW v; CREATE VIEW v AS SELECT 2 AS b;',
  ],
  'a materialized view made again': [
    `CREATE MATERIALIZED VIEW v AS SELECT 1 AS a; GRANT SELECT ON v TO ${APP};`,
    'DROP MATERIALIZED VIEW v; CREATE MATERIALIZED VIEW v AS SELECT 2 AS b;',
  ],
  'a sequence made again': [
    `CREATE SEQUENCE s; GRANT USAGE ON SEQUENCE s TO ${APP};`,
    'DROP SEQUENCE s; CREATE SEQUENCE s;',
  ],
  'a serial’s sequence, made again with its table': [
    `CREATE TABLE u (id serial); GRANT USAGE ON SEQUENCE u_id_seq TO ${APP};`,
    'DROP TABLE u; CREATE TABLE u (id serial);',
  ],
  'a schema made again': [
    `CREATE SCHEMA x; GRANT USAGE ON SCHEMA x TO ${APP}; CREATE TABLE x.t (id int); GRANT SELECT ON x.t TO ${APP};`,
    'DROP SCHEMA x CASCADE; CREATE SCHEMA x; CREATE TABLE x.t (id int);',
  ],
  'a schema that took the place of another': [
    `CREATE SCHEMA x; CREATE TABLE x.t (id int); GRANT SELECT ON x.t TO ${APP};
     CREATE FUNCTION x.g() RETURNS int LANGUAGE sql AS 'SELECT 1';`,
    'ALTER SCHEMA x RENAME TO y; CREATE SCHEMA x; CREATE TABLE x.t (id int);',
  ],
  'a function made again': [
    `${FUNCTION} ${PRIVATE} GRANT EXECUTE ON FUNCTION f() TO ${APP};`,
    `DROP FUNCTION f(); ${FUNCTION} ${PRIVATE}`,
  ],
  'one of two functions of a name is gone': [
    `CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE FUNCTION f(text) RETURNS int LANGUAGE sql AS 'SELECT 2';
     REVOKE ALL ON FUNCTION f(int), f(text) FROM PUBLIC; GRANT EXECUTE ON FUNCTION f(int) TO ${APP};`,
    'DROP FUNCTION f(int);',
  ],
  'rights on columns beside those on the table': [
    `CREATE TABLE t (id int PRIMARY KEY, note text); GRANT SELECT (id), INSERT ON t TO ${APP};`,
  ],
  'rights that went with those of another role': [
    `CREATE TABLE t (id int); GRANT SELECT ON t TO ${OWNER} WITH GRANT OPTION;
     GRANT SELECT ON t TO ${APP};`,
    `REVOKE SELECT ON t FROM ${APP}, ${OWNER} CASCADE;`,
  ],
  'lines that end in CR LF, and escapes': [
    'CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$\r\nBEGIN\r\n  RETURN 1;\r\nEND $$;\r\n' +
      "CREATE FUNCTION g() RETURNS text LANGUAGE sql AS E'SELECT ''\\u00e4\\tö''::text';",
  ],
  'a function renamed, and another under its name': [
    FUNCTION,
    "ALTER FUNCTION f() RENAME TO g; CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 5';",
  ],
};

describe.each(majors())('PostgreSQL %i', (major) => {
  beforeAll(async () => {
    for (const role of [APP, OWNER])
      await asSuperuser(
        major,
        `DO $$ BEGIN CREATE ROLE ${role}; EXCEPTION WHEN duplicate_object THEN NULL; END $$`,
      );
  });
  it.each(Object.entries(HEALTHY))('%s', async (_name, files) => {
    const url = await createDatabase(major);
    const manifest = await compiled(files);
    await up(url, manifest);
    const { findings, errors, pending } = await verify(contextFor(url, manifest), 'app');
    expect({ findings, errors, pending }).toEqual({ findings: [], errors: [], pending: [] });
  });
});
