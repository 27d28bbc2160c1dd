/** What the guard costs: round trips, and what it leaves unplanned rather than be in the way. */
import { describe, expect, test } from 'vitest';
import { connect, createDatabase, majors } from '../../support/database';
import { run, up } from '../../support/engine';
import { manifestOf, migration, promising } from '../../support/manifest';
import { startProxy } from '../../support/proxy';

const lock = (relation: string) => [{ relation, mode: 'ACCESS EXCLUSIVE' as const, created: false }];
const first = migration('0001_first', { up: ['CREATE TABLE a (id int)', 'CREATE TABLE b (id int)'] });
const more = Array.from({ length: 20 }, (_, i) =>
  migration(`00${i + 10}_more`, { up: [`ALTER TABLE a ADD COLUMN c${i} int`] }),
);

async function roundTrips(major: number, promises: readonly string[]): Promise<number[]> {
  const direct = new URL(await createDatabase(major));
  const proxy = await startProxy({ target: { host: direct.hostname, port: Number(direct.port) } });
  const url = proxy.url(direct.href);
  const of = async (...migrations: (typeof first)[]): Promise<number> => {
    const before = proxy.roundTrips();
    const manifest = manifestOf(first, ...migrations);
    await up(url, promises.length === 0 ? manifest : promising(manifest, ...promises));
    return proxy.roundTrips() - before;
  };
  try {
    return [await of(), await of(more[0]!), await of(more[0]!)];
  } finally {
    await proxy.close();
  }
}

describe.each(majors())('PostgreSQL %i', (major) => {
  test('at most two round trips more a run, and none where there is nothing to do', async () => {
    const without = await roundTrips(major, []);
    const withOne = await roundTrips(major, ['SELECT id FROM a', 'SELECT id FROM b']);
    expect(withOne[0]! - without[0]!).toBe(1);
    expect(withOne[1]! - without[1]!).toBe(2);
    expect(withOne[2]).toBe(without[2]);
  });

  test('nothing is planned, and nothing of the guard is sent, where no application promises anything', async () => {
    const url = await createDatabase(major);
    await up(url, manifestOf(first));
    const client = await connect(url);
    await client.query(`CREATE OR REPLACE FUNCTION trueup._plan(asked jsonb) RETURNS jsonb LANGUAGE plpgsql AS
      'BEGIN RAISE EXCEPTION ''planned''; END'`);
    const { report } = await up(url, manifestOf(first, ...more));
    expect(report.applied).toHaveLength(20);
    expect(report.workload).toBeUndefined();
  });

  test('a budget that runs out leaves statements unplanned that the migration does not touch, and says how many', async () => {
    const url = await createDatabase(major);
    await up(url, promising(manifestOf(first), 'SELECT id FROM b', 'SELECT 1 + id FROM b'));
    const brief = migration('0002_brief', {
      up: [{ sql: 'ALTER TABLE a ADD COLUMN note text', locks: lock('a') }],
      settings: { statementTimeoutMs: 290 },
    });
    const { report } = await up(url, promising(manifestOf(first, brief), 'SELECT id FROM b'));
    expect(report.workload).toMatchObject({ notGuarded: { budget: 2 }, broken: [] });
    expect(report.warnings).toEqual([
      'before a commit, some statements were not planned again (2: there was no time left to plan it)',
    ]);
  });

  test('a table that the application holds is not waited for; its statement is not planned, the others are guarded', async () => {
    const url = await createDatabase(major);
    const manifest = manifestOf(first);
    await up(url, promising(manifest, 'SELECT id FROM a', 'SELECT id FROM b'));
    const [client, application] = [await connect(url), await connect(url)];
    await client.query(
      "INSERT INTO trueup.deployments (namespace, id, direction, manifest_hash, entries, request, outcome) VALUES ('app', 'd', 'forward', '', '[]', '{}', 'running')",
    );
    await client.query(`SELECT trueup._plan_before('{"namespace":"app","deployment":"d","budgetMs":5000}')`);
    await application.query('BEGIN; LOCK TABLE b');
    const guard = `SELECT trueup._guard('{"namespace":"app","deployment":"d","migration":"m"}')`;
    await client.query(guard);
    const { rows } = await client.query(
      "SELECT detail -> 'notPlanned' AS \"notPlanned\" FROM trueup.events WHERE event = 'guarded'",
    );
    expect(rows).toEqual([{ notPlanned: { lock: 1 } }]);
    await client.query('BEGIN; ALTER TABLE a RENAME COLUMN id TO number');
    await expect(client.query(guard)).rejects.toMatchObject({
      code: 'TU005',
      message: expect.stringMatching(/^\{[^$]*\}$/),
    });
    await client.query('ROLLBACK');
    await application.query('ROLLBACK');
  });

  test('the message of a refusal holds numbers and codes alone', async () => {
    const url = await createDatabase(major);
    await up(
      url,
      promising(manifestOf(first), ...Array.from({ length: 7 }, (_, i) => `SELECT id, ${i + 1} + $1 FROM a`)),
    );
    const drop = migration('0002_drop', { up: [{ sql: 'DROP TABLE a', locks: lock('a') }] });
    const { outcome } = await run(url, promising(manifestOf(first, drop)));
    expect(outcome).toMatchObject({
      status: 'failed',
      error: { message: '7 statements that the running application sends would no longer work' },
    });
    if (outcome.status === 'failed') expect(outcome.error.details).toHaveLength(6);
    if (outcome.status === 'failed') expect(outcome.error.details?.at(-1)).toBe('and 2 more');
  });
});
