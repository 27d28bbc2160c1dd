/** A folder that wants out of the database: the server of our own runs it without a superuser's rights, and says so. */
import { existsSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { folderOf } from '../adopt/support';
import { trueup } from '../cli/trueup';
import { connect, createDatabase, outerMajors } from '../support/database';

const MARK = join(tmpdir(), `trueup-hostile-${process.pid}`);

/**
 * One a file: each would make the mark, read a file, or become somebody else. The programs read what COPY sends: one that ends
 * before that may break its pipe, which is an error of its own.
 */
const HOSTILE: readonly string[] = [
  `COPY (SELECT 1) TO PROGRAM 'cat > ${MARK}'`,
  `COPY (SELECT 1) TO '${MARK}'`,
  "CREATE TABLE passwords (line text); COPY passwords FROM '/etc/passwd'",
  `ALTER SYSTEM SET archive_command = 'touch ${MARK}'`,
  "SELECT pg_read_file('/etc/passwd')",
  "SELECT pg_read_binary_file('PG_VERSION')",
  "SELECT pg_ls_dir('/')",
  "SELECT lo_import('/etc/passwd')",
  `SELECT lo_export(lo_create(0), '${MARK}')`,
  'SET ROLE trueup_scratch',
  'SET SESSION AUTHORIZATION trueup_scratch',
  'CREATE ROLE another SUPERUSER',
  'ALTER ROLE CURRENT_USER SUPERUSER',
  'GRANT pg_execute_server_program TO CURRENT_USER',
  "ALTER ROLE trueup_scratch PASSWORD 'known'",
  'UPDATE pg_authid SET rolsuper = true',
  "CREATE FUNCTION run(text) RETURNS int LANGUAGE c AS 'libc', 'system'",
  "CREATE FUNCTION own(text) RETURNS text LANGUAGE internal AS 'pg_read_file'",
  'CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw',
  "CREATE EXTENSION dblink; SELECT dblink_connect('host=127.0.0.1 user=trueup_scratch')",
  `DO $$ BEGIN EXECUTE 'COPY (SELECT 1) TO PROGRAM ''cat > ${MARK}'''; END $$`,
  "LOAD '/tmp/any.so'",
];

describe.each(outerMajors())('PostgreSQL %i', (major) => {
  test('nothing happens, and each is said', async () => {
    const url = await createDatabase(major);
    const client = await connect(url);
    // Whoever has the right makes the mark.
    await client.query(HOSTILE[0]!);
    expect(existsSync(MARK)).toBe(true);
    rmSync(MARK);
    const files = Object.fromEntries(
      HOSTILE.map((sql, i) => [
        `${i + 1}_hostile.up.sql`,
        `${sql};\nCREATE TABLE after_${i + 1} (id int);\n`,
      ]),
    );
    await client.query(
      `CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL); INSERT INTO schema_migrations VALUES (${HOSTILE.length}, false);
       ${HOSTILE.map((_, i) => `CREATE TABLE after_${i + 1} (id int);`).join('\n')}`,
    );
    const adopted = await trueup(['adopt', folderOf(files), '--database-url', url, '--json']);
    const { notReplayed, findings } = JSON.parse(adopted.stdout);
    const said = new Set(notReplayed.map(({ entry }: { entry: string }) => Number(entry)));
    expect(HOSTILE.filter((_, i) => !said.has(i + 1))).toEqual([]);
    expect(existsSync(MARK)).toBe(false);
    // What else the files hold is replayed all the same.
    expect(findings.filter(({ object }: { object: string }) => /after_/.test(object))).toEqual([]);
    expect(adopted.stdout + adopted.stderr).not.toMatch(/root:|nologin/);
  });
});
