/** What the design takes for granted of aws-cdk-lib's provider framework: asked of the framework itself. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Handler } from './functions';
import { Conductor, type StackCode } from './index';

let conductor: Conductor;
beforeAll(async () => {
  conductor = await Conductor.start({ maxAttempts: 2, queryIntervalMs: 1 });
});
afterAll(() => conductor?.close());

const handler = (code: Handler) => ({ code, environment: {}, timeoutMs: 60_000 });
const code = (change: { onEvent?: Handler; isComplete?: Handler }): StackCode => ({
  onEvent: handler(change.onEvent ?? (async () => ({ PhysicalResourceId: 'id', StartedAt: 'then' }))),
  isComplete: handler(change.isComplete ?? (async () => ({ IsComplete: true, Data: {} }))),
  migrate: handler(async () => null),
});

/** Creates a stack of its own with these handlers; the reasons of its failures, and what it was sent. */
async function create(name: string, change: Parameters<typeof code>[0]) {
  const stack = conductor.stack(name);
  const status = await stack.create({ code: code(change), schema: { Some: 'property' } });
  const { requests, answers } = conductor.customResources(stack);
  const reasons = stack.events
    .filter((event) => event.status === 'CREATE_FAILED')
    .map(({ reason }) => reason);
  return { status, reasons, requests: requests.map(({ RequestType }) => RequestType), answers };
}

test('what onEvent returns comes back with every poll, and nothing else is carried along', async () => {
  const seen: unknown[] = [];
  const { status } = await create('carries', {
    isComplete: async (event) => {
      seen.push((event as { StartedAt: string }).StartedAt);
      return { IsComplete: seen.length === 2 };
    },
  });
  expect(status).toBe('CREATE_COMPLETE');
  expect(seen).toEqual(['then', 'then']);
});

test('attempts are counted, not time: so the deadline is ours to keep', async () => {
  let polls = 0;
  const { status, reasons } = await create('counts', {
    isComplete: async (event) => {
      if ((event as { RequestType: string }).RequestType === 'Delete') return { IsComplete: true };
      polls++;
      return { IsComplete: false };
    },
  });
  expect({ status, polls }).toEqual({ status: 'ROLLBACK_COMPLETE', polls: 3 });
  expect(reasons[0]).toContain('Operation timed out');
});

test('a handler that fails is not called again; the Delete reaches it when isComplete failed', async () => {
  let polls = 0;
  const { requests, answers } = await create('fails', {
    isComplete: async (event) => {
      polls++;
      if ((event as { RequestType: string }).RequestType === 'Create') throw new Error('no');
      return { IsComplete: true };
    },
  });
  expect(polls).toBe(2);
  expect(requests).toEqual(['Create', 'Delete']);
  expect(answers.map(({ status }) => status)).toEqual(['FAILED', 'SUCCESS']);
});

test('when onEvent failed, the Delete is swallowed: so onEvent must not fail', async () => {
  let events = 0;
  const { requests, answers } = await create('swallows', {
    onEvent: async () => {
      events++;
      throw new Error('no');
    },
  });
  expect(events).toBe(1);
  expect(requests).toEqual(['Create', 'Delete']);
  expect(answers.map(({ status }) => status)).toEqual(['FAILED', 'SUCCESS']);
});

test('the reason is the stack trace, uncut: so it has to be one short line', async () => {
  const { reasons } = await create('long', {
    isComplete: async () => {
      throw Object.assign(new Error('short'), { stack: `short\n${'at somewhere '.repeat(400)}` });
    },
  });
  expect(reasons).toEqual(['Response object is too long.']);
});

test('Data while not complete is refused', async () => {
  const { reasons } = await create('data', {
    isComplete: async () => ({ IsComplete: false, Data: { a: 1 } }),
  });
  expect(reasons[0]).toContain('"Data" is not allowed if "IsComplete" is "False"');
});
