/** All outgoing calls of the deploy function: queries CloudFormation and invokes `migrate`. */
import { CloudFormation } from '@aws-sdk/client-cloudformation';
import { buildRequestTimeouts } from '../aws-timeouts';
import { type InvokeMigrate, makeMigrateInvoker } from '../invoke-migrate';
import type { StackEvent } from './history';

export interface EventPage {
  /** Events of the stack itself and of Trueup's resource only, newest first. */
  readonly events: readonly StackEvent[];
  /** Time of the oldest event on the page, of any resource. */
  readonly oldestMs: number;
}

export interface DeployOutbound {
  /** @throws if CloudFormation does not answer or refuses */
  stackStatus(stackId: string): Promise<string>;
  /** Yields pages, newest first. Ends after the last one. */
  stackEvents(stackId: string, logicalId: string): AsyncIterable<EventPage>;
  readonly invokeMigrate: InvokeMigrate;
}

/** Short, because the decision can also be made without the stack's state. */
const STACK_READ_TIMEOUT_MS = 10_000;

/** @param answerTimeoutMs time after which no response to an invocation is expected any more */
export function makeAwsOutbound(answerTimeoutMs: number): DeployOutbound {
  const cloudFormation = new CloudFormation({
    maxAttempts: 4,
    requestHandler: buildRequestTimeouts(STACK_READ_TIMEOUT_MS),
  });
  return {
    async stackStatus(stackId) {
      const { Stacks } = await cloudFormation.describeStacks({ StackName: stackId });
      const status = Stacks?.[0]?.StackStatus;
      if (status === undefined) throw new Error('DescribeStacks names no such stack');
      return status;
    },
    async *stackEvents(stackId, logicalId) {
      let token: string | undefined;
      do {
        const page = await cloudFormation.describeStackEvents({ StackName: stackId, NextToken: token });
        const all = page.StackEvents ?? [];
        const events = all.flatMap((event): StackEvent[] => {
          const of =
            event.PhysicalResourceId === stackId
              ? 'stack'
              : event.LogicalResourceId === logicalId
                ? 'resource'
                : null;
          if (of === null || !event.ResourceStatus || !event.Timestamp) return [];
          const { DetailedStatus: detail, ResourceStatusReason: reason } = event;
          const failed = of === 'resource' && event.ResourceStatus.endsWith('_FAILED');
          return [
            {
              of,
              status: event.ResourceStatus,
              ...(detail === undefined ? {} : { detail }),
              ...(failed && reason !== undefined ? { reason } : {}),
              atMs: event.Timestamp.getTime(),
            },
          ];
        });
        yield { events, oldestMs: all.at(-1)?.Timestamp?.getTime() ?? Number.POSITIVE_INFINITY };
        token = page.NextToken;
      } while (token);
    },
    invokeMigrate: makeMigrateInvoker({ answerMs: answerTimeoutMs }),
  };
}
