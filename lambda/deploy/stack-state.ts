/** Reads from CloudFormation what the stack is doing, and how the requests of Trueup's resource ended. */
import { log } from '../log';
import type { StackState } from './classify-request';
import type { DeployOutbound } from './deploy-outbound';
import type { OnEventRequest } from './events';
import { isOperationStart, readHistory, removeRepeats, type StackEvent } from './history';

/** Limit for reading events. A stack of 500 resources has about 20 pages of events for each operation. */
const MAX_PAGES = 50;

/** Reads the stack's state. Never throws: what could not be read is null. */
export async function readStackState(
  event: OnEventRequest,
  startedAtMs: number,
  outbound: DeployOutbound,
): Promise<StackState> {
  let status: string;
  try {
    status = await outbound.stackStatus(event.StackId);
  } catch (error) {
    log('stack-query-failed', {
      request: event.RequestId,
      what: 'DescribeStacks',
      error: (error as Error).name,
    });
    return { status: null, history: null };
  }
  try {
    return { status, history: await readStackHistory(event, status, startedAtMs, outbound) };
  } catch (error) {
    log('stack-query-failed', {
      request: event.RequestId,
      what: 'DescribeStackEvents',
      error: (error as Error).name,
    });
    return { status, history: null };
  }
}

async function readStackHistory(
  event: OnEventRequest,
  status: string,
  startedAtMs: number,
  outbound: DeployOutbound,
) {
  const newestFirst: StackEvent[] = [];
  let pages = 0;
  let exhausted = true;
  const whole = event.RequestType === 'Delete' || status.includes('ROLLBACK');
  for await (const page of outbound.stackEvents(event.StackId, event.LogicalResourceId)) {
    newestFirst.push(...page.events);
    pages++;
    const enough = whole ? containsOperationStart(newestFirst) : page.oldestMs < startedAtMs;
    if (enough || pages === MAX_PAGES) {
      exhausted = false;
      break;
    }
  }
  return readHistory(newestFirst.reverse(), exhausted);
}

/**
 * Whether the events include the newest operation from its beginning, the stack's status before it, and a result of
 * Trueup's resource.
 */
export function containsOperationStart(newestFirst: readonly StackEvent[]): boolean {
  const oldestFirst = removeRepeats([...newestFirst].reverse());
  const stack = oldestFirst.filter(({ of }) => of === 'stack');
  const begins = stack.some(
    (event, index) =>
      isOperationStart(event) &&
      event.status !== 'DELETE_IN_PROGRESS' &&
      index > 0 &&
      !/^(CREATE|UPDATE)_FAILED$/.test(stack[index - 1]!.status),
  );
  const result = oldestFirst.some(
    ({ of, status }) => of === 'resource' && /^(CREATE|UPDATE)_(COMPLETE|FAILED)$/.test(status),
  );
  return begins && result;
}
