/** Several people, or machines, apply the same files at once: all of them succeed, and each says what was done meanwhile. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { ConvergeOutcome, ConvergeRequest } from '../../lambda/contract/converge';
import type { Manifest } from '../../lambda/contract/manifest';
import { down, readStatus } from '../../lambda/engine';
import { connect, createDatabase, majors } from '../support/database';
import { applied, contextFor, type EngineRun, run, runUntil, up } from '../support/engine';
import { manifestOf, migration } from '../support/manifest';

const slow = Array.from({ length: 6 }, (_, i) =>
  migration(`000${i + 1}_step${i}`, { up: [`CREATE TABLE t${i} ()`, 'SELECT pg_sleep(0.4)'] }),
);
const files = manifestOf(...slow);
const NAMES = slow.map(({ name }) => name);
const SLICE_MS = 900;

/** As the command line does: slice after slice, without the lock in between. */
async function inSlices(
  url: string,
  manifest: Manifest,
  id: string,
  change: Partial<ConvergeRequest> = {},
): Promise<ConvergeOutcome> {
  const begun = {};
  for (let sliceMs = SLICE_MS; ; sliceMs *= 1.25) {
    const { outcome } = await run(
      url,
      manifest,
      { id, ...change },
      { deadline: Date.now() + sliceMs, begun },
    );
    if (outcome.status !== 'continue') return outcome;
    await sleep(100);
  }
}

