/** The search path that a role or a database is given: what a migration makes of it for the running application's statements. */
import { beforeAll, describe, expect, test } from 'vitest';
import { type PostgresServer, startPostgres } from '../../../lib/scratch-postgres/server';
import { withClient } from '../../support/client';
import { connect, majors } from '../../support/database';
import { run, up } from '../../support/engine';
import { manifestOf, migration, promising } from '../../support/manifest';

const TABLES = migration('0001_notes', {
  up: ['CREATE TABLE notes (id int PRIMARY KEY)', 'CREATE SCHEMA shop', 'CREATE TABLE shop.notes (id int)'],
});
const NEXT = migration('0003_next', { up: ['CREATE TABLE other (id int)'] });
const TEXT = 'SELECT id FROM notes WHERE id = $1';

describe.each(majors())('PostgreSQL %i', (major) => {
  const role = 'app';
  // What is set for a role in all databases is seen by everybody on the server: an audit compares it.
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres({ major });
    return () => server.stop();
  });

  let databases = 0;
  /** @param set what new sessions of the role have before; @param searchPath what the workload's file says */
  const changed = async (set: string | null, searchPath: string | null, ...statements: string[]) => {
    const database = `paths_${++databases}`;
    await withClient(server.url(), async (admin) => {
      await admin.query(`DROP ROLE IF EXISTS ${role}; CREATE ROLE ${role}`);
      if (set !== null) await admin.query(`ALTER ROLE ${role} SET search_path = ${set}`);
      await admin.query(`CREATE DATABASE ${database}`);
    });
    const url = server.url(database);
    const promised = { text: TEXT, role, searchPath };
    await up(url, promising(manifestOf(TABLES), promised));
    const change = migration('0002_change', {
      up: statements.map((each) => each.replace('DATABASE here', `DATABASE ${database}`)),
    });
    return { url, ...(await run(url, promising(manifestOf(TABLES, change, NEXT), promised))) };
  };
  const refused = (sqlstate: string | undefined, why: string) => ({
    status: 'failed',
    error: {
      code: 'workload',
      migration: '0002_change',
      ...(sqlstate ? { sqlstate } : {}),
      details: [expect.stringContaining(why)],
    },
  });

  test.each([
    [
      null,
      null,
      [`ALTER ROLE ${role} SET search_path = nowhere`],
      '42P01',
      'a table or view that it names does not exist',
    ],
    [
      null,
      null,
      ['ALTER DATABASE here SET search_path = nowhere'],
      '42P01',
      'a table or view that it names does not exist',
    ],
    [null, null, [`ALTER ROLE ${role} SET search_path = shop`], undefined, '(public.notes, now shop.notes)'],
    [
      'public, shop',
      'public, shop',
      [`ALTER ROLE ${role} SET search_path = shop, public`],
      undefined,
      'leads to another object',
    ],
    [
      'public, shop',
      null,
      [`DO $$ BEGIN ALTER ROLE ${role} SET search_path = shop; END $$`],
      undefined,
      'leads to another object',
    ],
  ] as const)(
    'set for it: %j, said in the file: %j, then %j',
    async (set, said, statements, sqlstate, why) => {
      const { outcome } = await changed(set, said, ...statements);
      expect(outcome).toMatchObject(refused(sqlstate, why));
    },
  );

  test.each([
    // It sets its path itself: what is set for it changes nothing.
    ['shop', 'public', [`ALTER ROLE ${role} SET search_path = nowhere`]],
    [null, null, [`ALTER ROLE ${role} SET search_path = public, shop`]],
    ['public', 'public', [`ALTER ROLE ${role} SET search_path = nowhere, public`]],
  ] as const)('passes; set for it: %j, said in the file: %j, then %j', async (set, said, statements) => {
    const { outcome, url } = await changed(set, said, ...statements);
    expect(outcome).toMatchObject({ status: 'done', report: { applied: ['0002_change', '0003_next'] } });
    expect(outcome.report.workload?.broken).toEqual([]);
    const [now] = (
      await (
        await connect(url)
      ).query(
        `SELECT trueup._check_running_workload(jsonb_build_object('namespace', (SELECT name FROM trueup.namespaces), 'budgetMs', 9000, 'most', 9)) AS found`,
      )
    ).rows;
    expect(now.found).toMatchObject({ statements: 1, plan: 1, broken: 0 });
  });
});
