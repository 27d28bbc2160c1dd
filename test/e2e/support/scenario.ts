/** What a scenario needs of the local AWS: the command line, clients, and what happened in a stack. */
import { join, resolve } from 'node:path';
import {
  CloudFormationClient,
  DescribeStackEventsCommand,
  DescribeStackResourcesCommand,
  DescribeStacksCommand,
  type StackEvent,
} from '@aws-sdk/client-cloudformation';
import { CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { inject } from 'vitest';
import { CdkCli } from './cdk';
import { awsEnvironment, REGION } from './emulator';
import type { LocalAws } from './local-aws';
import { type Finished, runToEnd } from './supervised';

export const ROOT = resolve(__dirname, '../../..');

export function localAws(): LocalAws {
  const aws = inject('localAws');
  if (aws === null) throw new Error('There is no local AWS here.');
  return aws;
}

/** False where Python is absent: `describe.runIf(available())`. */
export const available = (): boolean => inject('localAws') !== null;

export const cdk = (): CdkCli => new CdkCli(localAws().endpoint, localAws().folder);

export const clientConfig = () => ({
  endpoint: localAws().endpoint,
  region: REGION,
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
});

export async function stackStatus(stackName: string): Promise<string | undefined> {
  const client = new CloudFormationClient(clientConfig());
  try {
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: stackName }));
    return Stacks?.[0]?.StackStatus;
  } catch (error) {
    if (/does not exist/.test((error as Error).message)) return undefined;
    throw error;
  }
}

/** Oldest first. */
export async function stackEvents(stackName: string): Promise<StackEvent[]> {
  const client = new CloudFormationClient(clientConfig());
  const { StackEvents = [] } = await client.send(new DescribeStackEventsCommand({ StackName: stackName }));
  return StackEvents.reverse();
}

/** The physical id of the stack's resource of this type whose logical id matches. */
export async function physicalId(stackName: string, type: string, logicalId = /./): Promise<string> {
  const client = new CloudFormationClient(clientConfig());
  const { StackResources = [] } = await client.send(
    new DescribeStackResourcesCommand({ StackName: stackName }),
  );
  const found = StackResources.filter((r) => r.ResourceType === type && logicalId.test(r.LogicalResourceId!));
  if (found.length !== 1)
    throw new Error(`${found.length} resources of type ${type} match ${logicalId} in ${stackName}`);
  return found[0]!.PhysicalResourceId!;
}

/** Messages of a log group, oldest first. */
export async function logLines(logGroupName: string): Promise<string[]> {
  const lines: string[] = [];
  let nextToken: string | undefined;
  do {
    const page = await logsClient().send(new FilterLogEventsCommand({ logGroupName, nextToken }));
    lines.push(...(page.events ?? []).map((event) => event.message ?? ''));
    nextToken = page.nextToken;
  } while (nextToken);
  return lines;
}

/** The lines of a log that are JSON objects: our handlers write nothing else. */
export const logEvents = async (logGroupName: string): Promise<Record<string, unknown>[]> =>
  (await logLines(logGroupName))
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** Our own command line, as somebody with the caller's AWS credentials runs it. */
export function trueup(...args: string[]): Promise<Finished> {
  const { endpoint, folder } = localAws();
  const command = [
    process.execPath,
    '--import',
    require.resolve('tsx'),
    join(ROOT, 'bin', 'trueup.ts'),
    ...args,
  ];
  return runToEnd(command, {
    cwd: folder,
    env: awsEnvironment(endpoint, join(folder, 'home')),
    timeoutMs: 300_000,
  });
}

export const logsClient = (): CloudWatchLogsClient => new CloudWatchLogsClient(clientConfig());
