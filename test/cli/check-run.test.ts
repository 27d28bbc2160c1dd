/** `check --run` runs files that may be a stranger's: with consent to anything, they get no further than their database. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { majors } from '../support/database';
import { trueup } from './trueup';

const scratch = mkdtempSync(join(tmpdir(), 'trueup-test-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const checkRun = async (major: number, ...ups: string[]) => {
  const folder = mkdtempSync(join(scratch, 'f-'));
  ups.forEach((up, i) => {
    writeFileSync(
      join(folder, `000${i + 1}_a.sql`),
      `-- migrate:consent destroys x\n-- migrate:consent rewrites x\n-- migrate:no-verify x\n-- migrate:up\n${up}\n`,
    );
  });
  return trueup(['check', '--run', '--major', String(major), folder]);
};

describe.each(majors())('PostgreSQL %i', (major) => {
  test('what a superuser may is not to be had', async () => {
    const file = join(tmpdir(), `trueup-${process.pid}-${major}`);
    const attempts = {
      'a program': `COPY (SELECT 1) TO PROGRAM 'touch ${file}'`,
      'a program, by a role of its own making': `DO $do$ BEGIN CREATE ROLE r; GRANT pg_execute_server_program TO r, CURRENT_USER;
        SET LOCAL ROLE r; COPY (SELECT 1) TO PROGRAM 'touch ${file}'; END $do$`,
      'a file': `COPY (SELECT 1) TO '${file}'`,
      'what is in a file': 'CREATE TABLE f (t text); COPY f FROM $f$/etc/passwd$f$',
      'a superuser': 'CREATE ROLE r SUPERUSER',
      'the rights of another': 'SET LOCAL SESSION AUTHORIZATION postgres',
      'a setting of the server': 'ALTER SYSTEM SET work_mem = 64',
      'the function of an extension': `CREATE OR REPLACE FUNCTION trueup_trial_extensions.extension_1() RETURNS void LANGUAGE sql AS ''`,
    };
    const each = Object.entries(attempts).map(
      ([
        what,
        sql,
      ]) => `BEGIN EXECUTE $sql$${sql}$sql$; got := array_append(got, '${what}'); EXCEPTION WHEN OTHERS THEN
        IF SQLSTATE NOT IN ('42501', '42704', '25001') THEN RAISE; END IF; END;`,
    );
    const tried = `CREATE EXTENSION pageinspect;
      DO $all$ DECLARE got text[] := '{}'; BEGIN ${each.join('\n')} ASSERT got = '{}', got::text; END $all$;`;
    expect(await checkRun(major, tried)).toMatchObject({
      code: 0,
      stderr: expect.not.stringContaining('error'),
    });
    expect(existsSync(file)).toBe(false);
  });

  test.each(['dblink', 'postgres_fdw', 'file_fdw', 'plperlu'])(
    'an extension that reaches further is not created: %s',
    async (extension) => {
      const { code, stdout, stderr } = await checkRun(major, `CREATE EXTENSION IF NOT EXISTS ${extension};`);
      expect(code).toBe(1);
      expect(stdout + stderr).toContain(
        `the extension ${extension} is not created on the scratch server: it may access other hosts, files or programs`,
      );
    },
  );

  test('roles, extensions of both kinds, in schemas of the folder, and what they make', async () => {
    const { code, stderr, stdout } = await checkRun(
      major,
      `CREATE SCHEMA ext; CREATE ROLE app; GRANT CONNECT ON DATABASE trueup_trial TO app;
       CREATE EXTENSION IF NOT EXISTS pgcrypto SCHEMA ext; CREATE EXTENSION pageinspect WITH SCHEMA ext;
       CREATE TABLE t (id uuid DEFAULT gen_random_uuid()); REVOKE ALL ON SCHEMA public FROM PUBLIC;`,
      `CREATE TABLE ext.u (id int); DO $$ BEGIN PERFORM ext.digest('a', 'md5'), 'ext.page_header'::regproc; END $$;
       DROP EXTENSION pageinspect; CREATE EXTENSION pg_stat_statements;`,
    );
    expect([code, stderr]).toEqual([0, expect.not.stringContaining('error')]);
    expect(stdout).toContain('2 migrations');
  });
});
