/** A runner that is killed while the server is at a statement that takes long: the server goes on without it. */
import { describe, expect, test } from 'vitest';
import { busyManifest } from '../../support/busy-manifest';
import { connect, createDatabase, majors } from '../../support/database';
import { progressed, run, runUntil, up } from '../../support/engine';
import { manifestOf, migration } from '../../support/manifest';
import { bundled, startScript, writeJson } from '../../support/processes';
import {
  applications,
  type Build,
  building,
  HOLDS,
  holdUp,
  INDEXES,
  type Phase,
  SLEEPING,
  untilRow,
} from '../../support/watching';

const [tables, index] = busyManifest.migrations;
const script = bundled('doomed-runner');
/** It kills itself at no call. */
const start = (url: string, manifest: string) => startScript(script, [url, manifest, 'never', '0']);

const slow = manifestOf(
  migration('0001_before', { up: ['CREATE TABLE before ()'] }),
  migration('0002_slow', {
    up: ['CREATE TABLE slow (n int)', 'INSERT INTO slow VALUES (1)', 'SELECT pg_sleep(1)'],
    verify: "SELECT 'not one row' WHERE (SELECT count(*) FROM slow) <> 1",
  }),
  migration('0003_after', { up: ['CREATE TABLE after ()'] }),
);

describe.each(majors())('PostgreSQL %i', (major) => {
  test.each(Object.keys(HOLDS) as Phase[])('killed while its build is %s', async (phase) => {
    const url = await createDatabase(major);
    await up(url, manifestOf(tables!));
    const manifest = manifestOf(tables!, index!);
    const holder = await holdUp(url, phase);
    const client = await connect(url);
    const runner = start(url, writeJson(manifest));
    const { pid, index: built } = await untilRow<Build>(client, building(phase));
    runner.kill();
    await runner.ended;
    const waiting = await runUntil(progressed(`pid ${pid} `), url, manifest, {}, 700);
    expect(waiting.outcome).toMatchObject({
      status: 'continue',
      progress: expect.stringContaining(`pid ${pid} is at CREATE UNIQUE INDEX CONCURRENTLY (${phase}`),
    });
    const next = run(url, manifest);
    await holder.query('COMMIT');
    expect((await next).outcome).toMatchObject({ status: 'done', report: { applied: ['0002_index'] } });
    expect(await applications(url)).toEqual({ '0001_tables': 1, '0002_index': 1 });
    expect((await client.query(INDEXES)).rows).toEqual([
      { name: 'child_note', valid: true },
      { name: 'child_parent', valid: true },
    ]);
    // The build that nobody waited for is the one that counts.
    const { rows } = await client.query("SELECT 'child_note'::regclass::oid AS index");
    expect(rows).toEqual([{ index: built }]);
  });

  test('killed in the middle of a long transaction: it commits with its ledger row, and is not run again', async () => {
    const url = await createDatabase(major);
    const client = await connect(url);
    const runner = start(url, writeJson(slow));
    await untilRow(client, SLEEPING);
    runner.kill();
    await runner.ended;
    const { outcome } = await run(url, slow);
    expect(outcome).toMatchObject({ status: 'done', report: { position: '0003_after' } });
    expect(await applications(url)).toEqual({ '0001_before': 1, '0002_slow': 1, '0003_after': 1 });
    expect((await client.query('SELECT n FROM slow')).rows).toEqual([{ n: 1 }]);
  });

  test('its session ended too, in the middle of a long transaction: nothing of that one is left, and it is run again', async () => {
    const url = await createDatabase(major);
    const client = await connect(url);
    const runner = start(url, writeJson(slow));
    const { pid } = await untilRow<{ pid: number }>(client, SLEEPING);
    runner.kill();
    await runner.ended;
    await client.query(`SELECT pg_terminate_backend(${pid})`);
    const { outcome } = await run(url, slow);
    expect(outcome).toMatchObject({
      status: 'done',
      report: { applied: ['0002_slow', '0003_after'], position: '0003_after' },
    });
    expect(await applications(url)).toEqual({ '0001_before': 1, '0002_slow': 1, '0003_after': 1 });
    expect((await client.query('SELECT n FROM slow')).rows).toEqual([{ n: 1 }]);
  });
});