describe.each(majors())('PostgreSQL %i', (major) => {
  test('each that began, at whatever time, ends well, and reports what was applied while it ran', async () => {
    const url = await createDatabase(major);
    const first = inSlices(url, files, 'first');
    await sleep(1_000);
    const outcomes = await Promise.all([
      first,
      inSlices(url, files, 'second'),
      inSlices(url, files, 'third'),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['done', 'done', 'done']);
    expect(outcomes[0]!.report.applied.toSorted()).toEqual(NAMES);
    for (const { report } of outcomes.slice(1)) {
      expect(report.applied.length).toBeGreaterThan(0);
      expect(NAMES.slice(-report.applied.length)).toEqual(report.applied.toSorted());
    }
    const { rows } = await (await connect(url)).query('SELECT DISTINCT outcome FROM trueup.deployments');
    expect(rows).toEqual([{ outcome: 'done' }]);
  });

  test('one whose files are not those that won stops, and so does one beside which something was undone', async () => {
    const url = await createDatabase(major);
    const slice = await runUntil(applied, url, files, { id: 'first' }, SLICE_MS);
    expect(slice.outcome.status).toBe('continue');
    const more = manifestOf(...slow, migration('0007_more', { up: ['SELECT 7'] }));
    expect(await inSlices(url, more, 'second')).toMatchObject({ status: 'done' });
    const lost = await inSlices(url, files, 'first');
    expect(lost).toMatchObject({ status: 'failed', error: { code: 'busy' } });

    const other = await createDatabase(major);
    const undoable = migration('0001_undone', { up: ['SELECT 1'], down: ['SELECT 2'], undo: 'by-name' });
    const both = manifestOf(undoable, ...slow.slice(1));
    const cut = await runUntil(applied, other, both, { id: 'cut' }, 500);
    expect(cut.outcome.status).toBe('continue');
    await down(contextFor(other, both), { id: 'down', namespace: 'app', owner: null, name: '0001_undone' });
    expect((await run(other, both, { id: 'cut' })).outcome).toMatchObject({ error: { code: 'busy' } });
  });

  test("a stack's request ends whoever worked by hand", async () => {
    const url = await createDatabase(major);
    const owner = { account: '1', region: 'r', stackName: 'Shop' };
    const slice = await runUntil(applied, url, files, { id: 'hand' }, SLICE_MS);
    expect(slice.outcome.status).toBe('continue');
    await up(url, files, { owner });
    expect((await run(url, files, { id: 'hand' })).outcome).toMatchObject({ error: { code: 'busy' } });
  });

  test('the row of a process that died is shown as interrupted, and closed by the next run, which may have nothing to do', async () => {
    const url = await createDatabase(major);
    const one = manifestOf(slow[0]!);
    await up(url, one, { id: 'died' });
    const client = await connect(url);
    const open = (age: string) =>
      client.query(`UPDATE trueup.deployments SET outcome = 'running', result = NULL, finished_at = NULL WHERE id = 'died';
        UPDATE trueup.deployments SET started_at = clock_timestamp() - '${age}'::interval;
        UPDATE trueup.events SET at = clock_timestamp() - '${age}'::interval`);
    const shown = async () => (await readStatus(contextFor(url, one), 'app')).lastDeployment?.outcome;
    await open('10 s');
    expect(await shown()).toBe('running');
    await open('2 min');
    expect(await shown()).toBe('interrupted');
    expect((await up(url, one, { id: 'next' })).report.applied).toEqual([]);
    const { rows } = await client.query('SELECT id, outcome FROM trueup.deployments ORDER BY seq');
    expect(rows).toEqual([
      { id: 'died', outcome: 'interrupted' },
      { id: 'next', outcome: 'done' },
    ]);
    // It was not dead after all, or its machine comes back.
    expect(await up(url, one, { id: 'died' })).toMatchObject({ status: 'done' });
  });
});

test('a deployment whose end nobody recorded is one that failed, as long as none has succeeded since', async () => {
  const url = await createDatabase();
  const one = manifestOf(migration('0001_one', { up: ['CREATE TABLE one (id int)'] }));
  const owner = { account: '1', region: 'r', stackName: 'Shop' };
  await up(url, one, { id: 'killed', owner });
  const client = await connect(url);
  const shown = () => readStatus(contextFor(url, one), 'app');
  const open = (age: string) =>
    client.query(`UPDATE trueup.deployments SET outcome = 'running', result = NULL, finished_at = NULL,
      started_at = clock_timestamp() - '${age}'::interval WHERE id = 'killed';
      UPDATE trueup.events SET at = clock_timestamp() - '${age}'::interval`);
  // Between two slices nobody is at work either; CloudFormation waits for an hour at most.
  await open('50 min');
  expect((await shown()).lastDeployment).toMatchObject({ outcome: 'running' });
  await open('70 min');
  const after = await shown();
  expect(after.lastDeployment).toMatchObject({ id: 'killed', outcome: 'interrupted' });
  expect(after.lastDeployment).not.toHaveProperty('byHand');
  // A rollback comes at once, and has nothing to undo.
  await open('1 min');
  await run(url, one, { id: 'back', owner, direction: 'rollback' });
  expect((await shown()).lastFailure).toMatchObject({ id: 'killed', outcome: 'interrupted' });
  await up(url, one, { id: 'next', owner });
  expect((await shown()).lastFailure).toBeNull();
});

test('the rows and the time of a batch count over all its slices and runs', async () => {
  const url = await createDatabase();
  const client = await connect(url);
  await client.query('CREATE TABLE rows_ AS SELECT i AS id, 0 AS done FROM generate_series(1, 60) AS i');
  const batch = manifestOf(
    migration('0001_batch', {
      up: [
        {
          sql: 'UPDATE rows_ SET done = 1 WHERE id IN (SELECT id FROM rows_ WHERE done = 0 AND pg_sleep(0.01) IS NOT NULL LIMIT 10)',
          execution: 'batch',
        },
      ],
    }),
  );
  const hasBatch = ({ events }: EngineRun) => events.some(({ type }) => type === 'batch');
  const first = await runUntil(hasBatch, url, batch, { id: 'one' }, 400);
  expect(first.outcome.status).toBe('continue');
  const so = (events: typeof first.events) => events.flatMap((e) => (e.type === 'batch' ? [e.total] : []));
  expect(so(first.events).at(-1)).toBeLessThan(60);
  const second = await run(url, batch, { id: 'one' });
  expect(so(second.events).at(-1)).toBe(60);
  const [{ ms }] = (await client.query('SELECT duration_ms::int AS ms FROM trueup.migrations')).rows;
  const finished = second.events.find((e) => e.type === 'finished');
  expect(finished).toMatchObject({ type: 'finished', durationMs: expect.any(Number) });
  // What the ledger says, and what lies between two transactions of the last slice.
  if (finished?.type === 'finished') expect(finished.durationMs).toBeGreaterThanOrEqual(ms * 0.9);
});
