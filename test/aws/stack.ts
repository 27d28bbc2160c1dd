/** The stacks of a run: made with the real `cdk` command line, found again by their tag, deleted. */
import {
  CancelUpdateStackCommand,
  DeleteStackCommand,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  type Stack,
  type StackEvent,
} from '@aws-sdk/client-cloudformation';
import type { Aws } from './aws';
import { pause } from './until';

/** Every stack of a run has it, with the run's id. */
export const TAG = 'trueup:live-check';
/** Names of stacks, and so of most of what is in them, begin with it. */
export const PREFIX = 'trueup-live-';

export const stackName = (run: string, part: string): string => `${PREFIX}${run}-${part}`;
export const NAMES = `${PREFIX}*`;

export const newRun = (): string =>
  `r${Array.from({ length: 7 }, () => Math.floor(Math.random() * 36).toString(36)).join('')}`;

/** What a step needs of the stack that its part made. */
export interface LiveStack {
  readonly name: string;
  /** Its ARN, by which it is known when it has been deleted. @default - it was not made */
  readonly id?: string;
  /** Where a step keeps what it writes, removed at the end. */
  readonly folder: string;
  readonly outputs: () => Promise<Readonly<Record<string, string>>>;
  /** Deploys again, with other values of the app's context. Failing is an answer. */
  readonly deploy: (
    context: Readonly<Record<string, string>>,
    flags?: readonly string[],
  ) => Promise<Deployed>;
  /** Another command of the `cdk` command line on this stack. */
  readonly cdk: (command: string, flags?: readonly string[]) => Promise<Deployed>;
}

export interface Deployed {
  readonly exitCode: number;
  readonly output: string;
}

export async function describe(aws: Aws, name: string): Promise<Stack | null> {
  try {
    const { Stacks } = await aws.cloudFormation.send(new DescribeStacksCommand({ StackName: name }));
    return Stacks?.[0] ?? null;
  } catch (error) {
    if (/does not exist/.test((error as Error).message)) return null;
    throw error;
  }
}

export const statusOf = async (aws: Aws, name: string): Promise<string> =>
  (await describe(aws, name))?.StackStatus ?? 'absent';

export async function outputsOf(aws: Aws, name: string): Promise<Record<string, string>> {
  const outputs = (await describe(aws, name))?.Outputs ?? [];
  return Object.fromEntries(outputs.map(({ OutputKey, OutputValue }) => [OutputKey!, OutputValue ?? '']));
}

/** Oldest first; all that CloudFormation has. */
export async function eventsOf(aws: Aws, name: string): Promise<StackEvent[]> {
  const events: StackEvent[] = [];
  let NextToken: string | undefined;
  do {
    const page = await aws.cloudFormation.send(
      new DescribeStackEventsCommand({ StackName: name, NextToken }),
    );
    events.push(...(page.StackEvents ?? []));
    NextToken = page.NextToken;
  } while (NextToken);
  return events.reverse();
}

/** Newest first, of every run or of one; those that a parent deletes are left out. */
export async function stacksOfRuns(
  aws: Aws,
  run?: string,
): Promise<{ name: string; run: string; status: string }[]> {
  const found: { name: string; run: string; status: string }[] = [];
  let NextToken: string | undefined;
  do {
    const page = await aws.cloudFormation.send(new DescribeStacksCommand({ NextToken }));
    for (const { StackName, StackStatus, ParentId, Tags } of page.Stacks ?? []) {
      const tag = Tags?.find(({ Key }) => Key === TAG)?.Value;
      if (!tag || !StackName?.startsWith(PREFIX) || ParentId || (run !== undefined && tag !== run)) continue;
      found.push({ name: StackName, run: tag, status: StackStatus ?? '' });
    }
    NextToken = page.NextToken;
  } while (NextToken);
  return found;
}

const RETRY_MS = 5_000;

/**
 * Starts the deletion. CloudFormation refuses it while a stack is updated or rolled back: an update is then cancelled, and
 * the deletion asked for again until the time is over.
 * @throws what CloudFormation said last
 */
export async function startDeletion(aws: Aws, name: string, patienceMs: number): Promise<void> {
  for (const end = Date.now() + patienceMs; ; await pause(RETRY_MS)) {
    try {
      await aws.cloudFormation.send(new DeleteStackCommand({ StackName: name }));
      return;
    } catch (error) {
      if (Date.now() >= end) throw error;
      const status = await statusOf(aws, name);
      if (status === 'absent') return;
      if (!status.endsWith('_IN_PROGRESS')) throw error;
      if (status === 'UPDATE_IN_PROGRESS') {
        await aws.cloudFormation.send(new CancelUpdateStackCommand({ StackName: name })).catch(() => {});
      }
    }
  }
}

/** @returns null when it is gone, otherwise the status in which it stayed */
export async function untilDeleted(aws: Aws, name: string, patienceMs: number): Promise<string | null> {
  for (const end = Date.now() + patienceMs; ; await pause(aws.local ? 500 : RETRY_MS)) {
    const status = await statusOf(aws, name);
    if (status === 'absent' || status === 'DELETE_COMPLETE') return null;
    if (Date.now() >= end || !status.endsWith('_IN_PROGRESS')) return status;
  }
}
