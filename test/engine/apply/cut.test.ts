/** A connection that breaks, or a network that hangs, while the server is at a statement. */
import { describe, expect, test } from 'vitest';
import { GIVE_UP_AFTER_MS } from '../../../lambda/engine/time/limits';
import { busyManifest } from '../../support/busy-manifest';
import { connect, createDatabase, majors } from '../../support/database';
import { run, up } from '../../support/engine';
import { manifestOf, migration } from '../../support/manifest';
import { startProxy, type TcpProxy } from '../../support/proxy';
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
const indexed = manifestOf(tables!, index!);
const slow = manifestOf(
  migration('0001_slow', {
    up: ['CREATE TABLE slow (n int)', 'INSERT INTO slow VALUES (1)', 'SELECT pg_sleep(1)'],
    verify: "SELECT 'not one row' WHERE (SELECT count(*) FROM slow) <> 1",
  }),
  migration('0002_after', { up: ['CREATE TABLE after ()'] }),
);

const proxyFor = (url: string, onRoundTrip?: (n: number) => void): Promise<TcpProxy> =>
  startProxy({
    target: { host: '127.0.0.1', port: Number(new URL(url).port) },
    ...(onRoundTrip ? { onRoundTrip } : {}),
  });

const once = Object.fromEntries(busyManifest.migrations.map((m) => [m.name, 1]));
const reconnected = { type: 'waiting', for: 'database' };
const awaited = { type: 'waiting', for: 'runner' };

describe.each(majors())('PostgreSQL %i: cut', (major) => {
  test('in the middle of a transaction: the same run waits for what it sent itself, and does not send it again', async () => {
    const url = await createDatabase(major);
    const proxy = await proxyFor(url);
    const running = run(proxy.url(url), slow);
    const client = await connect(url);
    await untilRow(client, SLEEPING);
    proxy.cut();
    const { outcome, events } = await running;
    await proxy.close();
    expect(outcome).toMatchObject({ status: 'done', report: { applied: ['0001_slow', '0002_after'] } });
    expect(events).toEqual(
      expect.arrayContaining([expect.objectContaining(reconnected), expect.objectContaining(awaited)]),
    );
    expect(await applications(url)).toEqual({ '0001_slow': 1, '0002_after': 1 });
    expect((await client.query('SELECT n FROM slow')).rows).toEqual([{ n: 1 }]);
  });

  test.each(Object.keys(HOLDS) as Phase[])('while its build is %s: built once', async (phase) => {
    const url = await createDatabase(major);
    await up(url, manifestOf(tables!));
    const holder = await holdUp(url, phase);
    const proxy = await proxyFor(url);
    const running = run(proxy.url(url), indexed);
    const client = await connect(url);
    const { index: built } = await untilRow<Build>(client, building(phase));
    proxy.cut();
    // Only now does the new connection find the old one at work.
    await untilRow(
      client,
      "SELECT FROM pg_stat_activity WHERE query ~ 'pg_try_advisory' AND datname = current_database()",
    );
    await holder.query('COMMIT');
    const { outcome, events } = await running;
    await proxy.close();
    expect(outcome).toMatchObject({ status: 'done', report: { applied: ['0002_index'] } });
    expect(events).toEqual(expect.arrayContaining([expect.objectContaining(reconnected)]));
    expect(await applications(url)).toEqual({ '0001_tables': 1, '0002_index': 1 });
    expect((await client.query("SELECT 'child_note'::regclass::oid AS index")).rows).toEqual([
      { index: built },
    ]);
    expect((await client.query(INDEXES)).rows.every((row) => row.valid)).toBe(true);
  });
});

describe('a network that hangs', () => {
  /** The promise is a time: whoever called may not wait longer. */
  const inTime = (deadline: number): void =>
    expect(Date.now()).toBeLessThan(deadline + GIVE_UP_AFTER_MS + 2_500);

  test('in the middle of a long statement: the time budget ends the run, the server goes on, and so does the next run', async () => {
    const url = await createDatabase();
    const proxy = await proxyFor(url);
    const deadline = Date.now() + 1_500;
    const running = run(proxy.url(url), slow, {}, { deadline });
    const client = await connect(url);
    await untilRow(client, SLEEPING);
    proxy.pause();
    const { outcome } = await running;
    inTime(deadline);
    expect(outcome).toMatchObject({
      status: 'continue',
      progress: expect.stringContaining('server is still running'),
    });
    await up(url, slow);
    expect(await applications(url)).toEqual({ '0001_slow': 1, '0002_after': 1 });
    await proxy.close();
  });

  // Before the lock, with it, between two steps, in a build, at the end.
  test('after any message: the time budget ends the run, in clear words, and the next run goes on', async () => {
    const hang = async (n: number): Promise<string> => {
      const url = await createDatabase();
      const proxy: TcpProxy = await proxyFor(url, (trip) => {
        if (trip === n) proxy.pause();
      });
      const deadline = Date.now() + 1_000;
      const { outcome } = await run(proxy.url(url), busyManifest, {}, { deadline });
      inTime(deadline);
      await proxy.close();
      await up(url, busyManifest);
      expect(await applications(url)).toEqual(once);
      if (outcome.status === 'done') return 'done';
      expect(outcome.status).toBe('continue');
      return outcome.status === 'continue' ? outcome.progress : '';
    };
    const answers = await Promise.all([1, 2, 3, 4, 6, 9, 12, 15, 18, 21, 24, 27].map(hang));
    expect(answers).toContain('the database stopped answering');
    const words =
      /^(the database stopped answering$|the server is still running|the time budget ran out before)/;
    expect(answers.filter((answer) => !words.test(answer))).toEqual([]);
  });
});
