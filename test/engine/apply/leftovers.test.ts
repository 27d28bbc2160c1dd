/** What a build that was broken off leaves behind: an INVALID index of ours is dropped and built again. */
import type { Client } from 'pg';
import { describe, expect, test } from 'vitest';
import type { Migration } from '../../../lambda/contract/manifest';
import { MAX_INDEX_ATTEMPTS } from '../../../lambda/engine/time/limits';
import { busyManifest } from '../../support/busy-manifest';
import { connect, createDatabase, majors } from '../../support/database';
import { type EngineRun, run, up } from '../../support/engine';
import { manifestOf, migration } from '../../support/manifest';
import { applications, type Build, building, holdUp, INDEXES, untilRow } from '../../support/watching';

const [tables, index] = busyManifest.migrations;
const PHASE = 'waiting for writers before build';

const reindex = (what: string, name: string | null): Migration =>
  migration('0003_reindex', {
    up: [
      {
        sql: `REINDEX ${what} CONCURRENTLY ${name ?? 'child'}`,
        execution: 'non-transactional',
        target: {
          kind: 'index',
          action: 'reindex',
          name,
          schema: null,
          table: name ? null : 'child',
        } as never,
      },
    ],
    verify:
      "SELECT 'INVALID: ' || indexrelid::regclass FROM pg_index WHERE NOT indisvalid AND indrelid = 'child'::regclass",
  });

/** Ends the session of a build that something holds up. */
async function breakOff(
  url: string,
  work: () => Promise<EngineRun>,
  before: (c: Client) => Promise<unknown>,
) {
  const holder = await holdUp(url, PHASE);
  const running = work();
  const client = await connect(url);
  const build = await untilRow<Build>(client, building(PHASE));
  await before(client);
  await client.query('SELECT pg_terminate_backend($1)', [build.pid]);
  return { holder, running, client, build };
}

const nothing = async () => {};
const valid = [
  { name: 'child_note', valid: true },
  { name: 'child_parent', valid: true },
];

describe.each(majors())('PostgreSQL %i', (major) => {
  const prepared = async (): Promise<string> => {
    const url = await createDatabase(major);
    await up(url, manifestOf(tables!));
    return url;
  };

  test('an INVALID unique index of our own is dropped and built again', async () => {
    const url = await prepared();
    const all = manifestOf(tables!, index!);
    const { holder, running, client, build } = await breakOff(url, () => run(url, all), nothing);
    await holder.query('COMMIT');
    const { outcome } = await running;
    expect(outcome).toMatchObject({ status: 'done', report: { applied: ['0002_index'] } });
    expect((await client.query(INDEXES)).rows).toEqual(valid);
    const { rows } = await client.query("SELECT 'child_note'::regclass::oid AS index");
    expect(rows[0].index).not.toBe(build.index);
    expect(await applications(url)).toEqual({ '0001_tables': 1, '0002_index': 1 });
    await expect(client.query("INSERT INTO child VALUES (99, 1, 'n1')")).rejects.toMatchObject({
      code: '23505',
    });
  });

  test('a bounded number of times, and none of them leaves an INVALID index', async () => {
    const url = await prepared();
    const all = manifestOf(tables!, index!);
    const { holder, running, client } = await breakOff(
      url,
      () => run(url, all),
      (c) =>
        c.query('UPDATE trueup.migrations SET attempts = $1 WHERE running_statement = 0', [
          MAX_INDEX_ATTEMPTS - 1,
        ]),
    );
    // To drop it waits like building it.
    await holder.query('COMMIT');
    const { outcome } = await running;
    expect(outcome).toMatchObject({
      status: 'failed',
      error: {
        code: 'statement',
        migration: '0002_index',
        statement: 1,
        message: 'CREATE UNIQUE was started 5 times and never finished',
        remedy: expect.stringContaining('long transactions'),
      },
    });
    expect((await client.query(INDEXES)).rows).toEqual([]);
    await up(url, all);
    expect((await client.query(INDEXES)).rows).toEqual(valid);
  });

  test.each([
    ['INDEX', 'child_note'],
    ['TABLE', null],
  ])('REINDEX %s: the copy that it left is dropped, what others left is not', async (what, name) => {
    const url = await prepared();
    await up(url, manifestOf(tables!, index!));
    const all = manifestOf(tables!, index!, reindex(what, name));
    const admin = await connect(url);
    await admin.query(`CREATE TABLE other (id int); INSERT INTO other VALUES (1), (1);
      CREATE INDEX child_mine_ccnew ON child (done)`);
    await admin.query('CREATE UNIQUE INDEX CONCURRENTLY other_ccnew ON other (id)').catch(() => {});
    const { holder, running, client } = await breakOff(
      url,
      () => run(url, all),
      async (c) => {
        const left = await c.query(
          "SELECT FROM pg_index WHERE NOT indisvalid AND indrelid = 'child'::regclass",
        );
        expect(left.rowCount).toBeGreaterThan(0);
      },
    );
    await holder.query('COMMIT');
    expect((await running).outcome).toMatchObject({ status: 'done', report: { applied: ['0003_reindex'] } });
    expect((await client.query(INDEXES)).rows).toEqual([{ name: 'child_mine_ccnew', valid: true }, ...valid]);
    const others = await client.query(
      "SELECT indisvalid AS valid FROM pg_index WHERE indrelid = 'other'::regclass",
    );
    expect(others.rows).toEqual([{ valid: false }]);
  });
});
