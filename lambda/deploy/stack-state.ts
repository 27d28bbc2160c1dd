/** Asks CloudFormation what the stack is doing and how our own resource's requests ended. */
import { log } from '../log';
import type { StackState } from './classify-request';
import type { OnEventRequest } from './events';
import { beginsOperation, readHistory, type StackEvent, withoutRepeats } from './history';
import type { Outbound } from './outbound';

/** A stack of 500 resources makes about 20 pages of events an operation. */
const MAX_PAGES = 50;

/** Never throws: what could not be learned is null. */
export async function readStackState(
  event: OnEventRequest,
  startedAtMs: number,
  outbound: Outbound,
): Promise<StackState> {
  let status: string;
  try {
    status = await outbound.stackStatus(event.StackId);
  } catch (error) {
    log('look-failed', { request: event.RequestId, what: 'DescribeStacks', error: (error as Error).name });
    return { status: null, history: null };
  }
  try {
    return { status, history: await historyOf(event, status, startedAtMs, outbound) };
  } catch (error) {
    log('look-failed', {
      request: event.RequestId,
      what: 'DescribeStackEvents',
      error: (error as Error).name,
    });
    return { status, history: null };
  }
}

async function historyOf(event: OnEventRequest, status: string, startedAtMs: number, outbound: Outbound) {
  const newestFirst: StackEvent[] = [];
  let pages = 0;
  let exhausted = true;
  const whole = event.RequestType === 'Delete' || status.includes('ROLLBACK');
  for await (const page of outbound.stackEvents(event.StackId, event.LogicalResourceId)) {
    newestFirst.push(...page.events);
    pages++;
    const enough = whole ? reachesBack(newestFirst) : page.oldestMs < startedAtMs;
    if (enough || pages === MAX_PAGES) {
      exhausted = false;
      break;
    }
  }
  return readHistory(newestFirst.reverse(), exhausted);
}

/** The newest operation from its beginning, what the stack was before it, and a result of our own resource. */
export function reachesBack(newestFirst: readonly StackEvent[]): boolean {
  const oldestFirst = withoutRepeats([...newestFirst].reverse());
  const stack = oldestFirst.filter(({ of }) => of === 'stack');
  const begins = stack.some(
    (event, index) =>
      beginsOperation(event) &&
      event.status !== 'DELETE_IN_PROGRESS' &&
      index > 0 &&
      !/^(CREATE|UPDATE)_FAILED$/.test(stack[index - 1]!.status),
  );
  const result = oldestFirst.some(
    ({ of, status }) => of === 'resource' && /^(CREATE|UPDATE)_(COMPLETE|FAILED)$/.test(status),
  );
  return begins && result;
}
