import { describe, expect, it } from 'vitest';
import {
  type AlarmEvent,
  buildAlarmName,
  buildMetricNamespace,
  buildWorkloadAlarmName,
  computeAlarmWindow,
  computeRescanWindow,
  isWorkloadAlarm,
  listAlarmNames,
  parseAlarmSignature,
  readDueTime,
  SETTLE_MS,
} from '../../lambda/page/alarm';

const MINUTE = 60_000;
const at = (text: string): number => Date.parse(`2026-11-21T${text}Z`);

function event(reasonData: unknown, timestamp = '2026-11-21T12:36:15.490+0000'): AlarmEvent {
  return {
    source: 'aws.cloudwatch',
    alarmArn: 'arn:aws:cloudwatch:eu-west-1:1:alarm:x',
    accountId: '1',
    region: 'eu-west-1',
    alarmData: {
      alarmName: 'x',
      state: {
        value: 'ALARM',
        reason: 'Threshold Crossed',
        timestamp,
        ...(reasonData === undefined ? {} : { reasonData: JSON.stringify(reasonData) }),
      },
      configuration: { metrics: [{ metricStat: { period: 60 } }] },
    },
  };
}

describe('the window of an alarm', () => {
  it('begins before the first datapoint that it looked at, and ends shortly after its change', () => {
    const { fromMs, untilIngestedMs } = computeAlarmWindow(
      event({
        version: '1.0',
        queryDate: '2026-11-21T12:36:15.488+0000',
        startDate: '2026-11-21T12:31:00.000+0000',
        period: 60,
        recentDatapoints: [2],
        evaluatedDatapoints: [{ timestamp: '2026-11-21T12:31:00.000+0000', sampleCount: 2, value: 2 }],
      }),
    );
    expect(fromMs).toBe(at('12:30:00'));
    expect(untilIngestedMs).toBe(at('12:36:15.490') + SETTLE_MS);
  });
  it('is a quarter of an hour where the alarm does not say', () => {
    for (const reasonData of [undefined, {}, { startDate: 'never' }])
      expect(computeAlarmWindow(event(reasonData)).fromMs).toBe(at('12:20:15.490'));
    const broken = event(undefined);
    (broken.alarmData.state as { reasonData: string }).reasonData = '{';
    expect(computeAlarmWindow(broken).fromMs).toBe(at('12:20:15.490'));
  });
  it('begins with the first of its datapoints, and a period before the change at the latest', () => {
    const seen = (...times: (string | undefined)[]) =>
      computeAlarmWindow(event({ evaluatedDatapoints: times.map((timestamp) => ({ timestamp })) })).fromMs;
    expect(seen('2026-11-21T12:34:00.000+0000', '2026-11-21T12:32:00.000+0000', undefined)).toBe(
      at('12:31:00'),
    );
    expect(seen('2026-11-21T12:36:15.000+0000')).toBe(at('12:34:15.490'));
    expect(seen('2026-11-21T13:32:00.000+0100')).toBe(at('12:31:00'));
    expect(seen('2026-11-21T07:02:00.000-0530')).toBe(at('12:31:00'));
  });
  it('a period is a minute where the alarm does not say', () => {
    const spans = [
      { metrics: [{ metricStat: { period: 300 } }] },
      { metrics: [{ metricStat: {} }] },
      { metrics: [{}] },
      { metrics: [] },
      {},
      undefined,
    ].map((configuration) => {
      const { alarmData } = event({ startDate: '2026-11-21T12:36:15.490+0000' });
      const changed = { alarmData: { ...alarmData, configuration } } as unknown as AlarmEvent;
      return at('12:36:15.490') - MINUTE - computeAlarmWindow(changed).fromMs;
    });
    expect(spans).toEqual([5 * MINUTE, MINUTE, MINUTE, MINUTE, MINUTE, MINUTE]);
  });
  it('needs a time', () => {
    expect(() => computeAlarmWindow(event(undefined, 'yesterday'))).toThrow(/does not say when/);
  });
});

describe('looking again', () => {
  const alarm = { name: 'x', sinceMs: at('12:00:00') };
  const look = (time: string) => computeRescanWindow(alarm, at(time), 5 * MINUTE);
  it('neighboring looks share no moment and leave none out', () => {
    const looks = ['12:01:00', '12:06:00', '12:11:00', '12:16:00'].map((time) => look(time)!);
    expect(looks[0]!.newAfterMs).toBe(alarm.sinceMs + SETTLE_MS);
    for (let i = 1; i < looks.length; i++) expect(looks[i]!.newAfterMs).toBe(looks[i - 1]!.untilIngestedMs);
    expect(looks.every(({ fromMs }) => fromMs < alarm.sinceMs)).toBe(true);
  });
  it('an alarm that is up for days: what is new is read from a few minutes back, what was before from hours back', () => {
    const days = { name: 'x', sinceMs: at('12:00:00') - 3 * 24 * 60 * MINUTE };
    const { fromMs, newFromMs, newAfterMs } = computeRescanWindow(days, at('12:00:00'), 5 * MINUTE)!;
    expect(newAfterMs - newFromMs).toBe(16 * MINUTE);
    expect(newAfterMs - fromMs).toBe(6 * 60 * MINUTE);
    const fresh = look('12:01:00')!;
    expect(fresh.newFromMs).toBeGreaterThanOrEqual(fresh.fromMs);
  });
  it('has nothing to do while the page of the alarm covers it', () => {
    expect(look('11:59:00')).toBeNull();
    expect(look('12:00:20')).toBeNull();
    expect(look('12:00:21')).not.toBeNull();
  });
  it('reads the time of the schedule', () => {
    expect(readDueTime({ action: 'look-again', time: '2026-11-21T12:00:00Z' })).toBe(at('12:00:00'));
    expect(() => readDueTime({ action: 'look-again', time: '<time>' })).toThrow(/schedule does not say when/);
  });
});

it('an alarm says by its name which errors it counts', () => {
  expect(parseAlarmSignature('Shop', buildAlarmName('Shop', 'on-conflict'))).toBe('on-conflict');
  expect(parseAlarmSignature('Shop', buildAlarmName('Other', 'on-conflict'))).toBeNull();
  expect(parseAlarmSignature('Shop', 'Shop-heartbeat')).toBeNull();
});

it('names of alarms and of their metrics', () => {
  expect(listAlarmNames('Shop')).toContain('Shop-on-conflict');
  expect(buildMetricNamespace('Shop')).toBe('Trueup/Shop');
  expect(buildWorkloadAlarmName('Shop', 'app')).toBe('Shop-workload-app');
  const names = [
    'Shop-workload-app',
    'Shop-workload-',
    'Shop-not-null',
    'Other-workload-app',
    'app-Shop-workload-',
  ];
  expect(names.map((name) => isWorkloadAlarm('Shop', name))).toEqual([true, true, false, false, false]);
});
