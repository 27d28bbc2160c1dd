/** Deployments of the small stack that fail, in the ways that Trueup's rollback rests on. */

import { DescribeStackResourcesCommand, type StackEvent } from '@aws-sdk/client-cloudformation';
import { FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { QUERY_INTERVAL_MS } from '../apps/small';
import type { Aws } from '../aws';
import {
  type Attempt,
  judgeCancelled,
  judgeClocks,
  judgeNested,
  judgeNoRollback,
  judgePolls,
  judgeRollback,
  judgeWaiting,
} from '../judge';
import type { Received, StackLine } from '../received';
import { eventsOf, type LiveStack, statusOf } from '../stack';
import { notSettled, type Step, type StepContext } from '../step';
import { pause, until } from '../until';

/** Read by test/aws/recordings.test.ts. */
export type AttemptRecording = Attempt & {
  readonly nested: readonly StackLine[];
  readonly afterwards: string;
};

const GOOD = '1';
/** So that the provider framework asks several times. */
const SECONDS = '22';

export const lateFailure: Step = {
  id: 'late-failure',
  part: 'stack',
  title: 'a resource after the custom resource fails: events, rollback, old code',
  async run(context) {
    const { record, tell, aws } = context;
    const recording = await attempt(context, '2', { service: 'fails', seconds: SECONDS });
    record(recording);
    tell(`${recording.received.length} calls, ${recording.events.length} events`);
    return [
      ...judgeRollback(recording),
      judgeWaiting(recording),
      judgeClocks(recording),
      judgePolls(recording, QUERY_INTERVAL_MS),
      aws.local
        ? notSettled(
            'Nested stacks: the status of one is wrong in a rollback of the local AWS, so none was deployed.',
          )
        : judgeNested(recording.nested),
    ];
  },
};

export const cancelled: Step = {
  id: 'cancelled',
  part: 'stack',
  title: 'a resource beside the custom resource fails while it works',
  locally: { why: 'the local AWS updates one resource after the other and cancels none', skip: true },
  async run(context) {
    const recording = await attempt(context, '3', { service: 'fails-beside', seconds: '90' });
    const { tell, aws, stack } = context;
    tell('waiting for the answer of the cancelled request');
    const answered = async () =>
      (await receivedBy(aws, stack)).find(({ now, answered }) => now === '3' && answered) ? true : null;
    await until(answered, 180_000);
    await pause(15_000);
    const later = { ...recording, received: since(await receivedBy(aws, stack), recording.received) };
    const afterwards = await statusOf(aws, stack.name);
    context.record({ ...later, afterwards } satisfies AttemptRecording);
    return judgeCancelled(later, afterwards);
  },
};

/** Last of all, since it leaves the stack rolled back by hand. */
export const noRollback: Step = {
  id: 'no-rollback',
  part: 'stack',
  title: 'deployments that fail with rollback disabled, then `cdk rollback`',
  async run({ aws, stack, tell, record }) {
    const before = (await receivedBy(aws, stack)).length;
    for (const version of ['4', '5']) {
      const { exitCode, output } = await stack.deploy({ version, ours: 'fails' }, ['--no-rollback']);
      const status = await statusOf(aws, stack.name);
      if (exitCode === 0 || status !== 'UPDATE_FAILED')
        throw new Error(`Version ${version} left the stack ${status}: ${lastLine(output)}`);
      tell(`version ${version} failed, as told`);
    }
    const rolledBack = await stack.cdk('rollback');
    if (rolledBack.exitCode !== 0) tell(`cdk rollback: ${lastLine(rolledBack.output)}`);
    const received = (await receivedBy(aws, stack)).slice(before);
    record({ received });
    return judgeNoRollback(received, { good: GOOD, first: '4', second: '5' });
  },
};

/** Deploys a version that fails, and reads what was left behind. */
async function attempt(
  { aws, stack }: StepContext,
  version: string,
  context: Readonly<Record<string, string>>,
): Promise<AttemptRecording> {
  const [calls, lines] = [await receivedBy(aws, stack), await eventsOf(aws, stack.name)];
  const deployed = await stack.deploy({ version, ...context });
  const afterwards = await statusOf(aws, stack.name);
  if (deployed.exitCode === 0 || afterwards !== 'UPDATE_ROLLBACK_COMPLETE')
    throw new Error(`Version ${version} left the stack ${afterwards}: ${lastLine(deployed.output)}`);
  const events = (await eventsOf(aws, stack.name)).filter(
    ({ EventId }) => !lines.some((each) => each.EventId === EventId),
  );
  const received = since(
    (await until(async () => whole(await receivedBy(aws, stack), version), 60_000)) ??
      (await receivedBy(aws, stack)),
    calls,
  );
  return {
    received,
    events: events.map(line),
    nested: await nestedEvents(aws, stack),
    ours: await ownId(aws, stack),
    good: GOOD,
    bad: version,
    afterwards,
  };
}

/** A function's log arrives late: until the answer of the rollback's Update is in it. */
const whole = (received: readonly Received[], version: string): readonly Received[] | null =>
  received.some(({ now, before, answered }) => now === GOOD && before === version && answered)
    ? received
    : null;

const since = (now: readonly Received[], before: readonly Received[]): Received[] =>
  now.filter((each) => !before.some((old) => old.at === each.at && old.request === each.request));

async function receivedBy(aws: Aws, stack: LiveStack): Promise<Received[]> {
  const { DeploymentLogGroup } = await stack.outputs();
  const received: Received[] = [];
  let nextToken: string | undefined;
  do {
    const page = await aws.logs.send(
      new FilterLogEventsCommand({ logGroupName: DeploymentLogGroup, nextToken, startTime: 0 }),
    );
    for (const { message = '' } of page.events ?? []) {
      if (!message.startsWith('{"time"')) continue;
      const { time, event, ...rest } = JSON.parse(message) as Received & { time: string; event: string };
      if (event === 'received') received.push(rest);
    }
    nextToken = page.nextToken;
  } while (nextToken);
  return received.sort((a, b) => a.at - b.at);
}

async function ownId(aws: Aws, stack: LiveStack): Promise<string> {
  const { StackResources = [] } = await aws.cloudFormation.send(
    new DescribeStackResourcesCommand({ StackName: stack.name }),
  );
  const ours = StackResources.find(
    ({ LogicalResourceId, ResourceType }) =>
      ResourceType === 'AWS::CloudFormation::CustomResource' && LogicalResourceId?.startsWith('Deployment'),
  );
  if (ours === undefined) throw new Error('The custom resource is not among the resources of the stack.');
  return ours.LogicalResourceId!;
}

async function nestedEvents(aws: Aws, stack: LiveStack): Promise<StackLine[]> {
  const { StackResources = [] } = await aws.cloudFormation.send(
    new DescribeStackResourcesCommand({ StackName: stack.name }),
  );
  const nested = StackResources.find(({ ResourceType }) => ResourceType === 'AWS::CloudFormation::Stack');
  return nested?.PhysicalResourceId ? (await eventsOf(aws, nested.PhysicalResourceId)).map(line) : [];
}

const line = (event: StackEvent): StackLine => ({
  of: event.PhysicalResourceId === event.StackId ? 'stack' : (event.LogicalResourceId ?? ''),
  type: event.ResourceType ?? '',
  status: event.ResourceStatus ?? '',
  ...(event.DetailedStatus === undefined ? {} : { detail: event.DetailedStatus }),
  ...(event.ResourceStatusReason === undefined ? {} : { reason: event.ResourceStatusReason }),
  at: event.Timestamp?.getTime() ?? 0,
});

const lastLine = (output: string): string => output.trimEnd().split('\n').at(-1) ?? '';
