/** One poll, or several, by a clock of its own: how long what is waited for, and what is told when it is not known. */
import { expect, test } from 'vitest';
import { quiet } from '../support/quiet';
import { answered, held, locked, nobodyListens, pollAll, report, unreachable } from './polling';

quiet();

test.each([
  ['longer than connectTimeout', 90_000, 20_000],
  ['shorter', 15_000, 20_000],
  ['and a wait that outlasts a poll', 90_000, 1_500_000],
])(
  'a database that cannot be reached fails a deployment after connectTimeout: slice %s',
  async (_, sliceMs, rollbackWaitMs) => {
    const { reason, seconds } = await pollAll(nobodyListens, { settings: { sliceMs, rollbackWaitMs } });
    expect(reason).toContain('Nothing listens');
    expect(seconds * 1000).toBeGreaterThanOrEqual(rollbackWaitMs);
    // A call or two, and polls between them.
    expect(seconds * 1000).toBeLessThanOrEqual(rollbackWaitMs + 6_000);
  },
);

test('the same on the way back, where it is a success with a report', async () => {
  const { data, seconds } = await pollAll(nobodyListens, { status: 'UPDATE_ROLLBACK_IN_PROGRESS' });
  expect(data?.Warnings).toContain('Nothing listens');
  expect(seconds).toBeGreaterThanOrEqual(20);
  expect(seconds).toBeLessThan(24);
});

test.each([1, 30])('a database that was there and is lost is waited for anew: %i s ago', async (lostFor) => {
  let calls = 0;
  const { seconds } = await pollAll(
    (asked, clock) => {
      if (++calls > 1) return nobodyListens(asked, clock);
      clock.ms += 90_000;
      return answered({
        status: 'continue',
        progress: 'waits',
        waitingFor: unreachable,
        unreachableMs: lostFor * 1_000,
        report,
      });
    },
    { settings: { rollbackWaitMs: 60_000 } },
  );
  expect(seconds).toBeGreaterThanOrEqual(90 - lostFor + 60);
  expect(seconds).toBeLessThan(90 - lostFor + 66);
});

test.each([
  ['a slice fits twice', 90_000, 200_000],
  ['a slice is longer than what is left', 90_000, 100_000],
  ['polls are far apart', 10_000, 60_000, 40_000],
])(
  'totalTimeout is kept, and the reason says what it waited for: %s',
  async (_, sliceMs, timeoutMs, queryIntervalMs = 5_000) => {
    for (const status of ['UPDATE_IN_PROGRESS', 'UPDATE_ROLLBACK_IN_PROGRESS']) {
      const set = { sliceMs, timeoutMs, queryIntervalMs, rollbackWaitMs: timeoutMs };
      const { reason, data, seconds } = await pollAll(held, { status, settings: set });
      const told = reason || data?.Warnings;
      expect(told).toContain('Could not get a lock on orders. End the session.');
      expect(told).not.toContain('..');
      expect(seconds * 1000).toBeGreaterThan(timeoutMs - 3_000);
      expect(seconds * 1000).toBeLessThanOrEqual(timeoutMs + 1_000);
    }
  },
);

test('no slice is longer than what is left', async () => {
  const budgets: number[] = [];
  await pollAll(
    (asked, clock) => {
      budgets.push(asked.budgetMs!);
      return held(asked, clock);
    },
    { settings: { sliceMs: 90_000, timeoutMs: 100_000 } },
  );
  expect(budgets[0]).toBe(90_000);
  expect(Math.max(...budgets.slice(1))).toBeLessThanOrEqual(10_000);
});

test('migrate is not invoked for less than a second', async () => {
  const budgets: number[] = [];
  const { reason } = await pollAll(
    (asked, clock) => {
      budgets.push(asked.budgetMs!);
      return held(asked, clock);
    },
    { settings: { sliceMs: 90_000, timeoutMs: 92_500 } },
  );
  // After the slice and the pause behind it half a second is left.
  expect(budgets).toEqual([90_000]);
  expect(reason).toContain('Could not get a lock on orders.');
  const never = await pollAll(() => expect.unreachable(), { settings: { timeoutMs: 999 } });
  expect(never.reason).toMatch(/^Not finished within 1 seconds: time ran out before the next attempt\. /);
});

test('a failure is not told before CloudFormation has said which way the stack goes', async () => {
  const failed = () => answered({ status: 'failed', error: { ...locked, code: 'statement' }, report });
  const set = { rollbackWaitMs: 60_000 };
  const unsure = await pollAll(failed, { status: null, settings: set });
  expect(unsure.seconds).toBe(60);
  expect(unsure.polls).toBe(13);
  // However long a database may be waited for, CloudFormation is asked for two minutes only.
  const longer = { rollbackWaitMs: 600_000 };
  expect((await pollAll(failed, { status: null, settings: longer })).seconds).toBe(120);
  const done = () => answered({ status: 'done', report });
  expect((await pollAll(done, { status: null, settings: set })).polls).toBe(1);
  // A Create is never a rollback.
  expect((await pollAll(failed, { status: null, type: 'Create', settings: set })).polls).toBe(1);
  expect((await pollAll(failed, { settings: set })).polls).toBe(1);
});

test('no attempt is begun that could outlast this function', async () => {
  const begun: number[] = [];
  const { polls } = await pollAll(
    (asked, clock) => {
      begun.push(clock.ms);
      return nobodyListens(asked, clock);
    },
    { remainingMs: 150_000, settings: { sliceMs: 15_000, rollbackWaitMs: 60_000 } },
  );
  // After one attempt of 15 s there are not 130 s left for another one that stays silent.
  expect(polls).toBeGreaterThanOrEqual(begun.length - 1);
  expect(begun.length).toBeGreaterThan(2);
});

test('every reason names the log group that exists', async () => {
  const failed = () => answered({ status: 'failed', error: locked, report });
  expect((await pollAll(failed)).reason).toMatch(
    / Log group: \/trueup\/shop \(the one named below does not exist\)\.$/,
  );
  const long = () => answered({ status: 'failed', error: { ...locked, message: 'x'.repeat(5_000) }, report });
  expect((await pollAll(long)).reason).toContain('Log group: /trueup/shop');
});
