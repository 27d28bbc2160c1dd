/** Requests whose time is past, and deployments that are taken for others. */
import { describe, expect, test } from 'vitest';
import { connect, createDatabase, majors } from '../../support/database';
import { run, up } from '../../support/engine';
import { manifestOf, migration } from '../../support/manifest';

const owner = { account: '1', region: 'eu-west-1', stackName: 'app' };
const base = migration('0001_base', { up: ['CREATE TABLE base (id int)'] });
const index = migration('0002_index', {
  up: ['CREATE INDEX base_id ON base (id)'],
  down: ['DROP INDEX base_id'],
});
const old = manifestOf(base);
const next = manifestOf(base, index);
const at = (minute: number): string => new Date(Date.UTC(2026, 0, 1, 12, minute)).toISOString();

describe.each(majors())('PostgreSQL %i', (major) => {
  test('a request that began before the newest in the ledger stops, although it never did anything', async () => {
    const url = await createDatabase(major);
    await up(url, old, { owner, startedAt: at(0) });
    // It waited for the lock while the rollback of its own deployment came and went.
    const failed = { manifestHash: next.hash, reportedSuccess: false } as const;
    await up(url, old, { owner, direction: 'rollback', failed, startedAt: at(2) });
    const { outcome } = await run(url, next, { owner, startedAt: at(1) });
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'busy' } });
    expect((await run(url, next, { owner, startedAt: at(3) })).outcome).toMatchObject({ status: 'done' });
  });

  test('an attempt that never came as far as the ledger is not taken for an older one of the same files', async () => {
    const url = await createDatabase(major);
    await up(url, old, { owner, startedAt: at(0) });
    // Kept, since something else failed after it.
    await up(url, next, { owner, startedAt: at(1) });
    const failed = { manifestHash: next.hash, reportedSuccess: true } as const;
    await up(url, old, { owner, direction: 'rollback', failed, startedAt: at(2) });
    // The same files once more, cancelled before they began.
    const cancelled = { manifestHash: next.hash, reportedSuccess: false, since: at(3) } as const;
    const back = await up(url, old, { owner, direction: 'rollback', failed: cancelled, startedAt: at(4) });
    expect(back.report).toMatchObject({
      undone: [],
      kept: [{ name: '0002_index', reason: expect.stringContaining('not the one that failed') }],
    });
    const client = await connect(url);
    expect((await client.query("SELECT to_regclass('base_id') AS there")).rows).toEqual([
      { there: 'base_id' },
    ]);
  });
});
