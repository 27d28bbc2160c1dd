/** Everything that leaves this process: CloudFormation is asked, `migrate` is invoked. */
import { CloudFormation } from '@aws-sdk/client-cloudformation';
import { Lambda } from '@aws-sdk/client-lambda';
import { within } from '../aws-timeouts';
import type { MigrateRequest, MigrateResponse } from '../contract/migrate';
import type { Attempt } from './decide';
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
  /** Never throws. */
  invokeMigrate(functionName: string, request: MigrateRequest): Promise<Attempt>;
}

/** Short: a look is worth a few seconds, and its absence is something that the decision can deal with. */
const LOOK_TIMEOUT_MS = 10_000;

/** @param answerTimeoutMs after which nothing more is expected of an invocation */
export function awsOutbound(answerTimeoutMs: number): Outbound {
  const cloudFormation = new CloudFormation({ maxAttempts: 4, requestHandler: within(LOOK_TIMEOUT_MS) });
  // One attempt: the SDK would invoke again by itself, and nobody would count it.
  const lambda = new Lambda({ maxAttempts: 1, requestHandler: within(answerTimeoutMs) });
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
    async invokeMigrate(functionName, request) {
      try {
        const answer = await lambda.invoke({ FunctionName: functionName, Payload: JSON.stringify(request) });
        const payload = answer.Payload ? Buffer.from(answer.Payload).toString('utf8') : '';
        return answer.FunctionError === undefined ? answered(payload) : died(payload);
      } catch (error) {
        return notTaken(error as Error, answerTimeoutMs);
      }
    },
  };
}

function answered(payload: string): Attempt {
  try {
    const response = JSON.parse(payload) as MigrateResponse | null;
    if (response !== null && typeof response === 'object' && 'action' in response)
      return { kind: 'answered', response };
  } catch {
    // Not JSON: the same as an answer of another kind.
  }
  return { kind: 'died', message: 'its answer does not have the expected form' };
}

/** Lambda's description of the death; a message of unknown code could quote anything, so only its own words are kept. */
function died(payload: string): Attempt {
  let type = 'an error';
  let text = '';
  try {
    const { errorType, errorMessage } = JSON.parse(payload) as Record<string, unknown>;
    if (typeof errorType === 'string') type = errorType;
    if (typeof errorMessage === 'string') text = errorMessage;
  } catch {
    // Lambda gave no description.
  }
  const known = text.match(
    /Task timed out after [\d.]+ seconds|Runtime exited .{0,80}|Cannot find module '[^']*'/,
  );
  return { kind: 'died', message: known ? `${type}: ${known[0]}` : type };
}

/** Errors of Invoke that the next call would meet again (https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html). */
const LASTING = new Set([
  'AccessDeniedException',
  'ResourceNotFoundException',
  'InvalidRuntimeException',
  'InvalidSecurityGroupIDException',
  'InvalidSubnetIDException',
  'InvalidZipFileException',
  'KMSAccessDeniedException',
  'KMSDisabledException',
  'KMSNotFoundException',
  'RequestTooLargeException',
]);

function notTaken(error: Error, answerTimeoutMs: number): Attempt {
  if (error.name === 'TimeoutError') {
    return { kind: 'silent', message: `no answer for ${Math.round(answerTimeoutMs / 1000)} s` };
  }
  return { kind: 'refused', message: `${error.name}: ${error.message}`, lasting: LASTING.has(error.name) };
}
