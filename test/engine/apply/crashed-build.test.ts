/** The server crashes in the middle of a build: the index is INVALID, the lock between runners gone, the ledger there. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PostgresServer, startPostgres } from '../../../lib/scratch-postgres/server';
import { busyManifest } from '../../support/busy-manifest';
import { connect, majors, urlOf } from '../../support/database';
import { run, up } from '../../support/engine';
import { manifestOf, migration } from '../../support/manifest';
import { applications, building, HOLDS, holdUp, INDEXES, type Phase, untilRow } from '../../support/watching';

const [tables] = busyManifest.migrations;
const build = (unique: boolean) =>
  migration('0002_build', {
    up: [
      {
        sql: `CREATE ${unique ? 'UNIQUE ' : ''}INDEX CONCURRENTLY child_note ON child (note)`,
        execution: 'non-transactional',
        target: { kind: 'index', action: 'create', name: 'child_note', schema: null, table: 'child', unique },
      },
    ],
    verify: `SELECT * FROM trueup.is_indexed('child', ARRAY['note'], ${unique})`,
  });

describe.each(majors())('PostgreSQL %i', (major) => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres({ major });
  });
  afterAll(() => server.stop());

  const cases = [true, false].flatMap((unique) =>
    (Object.keys(HOLDS) as Phase[]).map((phase) => [unique ? 'UNIQUE ' : '', phase, unique] as const),
  );
  test.each(cases)('CREATE %sINDEX CONCURRENTLY, %s', async (_, phase, unique) => {
    const database = `${unique ? 'u' : 'p'}_${phase.replaceAll(' ', '_')}`;
    await (await connect(server.url())).query(`CREATE DATABASE ${database}`);
    const url = urlOf(server.url(), { database });
    const all = manifestOf(tables!, build(unique));
    await up(url, manifestOf(tables!));
    await holdUp(url, phase);
    const running = run(url, all, {}, { connectPatienceMs: 0 });
    await untilRow(await connect(url), building(phase));
    await server.restart('immediate');
    await running;
    const client = await connect(url);
    expect((await client.query(INDEXES)).rows).toEqual([{ name: 'child_note', valid: false }]);
    expect((await client.query("SELECT FROM pg_locks WHERE locktype = 'advisory'")).rows).toEqual([]);
    const next = await up(url, all);
    expect(next.report).toMatchObject({ applied: ['0002_build'], pending: [] });
    expect((await client.query(INDEXES)).rows).toEqual([{ name: 'child_note', valid: true }]);
    expect(await applications(url)).toEqual({ '0001_tables': 1, '0002_build': 1 });
  });
});
