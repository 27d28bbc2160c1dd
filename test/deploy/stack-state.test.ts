/** What is read of a stack's events, page by page, and what is made of events that cannot be had. */
import { expect, test } from 'vitest';
import type { DeployOutbound } from '../../lambda/deploy/deploy-outbound';
import type { OnEventRequest } from '../../lambda/deploy/events';
import { readReportedSuccess, type StackEvent } from '../../lambda/deploy/history';
import { readStackState } from '../../lambda/deploy/stack-state';
import { quiet } from '../support/quiet';

const lines: Record<string, unknown>[] = [];
quiet(lines);

const REQUEST = {
  RequestType: 'Update',
  RequestId: 'r',
  StackId: 'arn:aws:cloudformation:us-east-1:111122223333:stack/shop/1',
  LogicalResourceId: 'Schema',
  ResourceProperties: {},
} as const;
const MINUTE = 60_000;

interface Stack {
  readonly status?: string | Error;
  /** Newest first, one event a page. */
  readonly pages?: Iterable<StackEvent | Error>;
}

/** The stack's state as it is read, and how many pages that took. */
async function read(
  { status = 'UPDATE_IN_PROGRESS', pages = [] }: Stack,
  change: Partial<OnEventRequest> = {},
) {
  let read = 0;
  const outbound: DeployOutbound = {
    stackStatus: async () => {
      if (status instanceof Error) throw status;
      return status;
    },
    async *stackEvents(stackId, logicalId) {
      expect([stackId, logicalId]).toEqual([REQUEST.StackId, REQUEST.LogicalResourceId]);
      for (const event of pages) {
        if (event instanceof Error) throw event;
        read++;
        yield { events: [event], oldestMs: event.atMs };
      }
    },
    invokeMigrate: () => expect.unreachable(),
  };
  const state = await readStackState({ ...REQUEST, ...change }, 100 * MINUTE, outbound);
  return { ...state, pages: read };
}

const event = (of: StackEvent['of'], status: string, minute: number): StackEvent => ({
  of,
  status,
  atMs: minute * MINUTE,
});

/** A rollback's events, newest first, and before them those of an operation that was never this long. */
function* rollback(resourceEvents: number): Generator<StackEvent> {
  yield event('stack', 'UPDATE_ROLLBACK_IN_PROGRESS', 99);
  yield event('resource', 'UPDATE_FAILED', 98);
  for (let i = 0; i < resourceEvents; i++) yield event('resource', 'UPDATE_IN_PROGRESS', 97);
  yield event('stack', 'UPDATE_IN_PROGRESS', 96);
  yield event('stack', 'UPDATE_COMPLETE', 95);
  yield event('resource', 'CREATE_COMPLETE', 94);
}

test('a rollback is read back to what the stack was before the attempt, and no further', async () => {
  const { history, pages, status } = await read({
    status: 'UPDATE_ROLLBACK_IN_PROGRESS',
    pages: rollback(1),
  });
  expect(status).toBe('UPDATE_ROLLBACK_IN_PROGRESS');
  expect(pages).toBe(5);
  expect(history).toMatchObject({ whole: true, results: ['UPDATE_FAILED'], attemptAtMs: 96 * MINUTE });
  expect(readReportedSuccess(history!)).toBe(false);
});

test('after 50 pages it is not known what the resource had reported', async () => {
  const { history, pages } = await read({ status: 'UPDATE_ROLLBACK_IN_PROGRESS', pages: rollback(1_000) });
  expect(pages).toBe(50);
  expect(history).toMatchObject({ whole: false, results: ['UPDATE_FAILED'] });
  expect(readReportedSuccess(history!)).toBe('unknown');
});

test('the last of 50 pages may begin with the operation: what was before is not known', async () => {
  const { history, pages } = await read({ status: 'UPDATE_ROLLBACK_IN_PROGRESS', pages: rollback(47) });
  expect(pages).toBe(50);
  expect(history).toMatchObject({ whole: false, attemptAtMs: 96 * MINUTE });
  expect(readReportedSuccess(history!)).toBe('unknown');
});

test('all events of a young stack are the whole history', async () => {
  const young = [
    event('stack', 'ROLLBACK_IN_PROGRESS', 99),
    event('resource', 'CREATE_FAILED', 98),
    event('stack', 'CREATE_IN_PROGRESS', 97),
  ];
  const { history, pages } = await read({ status: 'ROLLBACK_IN_PROGRESS', pages: young });
  expect(pages).toBe(3);
  expect(history).toMatchObject({ whole: true, results: ['CREATE_FAILED'] });
});

test('on the way forward, events from before the request say nothing', async () => {
  const { history, pages } = await read({
    pages: [
      event('resource', 'UPDATE_IN_PROGRESS', 101),
      event('resource', 'UPDATE_IN_PROGRESS', 100),
      event('stack', 'UPDATE_IN_PROGRESS', 99),
      event('stack', 'UPDATE_COMPLETE', 98),
    ],
  });
  expect(pages).toBe(3);
  expect(history).toMatchObject({ whole: false, rollbackAtMs: null });
});

test('a Delete is read as far back as a rollback: the stack may have been made a moment ago', async () => {
  const { pages } = await read(
    { status: 'DELETE_IN_PROGRESS', pages: [event('stack', 'DELETE_IN_PROGRESS', 99), ...rollback(1)] },
    { RequestType: 'Delete' },
  );
  expect(pages).toBe(6);
});

test('what CloudFormation refuses is not known, and no error', async () => {
  expect(await read({ status: new Error('Throttling') })).toMatchObject({ status: null, history: null });
  const half = [event('stack', 'UPDATE_ROLLBACK_IN_PROGRESS', 99), new Error('Throttling')];
  expect(await read({ status: 'UPDATE_ROLLBACK_IN_PROGRESS', pages: half })).toMatchObject({
    status: 'UPDATE_ROLLBACK_IN_PROGRESS',
    history: null,
  });
  const failed = { event: 'stack-query-failed', request: 'r', error: 'Error' };
  expect(lines).toMatchObject([
    { ...failed, what: 'DescribeStacks' },
    { ...failed, what: 'DescribeStackEvents' },
  ]);
});
