/** Everything that leaves this process: CloudFormation is asked, `migrate` is invoked. */
import { CloudFormation } from '@aws-sdk/client-cloudformation';
import { within } from '../aws-timeouts';
import { type InvokeMigrate, migrateInvoker } from '../invoke-migrate';
import type { StackEvent } from './history';

export interface EventPage {
  /** Newest first, of the stack itself and of our resource only. */
  readonly events: readonly StackEvent[];
  /** Of everything on the page. */
  readonly oldestMs: number;
}

export interface Outbound {
  /** @throws when CloudFormation does not answer or refuses */
  stackStatus(stackId: string): Promise<string>;
  /** Newest first; empty at the end. */
  stackEvents(stackId: string, logicalId: string): AsyncIterable<EventPage>;
  readonly invokeMigrate: InvokeMigrate;
}

/** Short: a look is worth a few seconds, and its absence is something that the decision can deal with. */
const LOOK_TIMEOUT_MS = 10_000;

/** @param answerTimeoutMs after which nothing more is expected of an invocation */
export function awsOutbound(answerTimeoutMs: number): Outbound {
  const cloudFormation = new CloudFormation({ maxAttempts: 4, requestHandler: within(LOOK_TIMEOUT_MS) });
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
          const detail = event.DetailedStatus;
          return [
            {
              of,
              status: event.ResourceStatus,
              ...(detail === undefined ? {} : { detail }),
              atMs: event.Timestamp.getTime(),
            },
          ];
        });
        yield { events, oldestMs: all.at(-1)?.Timestamp?.getTime() ?? Number.POSITIVE_INFINITY };
        token = page.NextToken;
      } while (token);
    },
    invokeMigrate: migrateInvoker({ answerMs: answerTimeoutMs }),
  };
}
