/** What follows from a run's state. */
import { describe, expect, test } from 'vitest';
import type { RunState } from '../../lambda/contract/fleet-run';
import {
  decideBackward,
  decideForward,
  describeMissingCanaries,
  findAddedTenants,
  listRunNames,
  type ObservedRun,
} from '../../lambda/fleet-run/decide';
import { EMPTY_REPORT } from '../../lambda/fleet-run/run';
import { membersOf, PLAN } from './stand-in';

const REPORT = { ...EMPTY_REPORT, tenantCount: 2, states: { behind: 2 } };
const WRONG = {
  ...REPORT,
  wrong: 1,
  failures: [{ name: 'a', server: 'main', state: 'failed', why: '' }],
} as const;
const state = (change: Partial<RunState> = {}): RunState =>
  ({
    run: 'r',
    wave: 1,
    name: 'early',
    go: true,
    waves: [{ name: 'rest', lists: {} }],
    report: REPORT,
    ...change,
  }) as RunState;
const seen = (
  status: ObservedRun['execution']['status'],
  change: Partial<ObservedRun> = {},
): ObservedRun => ({
  execution: { status, output: null, error: null },
  state: null,
  late: false,
  ...change,
});

describe('forward, while it runs', () => {
  test.each([
    [null, 'inspecting all tenants'],
    [state(), '2 tenants: 2 behind; wave early'],
  ])('%#: says how far it is', (state, progress) => {
    expect(decideForward(seen('RUNNING', { state }), PLAN, 1)).toEqual({ next: 'poll', progress });
  });

  test('time is up', () => {
    expect(decideForward(seen('RUNNING', { late: true }), PLAN, 1)).toEqual({ next: 'stop', report: null });
    expect(decideForward(seen('RUNNING', { late: true, state: state() }), PLAN, 1)).toEqual({
      next: 'stop',
      report: REPORT,
    });
  });

  describe('a deployment that waits for the canaries alone', () => {
    const plan = { ...PLAN, waitFor: 'canary' } as const;
    const next = (change: Partial<RunState>, late = false) =>
      decideForward(seen('RUNNING', { state: state(change), late }), plan, 1);

    test('they are through, even at the last moment', () => {
      const done = {
        next: 'succeed',
        report: REPORT,
        warnings: [
          'The canaries are up to date; run r continues with waves early, rest. `trueup status --fleet --stack` shows its result',
        ],
      };
      expect(next({})).toEqual(done);
      expect(next({}, true)).toEqual(done);
    });

    test.each([
      ['they are not looked at', { wave: 0 }],
      ['they are under way', { name: 'canary' }],
      ['there is no other wave', { go: false }],
      ['too many failed', { report: { ...REPORT, stopped: 'failures' } }],
    ] as const)('%s', (_, change) => {
      expect(next(change).next).toBe('poll');
    });

    test('nothing was looked at yet', () => {
      expect(decideForward(seen('RUNNING'), plan, 1).next).toBe('poll');
    });
  });
});

describe('forward, at the end', () => {
  test.each([
    [
      'it failed, with an error',
      seen('FAILED', { execution: { status: 'FAILED', output: null, error: 'States.Timeout' } }),
      'Step Functions ended the run as FAILED (States.Timeout). A rollback undoes what it safely can; what else was done is recorded, and the next deployment continues from there.',
    ],
    [
      'it was stopped after a wave',
      seen('ABORTED', { state: state() }),
      'Step Functions ended the run as ABORTED (no result was left). 2 tenants: 2 behind. A rollback undoes what it safely can; what else was done is recorded, and the next deployment continues from there.',
    ],
    [
      'no result is there',
      seen('SUCCEEDED'),
      'Step Functions ended the run as SUCCEEDED (no result was left). A rollback undoes what it safely can; what else was done is recorded, and the next deployment continues from there.',
    ],
  ])('%s', (_, given, reason) => {
    const report = given.state?.report ?? null;
    expect(decideForward(given, PLAN, 1)).toEqual({
      next: 'fail',
      reason,
      report,
      // An alarm of its own counts these.
      ...(given.execution.status === 'FAILED' ? { broke: true } : {}),
    });
  });

  test('it was stopped by its own rule', () => {
    const report = { ...WRONG, stopped: 'blocked' } as const;
    expect(decideForward(seen('SUCCEEDED', { state: state({ report }) }), PLAN, 1)).toMatchObject({
      next: 'fail',
      reason: expect.stringMatching(/^Nothing was changed: 1 tenant cannot be migrated/),
      report,
    });
  });

  test('the list is read again', () => {
    const given = seen('SUCCEEDED', { state: state({ report: WRONG }) });
    expect(decideForward(given, PLAN, 1)).toEqual({ next: 'look-again', report: WRONG });
  });
});

describe('backward', () => {
  test('while it runs', () => {
    expect(decideBackward(seen('RUNNING'))).toEqual({ next: 'poll', progress: 'undoing' });
    expect(decideBackward(seen('RUNNING', { late: true, state: state() }))).toEqual({
      next: 'stop',
      report: REPORT,
    });
  });

  test.each([
    ['all is undone', seen('SUCCEEDED', { state: state() }), []],
    [
      'some are not',
      seen('SUCCEEDED', { state: state({ report: WRONG }) }),
      ['not undone: a on main (failed).'],
    ],
    [
      'it died',
      seen('FAILED', {
        state: state(),
        execution: { status: 'FAILED', output: null, error: 'States.Runtime' },
      }),
      [
        'Step Functions ended the rollback as FAILED (States.Runtime): migrations of tenants that it did not reach are kept',
      ],
    ],
    [
      'no result is there',
      seen('SUCCEEDED'),
      [
        'Step Functions ended the rollback as SUCCEEDED (no result was left): migrations of tenants that it did not reach are kept',
      ],
    ],
  ])('%s: a success', (_, given, warnings) => {
    expect(decideBackward(given)).toEqual({
      next: 'succeed',
      report: given.state?.report ?? null,
      warnings,
      ...(given.execution.status === 'FAILED' ? { broke: true } : {}),
    });
  });
});

test('names of a request’s runs', () => expect(listRunNames('r')).toEqual(['r', 'r-2', 'r-3']));

test('who came meanwhile, by server and name', () => {
  const [a, b] = membersOf('a', 'b');
  expect(findAddedTenants([a!, b!, { ...a!, server: 'eu' }], [b!, a!])).toEqual([{ ...a!, server: 'eu' }]);
});

test('canaries that the list lacks', () => {
  const of = (...canaries: string[]) => describeMissingCanaries({ ...PLAN, canaries }, membersOf('a', 'b'));
  const there = 'not in the list of 2 tenants. Name tenants of the list in `canary`.';
  expect(of('a', 'b')).toBeNull();
  expect(of('a', 'x')).toBe(`x is a canary and is ${there}`);
  expect(of('x', 'y')).toBe(`x, y are canaries and are ${there}`);
});
