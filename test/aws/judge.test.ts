/** Each judgment on events as assumed, and on events that are otherwise: it must be able to say both, and that it cannot say. */
import { describe, expect, it, test } from 'vitest';
import {
  type Attempt,
  judgeCancelled,
  judgeClocks,
  judgeNested,
  judgeNoRollback,
  judgePolls,
  judgeRollback,
  judgeWaiting,
} from './judge';
import type { Received, StackLine } from './received';
import { exitCode, resultLines, seenLocally, summary } from './report';
import { allows, forceSsl, type Parameter, refusals } from './steps/engine-parameters';
import { isChildOf, judgeStopped } from './steps/map-stopped';

const T = 1_795_382_000_000;
const at = (seconds: number): number => T + seconds * 1_000;

const received = (seconds: number, of: Partial<Received> & Pick<Received, 'phase' | 'now'>): Received => ({
  at: at(seconds),
  answered: false,
  code: of.now,
  type: 'Update',
  request: `to ${of.now}`,
  before: null,
  seen: {
    status: 'UPDATE_IN_PROGRESS',
    events: [{ of: 'resource', status: 'CREATE_COMPLETE', atMs: at(-900) }],
  },
  ...of,
});
const line = (seconds: number, of: string, status: string, reason?: string): StackLine => ({
  of,
  type: of === 'stack' ? 'AWS::CloudFormation::Stack' : 'AWS::CloudFormation::CustomResource',
  status,
  ...(reason === undefined ? {} : { reason }),
  at: at(seconds),
});
const rolling = { status: 'UPDATE_ROLLBACK_IN_PROGRESS', events: [] };

const GOOD: Attempt = {
  ours: 'Deployment',
  good: '1',
  bad: '2',
  received: [
    received(1, { phase: 'request', now: '2', before: '1' }),
    received(2, { phase: 'poll', now: '2', before: '1' }),
    received(7, { phase: 'poll', now: '2', before: '1' }),
    received(12, { phase: 'poll', now: '2', before: '1', answered: true }),
    received(30, { phase: 'request', now: '1', before: '2', seen: rolling }),
    received(31, { phase: 'poll', now: '1', before: '2', answered: true, seen: rolling }),
  ],
  events: [
    line(0, 'stack', 'UPDATE_IN_PROGRESS'),
    line(0.5, 'Deployment', 'UPDATE_IN_PROGRESS'),
    line(13, 'Deployment', 'UPDATE_COMPLETE'),
    line(25, 'Service', 'UPDATE_FAILED', 'it does not come up'),
    line(26, 'stack', 'UPDATE_ROLLBACK_IN_PROGRESS'),
    line(29, 'Deployment', 'UPDATE_IN_PROGRESS'),
    line(32, 'Deployment', 'UPDATE_COMPLETE'),
    line(40, 'stack', 'UPDATE_ROLLBACK_COMPLETE'),
  ],
};
const changed = (change: (each: Received) => Partial<Received>): Attempt => ({
  ...GOOD,
  received: GOOD.received.map((each) => ({ ...each, ...change(each) })),
});
const isBack = (each: Received) => each.now === '1';
const outcomes = (findings: readonly { readonly outcome: string }[]) =>
  findings.map(({ outcome }) => outcome);

describe('a rollback', () => {
  test('as assumed', () => expect(outcomes(judgeRollback(GOOD))).toEqual(Array(4).fill('as-assumed')));
  test('that calls the new code', () =>
    expect(outcomes(judgeRollback(changed((each) => (isBack(each) ? { code: '2' } : {}))))[0]).toBe(
      'otherwise',
    ));
  test('with other old properties', () =>
    expect(outcomes(judgeRollback(changed((each) => (isBack(each) ? { before: '1' } : {}))))[1]).toBe(
      'otherwise',
    ));
  test('whose status is not up to date within a minute', () => {
    const stale = { status: 'UPDATE_IN_PROGRESS', events: [] };
    const late = changed((each) =>
      isBack(each) ? { seen: stale, at: each.at + (each.answered ? 61_000 : 0) } : {},
    );
    expect(outcomes(judgeRollback(late))[2]).toBe('otherwise');
    const short = changed((each) => (isBack(each) ? { seen: stale } : {}));
    expect(outcomes(judgeRollback(short))[2]).toBe('not-settled');
  });
  test('that the events do not show', () =>
    expect(
      outcomes(judgeRollback({ ...GOOD, events: GOOD.events.filter(({ of }) => of !== 'stack') }))[3],
    ).toBe('otherwise'));
  test('that never came', () =>
    expect(outcomes(judgeRollback({ ...GOOD, received: GOOD.received.slice(0, 4) }))).toEqual([
      'not-settled',
    ]));
});

