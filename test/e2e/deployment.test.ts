/**
 * One deployment from its beginning to its end, for every change: created with its alarms, an error is paged, an update fails
 * and is rolled back, and the stacks are destroyed. The other files of this folder have the rest.
 */
import { CloudWatchClient, DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dumpCatalog } from '../support/dump-catalog';
import { type CdkRun, reason } from './support/cdk';
import { deployments, type File, histories } from './support/migrations';
import {
  available,
  cdk,
  clientConfig,
  logEvents,
  physicalId,
  stackEvents,
  stackStatus,
} from './support/scenario';
import { BROKEN, ID_DEFAULT, Watched } from './support/watched';

const NAME = 'first';
const MARK = 'CANARY';
const NOT_TRUE: File = { up: `COMMENT ON TABLE lead_purchases IS 'sold';`, holds: 'false' };

describe.runIf(available())('a deployment', () => {
  const watched = new Watched(NAME);
  const { stacks } = watched;
  let deployed: CdkRun;

  const catalog = () => dumpCatalog(watched.rds.adminUrl('app'));

  beforeAll(async () => {
    deployed = await watched.start();
  });

  afterAll(() => watched.stop());

  test('create: the migration is applied, and an alarm watches for each kind of error', async () => {
    expect(await histories(watched.rds, 'app', NAME)).toEqual({ '0001_as_found': ['applied'] });
    const { MetricAlarms = [] } = await new CloudWatchClient(clientConfig()).send(
      new DescribeAlarmsCommand({ AlarmNamePrefix: stacks.watch }),
    );
    const names = MetricAlarms.map(({ AlarmName }) => AlarmName!);
    for (const kind of ['not-null', 'on-conflict', 'uuid-function', 'key-types', 'duplicate-key'])
      expect(
        names.filter((name) => name.endsWith(`-${kind}`)),
        names.join(', '),
      ).toHaveLength(1);
  });

  test('an error: one page, with what the catalog says', async () => {
    await watched.expectPageOfMissingDefault(MARK);
  });

  test('an update fails at its second migration: the code before it takes the first one back', async () => {
    const before = await catalog();
    const failed = await watched.deploy(
      { ...BROKEN, '0002_id_default': ID_DEFAULT, '0003_not_true': NOT_TRUE },
      stacks.schema,
    );
    expect(failed.exitCode, reason(failed)).toBe(1);
    expect(await stackStatus(stacks.schema)).toBe('UPDATE_ROLLBACK_COMPLETE');
    const failure = (await stackEvents(stacks.schema)).findLast(
      ({ ResourceType, ResourceStatus }) =>
        ResourceType === 'Custom::TrueupSchema' && ResourceStatus === 'UPDATE_FAILED',
    );
    expect(failure?.ResourceStatusReason).toContain('0003_not_true does not hold');
    expect(await histories(watched.rds, 'app', NAME)).toEqual({
      '0001_as_found': ['applied'],
      '0002_id_default': ['applied', 'undone'],
    });
    const rows = await deployments(watched.rds, 'app', NAME);
    expect(rows.at(-1)).toMatchObject({
      direction: 'rollback',
      outcome: 'done',
      manifest_hash: rows[0]!.manifest_hash,
      report: { undone: ['0002_id_default'], kept: [] },
    });
    expect(await catalog()).toEqual(before);
  });

  test('destroy: the stacks are gone, the schema stays, and nothing of ours holds a value of a row', async () => {
    const before = await catalog();
    const logs = await Promise.all([
      physicalId(stacks.watch, 'AWS::Logs::LogGroup', /Pager/).then(logEvents),
      physicalId(stacks.schema, 'AWS::Logs::LogGroup', /Log/).then(logEvents),
    ]);
    for (const events of logs) expect(events.length).toBeGreaterThan(0);
    expect(JSON.stringify([logs, watched.seen, watched.receiver.pages])).not.toContain(MARK);

    const destroyed = await cdk().destroy(['--all'], { app: deployed.assembly });
    expect(destroyed.exitCode, reason(destroyed)).toBe(0);
    for (const stack of Object.values(stacks)) expect(await stackStatus(stack)).toBeUndefined();
    expect(await catalog()).toEqual(before);
  });
});
