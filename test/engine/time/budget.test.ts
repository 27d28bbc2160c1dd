/** A slice's time is over in the middle of something: it answers *continue*, and the next one goes on from there. */
import { describe, expect, test } from 'vitest';
import type { ConvergeOutcome } from '../../../lambda/contract/converge';
import { down } from '../../../lambda/engine';
import { GRACE_MS } from '../../../lambda/engine/time/limits';
import { connect, createDatabase } from '../../support/database';
import { contextFor, run, up } from '../../support/engine';
import { manifestOf, migration } from '../../support/manifest';
import { applications } from '../../support/watching';

const rows = migration('0001_rows', {
  up: [
    'CREATE TABLE many (id int PRIMARY KEY, times int NOT NULL)',
    'INSERT INTO many SELECT n, 0 FROM generate_series(1, 60) n',
  ],
});
/** A round of ten rows takes 0.15 s, all of them a good second. */
const backfill = migration('0002_backfill', {
  up: [
    {
      sql: `WITH part AS (SELECT id, pg_sleep(0.015) FROM many WHERE times = 0 LIMIT 10)
        UPDATE many SET times = times + 1 FROM part WHERE many.id = part.id`,
      execution: 'batch',
    },
  ],
  verify: "SELECT 'row ' || id FROM many WHERE times <> 1",
});
const slow = migration('0003_slow', {
  up: ['CREATE TABLE slow ()', 'SELECT pg_sleep(3)'],
  down: ['SELECT pg_sleep(3)', 'DROP TABLE slow'],
  verify: "SELECT 'no table' WHERE to_regclass('slow') IS NULL",
});

/**
 * Slices with the same id, until one does not answer *continue*. Each has a little more time than the one before: on a busy
 * machine the first ones may end before anything is sent.
 */
async function slices(
  call: (deadline: number) => Promise<ConvergeOutcome>,
  sliceMs: number,
): Promise<ConvergeOutcome[]> {
  const outcomes: ConvergeOutcome[] = [];
  do {
    const deadline = Date.now() + sliceMs * 1.25 ** outcomes.length;
    outcomes.push(await call(deadline));
    // The promise is a time. What is under way gets its grace; what is sent gets no more than that.
    expect(Date.now()).toBeLessThan(deadline + GRACE_MS + 10_000);
  } while (outcomes.at(-1)!.status === 'continue' && outcomes.length < 30);
  return outcomes;
}

/** On a busy machine the first slices may end before anything is sent. */
const begun = (outcomes: readonly ConvergeOutcome[]): ConvergeOutcome[] =>
  outcomes.filter((o) => o.status !== 'continue' || !o.progress.startsWith('the time budget ran out'));

describe('the time is over', () => {
  test('batches: what is committed counts, and no row is changed twice', async () => {
    const url = await createDatabase();
    const client = await connect(url);
    const all = manifestOf(rows, backfill);
    await up(url, manifestOf(rows));
    const done: number[] = [];
    const outcomes = await slices(async (deadline) => {
      const { outcome } = await run(url, all, { id: 'one' }, { deadline });
      done.push((await client.query('SELECT sum(times)::int AS n FROM many')).rows[0].n);
      return outcome;
    }, 450);
    expect(outcomes.length).toBeGreaterThan(1);
    const partial = done.findIndex((rows) => rows > 0);
    expect(done[partial]).toBeLessThan(60);
    expect(outcomes[partial]).toMatchObject({
      status: 'continue',
      progress: 'the time budget ran out before 0002_backfill',
      report: { applied: [], pending: ['0002_backfill'] },
    });
    expect(done).toEqual([...done].sort((a, b) => a - b));
    expect(done.at(-1)).toBe(60);
    expect(outcomes.at(-1)).toMatchObject({
      status: 'done',
      report: { applied: ['0002_backfill'], pending: [], position: '0002_backfill' },
    });
    expect(await applications(url)).toEqual({ '0001_rows': 1, '0002_backfill': 1 });
  });

  test('a long statement in a transaction: the server ends it, the next slices find it at work and then done', async () => {
    const url = await createDatabase();
    const all = manifestOf(slow);
    const outcomes = await slices(
      async (deadline) => (await run(url, all, { id: 'one' }, { deadline })).outcome,
      300,
    );
    expect(begun(outcomes).length).toBeGreaterThan(2);
    expect(begun(outcomes)[0]).toMatchObject({
      status: 'continue',
      progress: 'the server is still running a long statement',
    });
    expect(begun(outcomes)[1]).toMatchObject({
      status: 'continue',
      progress: expect.stringMatching(/^pid \d+ /),
      waitingFor: { code: 'busy' },
    });
    expect(outcomes.at(-1)).toMatchObject({
      status: 'done',
      report: { applied: ['0003_slow'], pending: [] },
    });
    expect(await applications(url)).toEqual({ '0003_slow': 1 });
  });

  test('a long down: undone once, and reported by the slice that comes after', async () => {
    const url = await createDatabase();
    const all = manifestOf(rows, { ...slow, statements: slow.statements.slice(0, 1) });
    await up(url, all);
    const asked = { id: 'down', namespace: 'app', owner: null, name: '0003_slow' };
    const outcomes = await slices((deadline) => down({ ...contextFor(url, all), deadline }, asked), 300);
    expect(begun(outcomes).length).toBeGreaterThan(2);
    expect(begun(outcomes)[0]).toMatchObject({
      status: 'continue',
      progress: expect.stringContaining('long statement'),
    });
    expect(outcomes.at(-1)).toMatchObject({
      status: 'done',
      report: { undone: ['0003_slow'], position: '0001_rows' },
    });
    const client = await connect(url);
    expect((await client.query("SELECT to_regclass('slow') AS there")).rows).toEqual([{ there: null }]);
    const events = await client.query("SELECT migration FROM trueup.events WHERE event = 'undone'");
    expect(events.rows).toEqual([{ migration: '0003_slow' }]);
  });

  test('no time at all: nothing is changed', async () => {
    const url = await createDatabase();
    await up(url, manifestOf(rows));
    const deadline = Date.now() - 1;
    const { outcome } = await run(url, manifestOf(rows, slow), {}, { deadline });
    expect(outcome).toMatchObject({
      status: 'continue',
      progress: 'the time budget ran out before 0003_slow',
    });
    const asked = { id: 'down', namespace: 'app', owner: null, name: '0003_slow' };
    await up(url, manifestOf(rows, { ...slow, statements: slow.statements.slice(0, 1) }));
    expect(await down({ ...contextFor(url, manifestOf(rows, slow)), deadline }, asked)).toMatchObject({
      status: 'continue',
      progress: 'the time budget ran out before 0003_slow was undone',
    });
    expect(await applications(url)).toEqual({ '0001_rows': 1, '0003_slow': 1 });
  });
});
