/** What follows from an attempt, by tables. */
import { describe, expect, test } from 'vitest';
import type { ConvergeOutcome, ConvergeReport } from '../../lambda/contract/converge';
import type { ErrorInfo } from '../../lambda/contract/errors';
import { decideNextPoll, makeTimeoutDecision, type RequestProgress } from '../../lambda/deploy/decide';
import type { MigrateInvocation } from '../../lambda/invoke-migrate';

const report: ConvergeReport = {
  applied: ['0001_a'],
  withoutVerify: [],
  baselined: [],
  undone: [],
  kept: [],
  pending: [],
  position: '0001_a',
  warnings: [],
};
const error: ErrorInfo = {
  code: 'statement',
  message: 'relation "a" already exists',
  remedy: 'Fix it.',
  migration: '0002_b',
  line: 3,
  sqlstate: '42P07',
};
const SENTENCE = '0002_b, line 3: relation "a" already exists [SQLSTATE 42P07]. Fix it.';
const answered = (outcome: ConvergeOutcome): MigrateInvocation => ({
  kind: 'answered',
  response: { action: 'converge', outcome },
});
const progress = (change: Partial<RequestProgress> = {}): RequestProgress => ({
  lenient: false,
  elapsedMs: 10_000,
  timeoutMs: 600_000,
  failingMs: 5_000,
  deaths: 0,
  waitMs: 60_000,
  pollMs: 5_000,
  manifestHash: 'asked',
  ...change,
});
const unreachable: ErrorInfo = { code: 'connection', message: 'nothing listens', remedy: 'Check.' };
const waiting = (waitingFor?: ErrorInfo): MigrateInvocation =>
  answered({ status: 'continue', progress: 'still at it', waitingFor, report });
const died: MigrateInvocation = { kind: 'died', message: 'Runtime.ExitError' };
const busy: MigrateInvocation = {
  kind: 'refused',
  message: 'TooManyRequestsException: slow down',
  lasting: false,
};
const forbidden: MigrateInvocation = { kind: 'refused', message: 'AccessDeniedException: no', lasting: true };

const stale: ErrorInfo = { code: 'manifest', message: 'the request is about another', remedy: 'Again.' };
const converged = (
  outcome: ConvergeOutcome,
  manifestHash?: string,
  workload?: string | null,
): MigrateInvocation => ({
  kind: 'answered',
  response: { action: 'converge', outcome, manifestHash, workload },
});
const staleForward = converged({ status: 'failed', error: stale, report }, 'before');
/** Older code does not say what it carries. */
const staleOld = converged({ status: 'failed', error: stale, report });
const staleBackward = converged({ status: 'done', report }, 'after');

const DONE = { next: 'succeed', report, note: null };
const FAILED = { next: 'fail', reason: SENTENCE };
const POLL = { next: 'poll', progress: 'still at it' };
const again = expect.objectContaining({ next: 'retry' });
const failing = (words: string) => ({ next: 'fail', reason: expect.stringContaining(words) });
const giving = (words: string) => ({ next: 'succeed', note: expect.stringContaining(words) });