describe('while CloudFormation waits', () => {
  test('as assumed', () => expect(judgeWaiting(GOOD).outcome).toBe('as-assumed'));
  test('the status changes', () =>
    expect(
      judgeWaiting(
        changed((each) => (each.at === at(7) ? { seen: { status: 'UPDATE_COMPLETE', events: [] } } : {})),
      ).outcome,
    ).toBe('otherwise'));
  test('an end of ours appears', () => {
    const ended = { of: 'resource', status: 'UPDATE_COMPLETE', atMs: at(6) } as const;
    const seen = { status: 'UPDATE_IN_PROGRESS', events: [ended] };
    expect(judgeWaiting(changed((each) => (each.at === at(7) ? { seen } : {}))).outcome).toBe('otherwise');
  });
  test('it was over too soon', () =>
    expect(judgeWaiting({ ...GOOD, received: GOOD.received.slice(0, 2) }).outcome).toBe('not-settled'));
});

describe('clocks and polls', () => {
  test('as assumed', () => {
    expect(judgeClocks(GOOD).outcome).toBe('as-assumed');
    expect(judgePolls(GOOD, 5_000).outcome).toBe('as-assumed');
  });
  it.each([-7, 7])('a clock that is %i s off', (seconds) =>
    expect(
      judgeClocks({
        ...GOOD,
        events: GOOD.events.map((each) => ({ ...each, at: each.at + seconds * 1_000 })),
      }).outcome,
    ).toBe('otherwise'),
  );
  test('polls that come too soon', () => expect(judgePolls(GOOD, 7_000).outcome).toBe('otherwise'));
  test('too few to say', () =>
    expect(judgePolls({ ...GOOD, received: GOOD.received.slice(0, 3) }, 5_000).outcome).toBe('not-settled'));
});

describe('a resource that is cancelled', () => {
  const CANCELLED: Attempt = {
    ...GOOD,
    events: [
      line(0, 'stack', 'UPDATE_IN_PROGRESS'),
      line(0.5, 'Deployment', 'UPDATE_IN_PROGRESS'),
      line(5, 'Service', 'UPDATE_FAILED', 'it does not come up'),
      line(6, 'Deployment', 'UPDATE_FAILED', 'Resource update cancelled'),
    ],
  };
  test('as assumed', () =>
    expect(outcomes(judgeCancelled(CANCELLED, 'UPDATE_ROLLBACK_COMPLETE'))).toEqual([
      'as-assumed',
      'as-assumed',
    ]));
  test('whose late answer counts', () =>
    expect(outcomes(judgeCancelled(CANCELLED, 'UPDATE_ROLLBACK_FAILED'))).toEqual([
      'as-assumed',
      'otherwise',
    ]));
  test('that gave no late answer', () =>
    expect(
      outcomes(
        judgeCancelled(
          { ...CANCELLED, received: CANCELLED.received.slice(0, 3) },
          'UPDATE_ROLLBACK_COMPLETE',
        ),
      ),
    ).toEqual(['as-assumed', 'not-settled']));
  test('that was not', () =>
    expect(outcomes(judgeCancelled(GOOD, 'UPDATE_ROLLBACK_COMPLETE'))).toEqual(['not-settled']));
});

describe('without rollback', () => {
  const versions = { good: '1', first: '4', second: '5' };
  const calls = (second: string, back: string) => [
    received(0, { phase: 'request', now: '4', before: '1' }),
    received(10, { phase: 'request', now: '5', before: second }),
    received(20, { phase: 'request', now: '1', before: back }),
  ];
  test('as assumed', () =>
    expect(outcomes(judgeNoRollback(calls('4', '5'), versions))).toEqual(['as-assumed', 'as-assumed']));
  test('otherwise', () =>
    expect(outcomes(judgeNoRollback(calls('1', '4'), versions))).toEqual(['otherwise', 'otherwise']));
  test('nothing came', () =>
    expect(outcomes(judgeNoRollback([], versions))).toEqual(['not-settled', 'not-settled']));
});

describe('a nested stack', () => {
  const of = (...statuses: string[]) =>
    judgeNested(statuses.map((status, i) => line(i, 'stack', status))).outcome;
  test('as assumed', () =>
    expect(
      of('UPDATE_IN_PROGRESS', 'UPDATE_COMPLETE', 'UPDATE_ROLLBACK_IN_PROGRESS', 'UPDATE_ROLLBACK_COMPLETE'),
    ).toBe('as-assumed'));
  test('otherwise', () => {
    expect(of('UPDATE_IN_PROGRESS', 'UPDATE_ROLLBACK_IN_PROGRESS', 'UPDATE_ROLLBACK_COMPLETE')).toBe(
      'otherwise',
    );
    expect(of('UPDATE_IN_PROGRESS', 'UPDATE_COMPLETE')).toBe('otherwise');
  });
  test('that was not updated', () => expect(of('CREATE_COMPLETE')).toBe('not-settled'));
});

