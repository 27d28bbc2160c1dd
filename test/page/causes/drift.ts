/** What the pages of the drift check have in common: their settings, the alarm, and functions that ask a real database. */
import type { Manifest } from '../../../lambda/contract/manifest';
import type { MigrateRequest } from '../../../lambda/contract/migrate';
import { handleRequest } from '../../../lambda/migrate/actions';
import type { AlarmEvent } from '../../../lambda/page/alarm';
import type { PageSettings } from '../../../lambda/page/page-settings';
import { connectPg } from '../../../lambda/postgres/pg';
import { contextFor } from '../../support/engine';

export const SETTINGS: PageSettings = {
  prefix: 'Shop',
  topicArn: 'arn:aws:sns:eu-west-1:1:pages',
  logGroups: [],
  functions: { shop: ['shop-ask'], stock: ['stock-ask'] },
  ignore: [],
  excludedRoles: [],
  rescanIntervalMs: 300_000,
  runbookUrl: 'https://example.com/runbooks/',
};

/** @param of the dimension of its metric. Null: it has none */
export const driftAlarm = (alarmName: string, of: string | null): AlarmEvent => ({
  source: 'aws.cloudwatch',
  alarmArn: 'arn:x',
  accountId: '1',
  region: 'eu-west-1',
  alarmData: {
    alarmName,
    state: { value: 'ALARM', timestamp: '2026-11-22T10:00:00.000+0000' },
    configuration: {
      metrics: [
        { metricStat: { period: 3_600, ...(of ? { metric: { dimensions: { FunctionName: of } } } : {}) } },
      ],
    },
  },
});

/** What the function of this name answers. */
export const queryFunction = (url: string, manifest: Manifest, name: string, request: MigrateRequest) =>
  handleRequest(request, {
    ...contextFor(url, manifest),
    settings: {
      namespace: 'app',
      ownerRole: null,
      queryOnly: true,
      metricsOf: name.replace('-ask', '-migrate'),
    },
    connect: ({ forRecords = false } = {}) => connectPg({ url, readOnly: !forRecords }),
    progress: () => {},
  });
