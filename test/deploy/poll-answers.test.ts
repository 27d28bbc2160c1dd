/** What a poll tells CloudFormation and writes to the log, whose lines alarms and saved queries match. */
import { afterEach, expect, test } from 'vitest';
import type { StackEvent } from '../../lambda/deploy/history';
import type { MigrateInvocation } from '../../lambda/invoke-migrate';
import { quiet } from '../support/quiet';
import { stackHistory } from '../support/stack-events';
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
const never = (): MigrateInvocation => expect.unreachable('migrate is not invoked');

test('done: the line counts what was kept', async () => {
  const kept = ['0001_a', '0002_b'].map((name) => ({ name, reason: 'it has no down section' }));
  const { data } = await pollAll(() => answered({ status: 'done', report: { ...report, kept } }));
  expect(data).toMatchObject({ Warnings: 'none' });
  expect(linesOf('deployment-ended')).toEqual([
    expect.objectContaining({
      ...ABOUT,
      direction: 'forward',
      stack: 'UPDATE_IN_PROGRESS',
      outcome: 'done',
      report: { ...report, kept },
      keptCount: 2,
    }),
  ]);
  expect(linesOf('deployment-ended')[0]).not.toHaveProperty('reason');
});

test('failed: the line has the reason that CloudFormation is told', async () => {
  const { reason } = await pollAll(failed);
  const [line] = linesOf('deployment-ended');
  expect(line).toMatchObject({
    ...ABOUT,
    outcome: 'failed',
    reason: expect.stringMatching(/^Could not get/),
  });
  expect(reason.startsWith(line!.reason as string)).toBe(true);
});

test.each([
  [
    'as CloudFormation has it',
    'Received response status [FAILED] from custom resource. Message returned: Error: 0003_broken, line 5: it does not hold. Deploy again. Log group: /trueup/shop (the one named below does not exist).\n\nLogs: /aws/lambda/x\n\n    at invokeUserFunction (/var/task/framework.js:2:6)\n (RequestId: 1)',
    '0003_broken, line 5: it does not hold. Deploy again.',
  ],
  ['in one line', 'Error: No lock. Logs: /aws/lambda/x at f', 'No lock.'],
  ['without a word of ours', 'Resource update cancelled', 'Resource update cancelled.'],
])('the line of a rollback says last why the deployment failed: %s', async (_, reason, said) => {
  const events = stackHistory(BACK.status, BEGAN_MS).map((event) =>
    event.of === 'resource' ? { ...event, reason } : event,
  );
  const kept = [{ name: '0001_a', reason: 'it has no down section' }];
  await pollAll(() => answered({ status: 'done', report: { ...report, undone: ['0002_b'], kept } }), {
    ...BACK,
    events,
  });
  await pollAll(failed, { ...BACK, events });
  expect(linesOf('deployment-ended').map(({ message }) => message)).toEqual([
    `Rolled back; undone: 0002_b; kept: 0001_a (it has no down section). What failed: ${said}`,
    expect.stringMatching(/^Rolled back; given up: Could not get a lock on orders.* What failed: .*\.$/),
  ]);
});

test('every last line has a sentence for people', async () => {
  await pollAll(done);
  await pollAll(failed);
  await pollAll(done, BACK);
  await pollAll(done, { type: 'Delete', status: 'DELETE_IN_PROGRESS' });
  expect(linesOf('deployment-ended').map(({ message }) => message)).toEqual([
    'Done, at none.',
    expect.stringMatching(/^The deployment failed\. Could not get a lock on orders/),
    'Rolled back; undone: none; kept: none.',
    'Removed; undone: none; kept: none.',
  ]);
});

test('given up on the way back: a success with the reason', async () => {
  const { data } = await pollAll(failed, BACK);
  expect(data?.Warnings).toContain('Could not get a lock on orders');
  expect(linesOf('deployment-ended')).toMatchObject([
    { outcome: 'given-up', reason: expect.stringMatching(/^Could not get/), keptCount: 0, report },
  ]);
});

test('each slice has a line: what came of it, how long it took, what is next', async () => {
  const attempts: MigrateInvocation[] = [
    answered({ status: 'continue', progress: 'builds orders_note', report }),
    { kind: 'died', message: 'Runtime.ExitError' },
    { kind: 'answered', response: { action: 'error', error: unreachable } },
  ];
  await pollAll((_, clock) => {
    clock.ms += 7_000;
    return attempts.shift()!;
  });
  expect(linesOf('slice-ended')).toMatchObject([
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
  expect(linesOf('slice-ended').at(-1)).toMatchObject({ migrate: 'done' });
  expect(linesOf('slice-ended').at(-1)).not.toHaveProperty('progress');
});

test.each<MigrateInvocation>([
  { kind: 'died', message: 'Runtime.ExitError' },
  { kind: 'silent', message: 'no answer for 130 s' },
])('three deaths in a row are the end, an answer between them begins anew: %o', async (death) => {
  const { reason } = await pollAll(() => death);
  expect(reason).toContain(
    `gave no answer 3 times in a row: ${death.kind === 'died' ? 'Runtime' : 'no answer'}`,
  );
  expect(linesOf('slice-ended')).toHaveLength(3);
  const waits = answered({ status: 'continue', progress: 'waits', waitingFor: unreachable, report });
  const attempts = [death, death, waits, death, death, done()];
  expect(await pollAll(() => attempts.shift()!)).toMatchObject({ reason: '', polls: 1 });
});

test('on the way back a lock is waited for as long as a database, all attempts together', async () => {
  const budgets: number[] = [];
  await pollAll((asked, clock) => {
    budgets.push(asked.budgetMs!);
    expect(asked.connectTimeout).toBeUndefined();
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
    expect(linesOf('deployment-overtaken')).toMatchObject([
      { relevance: 'overtaken', outcome: ok ? 'given-up' : 'failed' },
    ]);
    expect(linesOf('deployment-ended')).toEqual([]);
  },
);

test('what does not fit together is looked at again, for a minute', async () => {
  const { reason, polls } = await pollAll(never, { status: 'UPDATE_COMPLETE', events: [] });
  expect(reason).toMatch(/^This run was stopped/);
  expect(polls).toBe(14);
  expect(linesOf('relevance-unclear')).toHaveLength(13);
  expect(linesOf('relevance-unclear')[0]).toMatchObject({
    request: 'r',
    stack: 'UPDATE_COMPLETE',
    relevance: 'unclear',
  });
});

test('properties that this code cannot read fail a deployment, and nothing else', async () => {
  const unreadable = { properties: { Namespace: 'shop' } };
  const { reason } = await pollAll(never, unreadable);
  expect(reason).toMatch(/^Unexpected error in Trueup: (?!migrate is not invoked)/);
  expect(linesOf('unexpected-error')).toMatchObject([
    { error: expect.any(String), stack: expect.any(String) },
  ]);
  const back = await pollAll(never, { ...unreadable, ...BACK });
  expect(back.data?.Warnings).toMatch(/^Unexpected error in Trueup: /);
});
