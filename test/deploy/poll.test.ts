/** One poll, or several, by a clock of its own: how long what is waited for, and what is told when it is not known. */
import { expect, test } from 'vitest';
import type { Outcome, Report } from '../../lambda/contract/converge';
import type { ErrorInfo } from '../../lambda/contract/errors';
import type { MigrateRequest } from '../../lambda/contract/migrate';
import type { Attempt } from '../../lambda/deploy/decide';
import type { IsCompleteRequest } from '../../lambda/deploy/events';
import type { Outbound } from '../../lambda/deploy/outbound';
import { handlePoll } from '../../lambda/deploy/poll';
import { quiet } from '../support/quiet';

quiet();

type Asked = Extract<MigrateRequest, { action: 'converge' }>;

const report: Report = {
  applied: [],
  unproved: [],
  baselined: [],
  undone: [],
  kept: [],
  pending: [],
  position: '',
  warnings: [],
};
const unreachable: ErrorInfo = { code: 'connection', message: 'nothing listens', remedy: 'Look.' };
const locked: ErrorInfo = {
  code: 'lock-timeout',
  message: 'could not get a lock on orders',
  remedy: 'End the session.',
};
const settings = {
  migrateFunction: 'migrate',
  sliceMs: 90_000,
  timeoutMs: 3_000_000,
  rollbackWaitMs: 20_000,
  answerTimeoutMs: 130_000,
  queryIntervalMs: 5_000,
  logGroup: '/trueup/shop',
};

interface Setting {
  readonly type?: 'Create' | 'Update';
  readonly status?: string | null;
  readonly settings?: Partial<typeof settings>;
  /** Of each invocation of `deploy`. */
  readonly remainingMs?: number;
}

/** Polls until there is an answer, as the framework does. */
async function pollAll(migrate: (asked: Asked, clock: { ms: number }) => Attempt, change: Setting = {}) {
  const clock = {
    ms: 1_000_000,
    now: () => clock.ms,
    sleep: async (ms: number) => {
      clock.ms += ms;
    },
  };
  const began = clock.ms;
  const { status = 'UPDATE_IN_PROGRESS', type = 'Update', remainingMs = 840_000 } = change;
  const outbound: Outbound = {
    stackStatus: async () => {
      if (status === null) throw new Error('Throttling');
      return status;
    },
    async *stackEvents() {
      const of = { CREATE: 'CREATE', UPDAT: 'UPDATE' }[status!.slice(0, 5)] ?? 'UPDATE';
      const back = status!.includes('ROLLBACK')
        ? ([
            { of: 'stack', status: status!, atMs: began - 10_000 },
            { of: 'resource', status: `${of}_FAILED`, atMs: began - 20_000 },
          ] as const)
        : [];
      yield {
        events: [
          ...back,
          { of: 'stack', status: `${of}_IN_PROGRESS`, atMs: began - 30_000 },
          { of: 'stack', status: 'UPDATE_COMPLETE', atMs: 0 },
        ],
        oldestMs: 0,
      };
    },
    invokeMigrate: async (_, asked) => migrate(asked as Asked, clock),
  };
  const event = {
    RequestType: type,
    RequestId: 'r',
    StackId: 'arn:aws:cloudformation:us-east-1:111122223333:stack/shop/1',
    LogicalResourceId: 'Schema',
    StartedAt: new Date(began).toISOString(),
    ResourceProperties: {
      ManifestHash: 'h',
      Target: 't',
      Namespace: 'shop',
      OwnerRole: '',
      Adopt: 'false',
      Baseline: '',
      UndoAfterSuccess: 'false',
    },
  } as unknown as IsCompleteRequest;
  const failingSince = new Map<string, number>();
  for (let polls = 1; polls < 2_000; polls++) {
    const bornMs = clock.ms;
    try {
      const answer = await handlePoll(event, {
        settings: { ...settings, ...change.settings },
        outbound,
        clock,
        failingSince,
        remainingMs: () => remainingMs - (clock.ms - bornMs),
      });
      if (answer.IsComplete)
        return { seconds: (clock.ms - began) / 1000, data: answer.Data, reason: '', polls };
    } catch (error) {
      return { seconds: (clock.ms - began) / 1000, data: null, reason: (error as Error).message, polls };
    }
    clock.ms += 5_000;
  }
  throw new Error('no answer');
}

const answered = (outcome: Outcome): Attempt => ({
  kind: 'answered',
  response: { action: 'converge', outcome, manifestHash: 'h' },
});

/** As the engine waits: for the whole slice, or as long as it is told. */
function nobodyListens(asked: Asked, clock: { ms: number }): Attempt {
  const budgetMs = asked.budgetMs ?? 0;
  const { ms, overMs } = asked.databaseWait ?? { ms: Number.POSITIVE_INFINITY, overMs: 0 };
  clock.ms += Math.min(budgetMs, ms - overMs);
  return ms - overMs < budgetMs
    ? answered({ status: 'failed', error: unreachable, report })
    : answered({ status: 'continue', progress: 'waits', waitingFor: unreachable, report });
}

function held(asked: Asked, clock: { ms: number }): Attempt {
  clock.ms += asked.budgetMs ?? 0;
  return answered({ status: 'continue', progress: 'waits for a lock', waitingFor: locked, report });
}

test.each([
  ['longer than databaseWait', 90_000, 20_000],
  ['shorter', 15_000, 20_000],
  ['and a wait that outlasts a poll', 90_000, 1_500_000],
])(
  'a database that cannot be reached fails a deployment after databaseWait: slice %s',
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

test('a database that was there and is lost is waited for anew', async () => {
  let calls = 0;
  const { seconds } = await pollAll(
    (asked, clock) => {
      if (++calls > 1) return nobodyListens(asked, clock);
      clock.ms += 90_000;
      return answered({
        status: 'continue',
        progress: 'waits',
        waitingFor: unreachable,
        unreachableMs: 1_000,
        report,
      });
    },
    { settings: { rollbackWaitMs: 60_000 } },
  );
  expect(seconds).toBeGreaterThanOrEqual(89 + 60);
  expect(seconds).toBeLessThan(89 + 66);
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
  expect(never.reason).toContain('time ran out before the next attempt.');
});

test('a failure is not told before CloudFormation has said which way the stack goes', async () => {
  const failed = () => answered({ status: 'failed', error: { ...locked, code: 'statement' }, report });
  const set = { rollbackWaitMs: 60_000 };
  const unsure = await pollAll(failed, { status: null, settings: set });
  expect(unsure.seconds).toBeGreaterThanOrEqual(60);
  expect(unsure.polls).toBeGreaterThan(10);
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
