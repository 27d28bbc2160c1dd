/** What a poll tells CloudFormation and writes to the log, whose lines alarms and saved queries match. */
import { afterEach, expect, test } from 'vitest';
import type { StackEvent } from '../../lambda/deploy/history';
import type { Invocation } from '../../lambda/invoke-migrate';
import { quiet } from '../support/quiet';
import { answered, BEGAN_MS, held, locked, pollAll, report, unreachable } from './polling';

const lines: Record<string, unknown>[] = [];
quiet(lines);
afterEach(() => void lines.splice(0));

const STACK = 'arn:aws:cloudformation:us-east-1:111122223333:stack/shop/1';
const ABOUT = { request: 'r', type: 'Update', stackId: STACK, relevance: 'wanted' };
const BACK = { status: 'UPDATE_ROLLBACK_IN_PROGRESS' };
const linesOf = (event: string) => lines.filter((line) => line.event === event);
const done = () => answered({ status: 'done', report });
const failed = () => answered({ status: 'failed', error: { ...locked, code: 'statement' }, report });
const never = (): Invocation => expect.unreachable('migrate is not invoked');

test('done: the line counts what was kept', async () => {
  const kept = ['0001_a', '0002_b'].map((name) => ({ name, reason: 'it has no down section' }));
  const { data } = await pollAll(() => answered({ status: 'done', report: { ...report, kept } }));
  expect(data).toMatchObject({ Warnings: 'none' });
  expect(linesOf('deployment')).toEqual([
    expect.objectContaining({
      ...ABOUT,
      direction: 'forward',
      stack: 'UPDATE_IN_PROGRESS',
      outcome: 'done',
      report: { ...report, kept },
      keptCount: 2,
    }),
  ]);
  expect(linesOf('deployment')[0]).not.toHaveProperty('reason');
});

test('failed: the line has the reason that CloudFormation is told', async () => {
  const { reason } = await pollAll(failed);
  const [line] = linesOf('deployment');
  expect(line).toMatchObject({
    ...ABOUT,
    outcome: 'failed',
    reason: expect.stringMatching(/^Could not get/),
  });
  expect(reason.startsWith(line!.reason as string)).toBe(true);
});

test('given up on the way back: a success with the reason', async () => {
  const { data } = await pollAll(failed, BACK);
  expect(data?.Warnings).toContain('Could not get a lock on orders');
  expect(linesOf('deployment')).toMatchObject([
    { outcome: 'given-up', reason: expect.stringMatching(/^Could not get/), keptCount: 0, report },
  ]);
});

test('each slice has a line: what came of it, how long it took, what is next', async () => {
  const attempts: Invocation[] = [
    answered({ status: 'continue', progress: 'builds orders_note', report }),
    { kind: 'died', message: 'Runtime.ExitError' },
    { kind: 'answered', response: { action: 'error', error: unreachable } },
  ];
  await pollAll((_, clock) => {
    clock.ms += 7_000;
    return attempts.shift()!;
  });
  expect(linesOf('slice')).toMatchObject([
    {
      ...ABOUT,
      durationMs: 7_000,
      elapsedMs: 7_000,
      migrate: 'continue',
      progress: 'builds orders_note',
      next: 'poll',
    },
    { durationMs: 7_000, migrate: 'died', why: 'Runtime.ExitError', next: 'retry' },
    { migrate: 'error', next: 'fail' },
  ]);
  await pollAll(done);
  expect(linesOf('slice').at(-1)).toMatchObject({ migrate: 'done' });
  expect(linesOf('slice').at(-1)).not.toHaveProperty('progress');
});

test.each<Invocation>([
  { kind: 'died', message: 'Runtime.ExitError' },
  { kind: 'silent', message: 'no answer for 130 s' },
])('three deaths in a row are the end, an answer between them begins anew: %o', async (death) => {
  const { reason } = await pollAll(() => death);
  expect(reason).toContain(
    `gave no answer 3 times in a row: ${death.kind === 'died' ? 'Runtime' : 'no answer'}`,
  );
  expect(linesOf('slice')).toHaveLength(3);
  const waits = answered({ status: 'continue', progress: 'waits', waitingFor: unreachable, report });
  const attempts = [death, death, waits, death, death, done()];
  expect(await pollAll(() => attempts.shift()!)).toMatchObject({ reason: '', polls: 1 });
});

test('on the way back a lock is waited for as long as a database, all attempts together', async () => {
  const budgets: number[] = [];
  await pollAll((asked, clock) => {
    budgets.push(asked.budgetMs!);
    expect(asked.databaseWait).toBeUndefined();
    return held({ ...asked, budgetMs: Math.min(5_000, asked.budgetMs!) }, clock);
  }, BACK);
  // Half a second between two attempts, of 20 s in all.
  expect(budgets).toEqual([20_000, 14_500, 9_000, 3_500]);
});

test.each([
  ['forward', 'UPDATE_IN_PROGRESS', false],
  ['back', BACK.status, true],
])(
  'a request that CloudFormation no longer waits for, on the way %s: nothing is invoked',
  async (_, status, ok) => {
    const over: StackEvent = { of: 'resource', status: 'UPDATE_COMPLETE', atMs: BEGAN_MS + 6_000 };
    const { reason, data } = await pollAll(never, { status, events: [over] });
    expect(ok ? data?.Warnings : reason).toMatch(
      /^This run was stopped: the stack was cancelled or rolled back/,
    );
    expect(linesOf('overtaken')).toMatchObject([
      { relevance: 'overtaken', outcome: ok ? 'given-up' : 'failed' },
    ]);
    expect(linesOf('deployment')).toEqual([]);
  },
);

test('what does not fit together is looked at again, for a minute', async () => {
  const { reason, polls } = await pollAll(never, { status: 'UPDATE_COMPLETE', events: [] });
  expect(reason).toMatch(/^This run was stopped/);
  expect(polls).toBe(14);
  expect(linesOf('unclear')).toHaveLength(13);
  expect(linesOf('unclear')[0]).toMatchObject({
    request: 'r',
    stack: 'UPDATE_COMPLETE',
    relevance: 'unclear',
  });
});

test('properties that this code cannot read fail a deployment, and nothing else', async () => {
  const unreadable = { properties: { Namespace: 'shop' } };
  const { reason } = await pollAll(never, unreadable);
  expect(reason).toMatch(/^Unexpected error in Trueup: (?!migrate is not invoked)/);
  expect(linesOf('unexpected')).toMatchObject([{ error: expect.any(String), stack: expect.any(String) }]);
  const back = await pollAll(never, { ...unreadable, ...BACK });
  expect(back.data?.Warnings).toMatch(/^Unexpected error in Trueup: /);
});