describe('a Distributed Map that is stopped', () => {
  const looks: Record<string, number>[] = [{ RUNNING: 2 }, { ABORTED: 2 }];
  test('as assumed', () =>
    expect(
      outcomes(judgeStopped({ execution: 'ABORTED', map: 'ABORTED', childOfMachine: true, looks })),
    ).toEqual(Array(4).fill('as-assumed')));
  test('that works on', () =>
    expect(
      outcomes(
        judgeStopped({
          execution: 'ABORTED',
          map: 'SUCCEEDED',
          childOfMachine: false,
          looks: [{ RUNNING: 2 }, { SUCCEEDED: 6 }],
        }),
      ),
    ).toEqual(Array(4).fill('otherwise')));
  test("a child's ARN names its machine, and a run's own does not", () => {
    const of = 'arn:aws:states:eu-west-1:111122223333:execution:';
    expect(isChildOf(`${of}shop/main:5f0c`, 'shop')).toBe(true);
    for (const other of ['shop:5f0c', 'shop2/main:5f0c', '5f0c:shop/main'])
      expect(isChildOf(of + other, 'shop')).toBe(false);
  });
});

describe('settings of a server', () => {
  it.each([
    [null, 'C', true],
    ['', 'C', true],
    ['0,1', '1', true],
    ['0,1', '2', false],
    ['terse,default,verbose', 'terse', true],
    ['terse,default,verbose', 'ters', false],
    ['-1-2147483647', '-1', true],
    ['-1-2147483647', '-2', false],
    ['0-1073741823', '0', true],
    ['0-10', '', false],
  ])('%s takes %s: %s', (allowed, value, expected) => expect(allows(allowed, value)).toBe(expected));

  const all = (change: (name: string) => Partial<Parameter> = () => ({})): Parameter[] =>
    [
      ['rds.force_ssl', '0,1'],
      ['lc_messages', null],
      ['log_error_verbosity', 'terse,default,verbose'],
      ['log_min_error_statement', 'debug5,error,log,fatal,panic'],
      ['log_parameter_max_length_on_error', '-1-1073741823'],
      ['log_statement', 'none,ddl,mod,all'],
      ['log_min_duration_statement', '-1-2147483647'],
    ].map(([name, allowed]) => ({
      name: name!,
      allowed: allowed ?? null,
      modifiable: true,
      applyType: 'dynamic',
      value: null,
      ...change(name!),
    }));

  test('all there', () => expect(refusals('postgres17', 17, all())).toEqual([]));
  test('one that is missing, fixed, or takes other values', () => {
    expect(refusals('postgres17', 17, all().slice(1))).toEqual(['postgres17 has no rds.force_ssl']);
    expect(
      refusals(
        'postgres17',
        17,
        all((name) => ({ modifiable: name !== 'lc_messages' })),
      ),
    ).toEqual(['postgres17: lc_messages cannot be modified']);
    expect(
      refusals(
        'postgres17',
        17,
        all((name) => (name === 'log_statement' ? { allowed: 'ddl' } : {})),
      ),
    ).toEqual(['postgres17: log_statement does not take none']);
  });
  test('18 is to have no rds.force_ssl', () => {
    expect(outcomes(forceSsl({ postgres18: all() }))).toEqual(['otherwise']);
    expect(outcomes(forceSsl({ postgres18: all().slice(1) }))).toEqual(['as-assumed']);
    expect(forceSsl({ postgres18: null })).toEqual([]);
  });
});

describe('the report', () => {
  const yes = { outcome: 'as-assumed', words: 'It is so.' } as const;
  const no = { outcome: 'otherwise', words: 'It is not so.' } as const;
  const unknown = { outcome: 'not-settled', words: 'It did not come to that.' } as const;
  const result = (...findings: (typeof yes | typeof no | typeof unknown)[]) => ({ step: 'a', findings });

  it.each([
    [[result(yes)], 0],
    [[result(yes, no), result(unknown)], 1],
    [[result(yes, unknown)], 3],
    [[{ step: 'a', findings: [no], error: 'it broke' }], 3],
  ])('%j ends with %i', (results, code) => expect(exitCode(results, false)).toBe(code));

  test('what a local AWS says settles nothing, and is no failure', () => {
    const local = seenLocally({ id: 'a' }, [yes, no]);
    expect(outcomes(local.findings)).toEqual(['not-settled', 'not-settled']);
    expect(exitCode([local], true)).toBe(0);
    expect(resultLines(local).join('\n')).not.toMatch(/as assumed|OTHERWISE/);
    expect(summary([local], true)).toContain('none of this is evidence about AWS');
    expect(exitCode([{ ...local, error: 'it broke' }], true)).toBe(3);
  });
});
