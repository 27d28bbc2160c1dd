/** What a run says it did, over its slices. */
import { describe, expect, test } from 'vitest';
import { busyManifest } from '../../support/busy-manifest';
import { connect, createDatabase } from '../../support/database';
import { run, up } from '../../support/engine';
import { manifestOf } from '../../support/manifest';

const [tables, index, reference] = busyManifest.migrations;

describe('a slice that ended between the last statement and its proof', () => {
  const unproved = async (deployment: string): Promise<string> => {
    const url = await createDatabase();
    await up(url, manifestOf(tables!, index!), { id: 'first' });
    const client = await connect(url);
    await client.query(
      "UPDATE trueup.deployments SET outcome = 'running', result = NULL; UPDATE trueup.migrations SET state = 'unverified', verified = false WHERE name = '0002_index'",
    );
    await client.query('UPDATE trueup.migrations SET deployment = $1', [deployment]);
    return url;
  };

  test('the next slice proves it, and reports it as applied', async () => {
    const url = await unproved('first');
    const { outcome } = await run(url, manifestOf(tables!, index!), { id: 'first' });
    expect(outcome).toMatchObject({
      status: 'done',
      report: { applied: ['0001_tables', '0002_index'], pending: [], position: '0002_index' },
    });
  });

  test('the next deployment proves it, and reports only its own', async () => {
    const url = await unproved('first');
    const { outcome } = await run(url, manifestOf(tables!, index!, reference!), { id: 'second' });
    expect(outcome).toMatchObject({
      status: 'done',
      report: { applied: ['0003_reference'], pending: [], position: '0003_reference' },
    });
  });

  test('nothing else is to be done: nothing is pending', async () => {
    const url = await unproved('first');
    const { outcome } = await run(url, manifestOf(tables!, index!), { id: 'second' });
    expect(outcome).toMatchObject({
      status: 'done',
      report: { applied: [], pending: [], position: '0002_index' },
    });
  });
});