describe('forward and backward', () => {
  test.each<[string, MigrateInvocation, Partial<RequestProgress>, unknown, unknown]>([
    ['done', answered({ status: 'done', report }), {}, DONE, DONE],
    ['failed', answered({ status: 'failed', error, report }), {}, FAILED, giving(SENTENCE)],
    ['an error', { kind: 'answered', response: { action: 'error', error } }, {}, FAILED, giving(SENTENCE)],
    ['in progress', waiting(), {}, POLL, POLL],
    [
      'in progress, too late',
      waiting(),
      { elapsedMs: 600_000 },
      failing('within 10 minutes: still at it'),
      giving('10 minutes'),
    ],
    ['unreachable', waiting(unreachable), {}, again, again],
    [
      'unreachable for long',
      waiting(unreachable),
      { failingMs: 60_000 },
      failing('Nothing listens'),
      giving('Nothing listens'),
    ],
    [
      'somebody else is at work',
      waiting({ ...error, code: 'busy' }),
      { failingMs: 60_000 },
      POLL,
      giving(SENTENCE),
    ],
    ['died', died, { deaths: 1 }, again, again],
    [
      'died three times',
      died,
      { deaths: 3 },
      failing('no answer 3 times in a row: Runtime.ExitError'),
      giving('3 times'),
    ],
    [
      'died when the time is up',
      died,
      { deaths: 1, elapsedMs: 600_000 },
      failing('no answer: Runtime.ExitError'),
      giving('no answer'),
    ],
    ['silent', { kind: 'silent', message: 'no answer for 130 s' }, { deaths: 2 }, again, again],
    ['throttled', busy, {}, again, again],
    [
      'throttled for long',
      busy,
      { failingMs: 60_000 },
      failing('could not be invoked'),
      giving('could not be invoked'),
    ],
    [
      'not allowed',
      forbidden,
      { elapsedMs: 30_000 },
      failing('AccessDeniedException'),
      giving('AccessDeniedException'),
    ],
    ['not allowed yet', forbidden, { elapsedMs: 29_999 }, again, again],
    ['done by the code asked for', converged({ status: 'done', report }, 'asked'), {}, DONE, DONE],
    ['failed by other code', staleForward, { elapsedMs: 59_999 }, again, again],
    [
      'failed by other code for long',
      staleForward,
      { elapsedMs: 60_000 },
      failing('about another'),
      giving('about another'),
    ],
    ['failed by older code', staleOld, { elapsedMs: 59_999 }, again, again],
    [
      'failed by older code for long',
      staleOld,
      { elapsedMs: 60_000 },
      failing('about another'),
      giving('about another'),
    ],
    [
      'done by code with another workload',
      converged({ status: 'done', report }, 'asked', 'before'),
      { elapsedMs: 59_999, workload: 'promised' },
      again,
      again,
    ],
    [
      'done by code without the workload',
      converged({ status: 'done', report }, 'asked', null),
      { elapsedMs: 59_999, workload: 'promised' },
      again,
      again,
    ],
    [
      'done by code with the workload asked for',
      converged({ status: 'done', report }, 'asked', 'promised'),
      { workload: 'promised' },
      DONE,
      DONE,
    ],
    ['left alone by other code', staleBackward, { elapsedMs: 59_999 }, again, again],
    ['left alone by other code for long', staleBackward, { elapsedMs: 60_000 }, DONE, DONE],
    [
      'other code, and nobody waits so long',
      staleForward,
      { failingMs: 60_000 },
      failing('another'),
      giving('another'),
    ],
    [
      'an answer to something else',
      { kind: 'answered', response: { action: 'diagnose', diagnoses: [] } },
      {},
      failing('`diagnose`'),
      giving('`diagnose`'),
    ],
  ])('%s', (_, attempt, change, forward, backward) => {
    expect(decideNextPoll(attempt, progress(change))).toEqual(forward);
    expect(decideNextPoll(attempt, progress({ ...change, lenient: true }))).toMatchObject(backward as object);
  });
});

test('a lenient request never fails', () => {
  const outcomes: MigrateInvocation[] = [
    answered({ status: 'failed', error, report }),
    waiting(),
    waiting(unreachable),
    died,
    busy,
    forbidden,
  ];
  for (const attempt of outcomes) {
    for (const elapsedMs of [0, 10_000_000]) {
      for (const deaths of [0, 1, 3]) {
        for (const failingMs of [0, 10_000_000]) {
          const decision = decideNextPoll(attempt, progress({ lenient: true, elapsedMs, deaths, failingMs }));
          expect(decision.next).not.toBe('fail');
          if (elapsedMs > 0) expect(decision.next).toBe('succeed');
        }
      }
    }
  }
});

test('the time is up before another slice', () => {
  expect(makeTimeoutDecision('x', null, { timeoutMs: 90_000, lenient: false })).toEqual(
    failing('within 90 seconds: x.'),
  );
});

test('the last poll that comes in time is waited for, the one after it is not', () => {
  const left = (ms: number) =>
    decideNextPoll(waiting(), progress({ elapsedMs: 600_000 - ms, pollMs: 5_000 })).next;
  expect([left(6_001), left(6_000)]).toEqual(['poll', 'retry']);
});

test('what is told last says what stays, and what to do', () => {
  const late = (timeoutMs: number) => makeTimeoutDecision('it waits', null, { timeoutMs, lenient: false });
  const rest =
    'it waits. A rollback undoes what it safely can; what else was done is recorded. The server finishes an index build that is running. The next deployment continues from there.';
  expect(late(119_000)).toEqual({ next: 'fail', reason: `Not finished within 119 seconds: ${rest}` });
  expect(late(120_000)).toEqual({ next: 'fail', reason: `Not finished within 2 minutes: ${rest}` });
  expect(decideNextPoll(died, progress({ deaths: 3 }))).toEqual({
    next: 'fail',
    reason:
      'The migrate function gave no answer 3 times in a row: Runtime.ExitError. See its log. What it had committed stays, and the next deployment continues from there.',
  });
});
