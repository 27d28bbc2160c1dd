/** What somebody's own code raises reaches the person at the command line, and nothing that is kept or sent. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { handleRequest } from '../../../lambda/migrate/actions';
import { connectPg } from '../../../lambda/postgres/pg';
import { createLocalOperations } from '../../../lib/cli/database/local';
import { compileFolder } from '../../../lib/compiler';
import { trueup } from '../../cli/trueup';
import { connect, createDatabase, majors } from '../../support/database';
import { request } from '../../support/manifest';

const folder = mkdtempSync(join(tmpdir(), 'trueup-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

const GUARD = 'run load-tariffs for Jane Doe first, she owes 300';
const guard = (code: string) => `-- migrate:up
CREATE TABLE tariffs (id int);
DO $$ BEGIN RAISE EXCEPTION '${GUARD}' USING ERRCODE = '${code}'; END $$;
-- migrate:no-verify for a test
-- migrate:consent destroys for a test
`;
const write = async (text: string) => {
  writeFileSync(join(folder, '0001_guard.sql'), text);
  return compileFolder(folder);
};

describe.each(majors())('PostgreSQL %i', (major) => {
  test.each(['P0001', '42P01', '23505', 'ZZ123'])('RAISE under %s in a migration', async (code) => {
    const url = await createDatabase(major);
    const manifest = await write(guard(code));
    const target = { pg: { url }, label: 'here' };
    const here = createLocalOperations({ target, manifest, namespace: 'app' });
    const outcome = await here.up({ id: 'one', deadline: Date.now() + 20_000 });
    expect(outcome).toMatchObject({
      status: 'failed',
      error: {
        message: GUARD,
        sqlstate: code,
        remedy: expect.stringMatching(/^Code in this database raised it/),
      },
    });
    const client = await connect(url);
    const kept = await client.query(
      'SELECT (SELECT json_agg(d) FROM trueup.deployments d)::text || (SELECT json_agg(e) FROM trueup.events e)::text AS t',
    );
    expect(kept.rows[0].t).toMatch(/message is withheld/);
    expect(kept.rows[0].t).not.toMatch(/Jane|owes/);
    // As a function's answer, and as its log has it.
    const told: unknown[] = [];
    const answer = await handleRequest(
      { action: 'converge', request: request(manifest) },
      {
        settings: { namespace: 'app', ownerRole: null },
        manifest,
        connect: () => connectPg({ url }),
        progress: (event) => void told.push(event),
        deadline: Date.now() + 20_000,
      },
    );
    expect(JSON.stringify([answer, told])).toMatch(/message is withheld/);
    expect(JSON.stringify([answer, told])).not.toMatch(/Jane|owes/);
  });

  test('an event trigger that forbids what Trueup itself does', async () => {
    const url = await createDatabase(major);
    const client = await connect(url);
    await client.query(`CREATE FUNCTION no_ddl() RETURNS event_trigger LANGUAGE plpgsql
        AS 'BEGIN RAISE EXCEPTION $$freeze until Monday: ask Jane$$; END';
      CREATE EVENT TRIGGER no_ddl ON ddl_command_start EXECUTE FUNCTION no_ddl()`);
    await write('-- migrate:up\nSELECT 1;\n-- migrate:no-verify for a test\n');
    const { stderr, code } = await trueup(['up', folder, '--database-url', url]);
    expect(stderr).toMatch(
      /the server refused Trueup's own statement: freeze until Monday: ask Jane \[SQLSTATE/,
    );
    expect(stderr).toMatch(/Code in this database raised it/);
    expect(stderr).not.toMatch(/report this|withheld/);
    expect(code).toBe(1);
  });

  test('a verify section that raises', async () => {
    const url = await createDatabase(major);
    await (await connect(url)).query(
      `CREATE FUNCTION check_it() RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION $$not yet$$; END'`,
    );
    await write('-- migrate:up\nCREATE TABLE t (id int);\n-- migrate:verify\nSELECT check_it();\n');
    const { stdout } = await trueup(['up', folder, '--database-url', url, '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      error: { message: 'its verify section could not run: not yet' },
    });
  });
});
