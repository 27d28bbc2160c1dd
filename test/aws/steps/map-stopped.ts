import {
  DescribeExecutionCommand,
  DescribeMapRunCommand,
  ListExecutionsCommand,
  ListMapRunsCommand,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import { type Finding, found, notSettled, type Step, type StepContext } from '../step';
import { until } from '../until';

const ITEMS = 6;
const PATIENCE_MS = 120_000;

/** Read by test/aws/recordings.test.ts. */
export interface MapRecording {
  readonly execution: string;
  readonly map: string;
  /** ARNs of children are `…:execution:<machine>/<label>:…`, as the policy of a fleet's run names them. Null: none was listed. */
  readonly childOfMachine: boolean | null;
  /** Of the children, by status, each look after the stop; the last is the end. */
  readonly looks: readonly Readonly<Record<string, number>>[];
}

export const mapStopped: Step = {
  id: 'map-stopped',
  part: 'stack',
  title: 'an execution is stopped while its Distributed Map works',
  locally: { why: 'the local AWS lets the children of a stopped execution run on' },
  async run({ aws, stack, record, tell }) {
    const { StateMachine } = await stack.outputs();
    const sfn = aws.stepFunctions;
    // Nothing is to end by itself while it is watched; a model that stops nothing is not to be waited for.
    const item = { seconds: aws.local ? 3 : 900 };
    const { executionArn } = await sfn.send(
      new StartExecutionCommand({
        stateMachineArn: StateMachine,
        input: JSON.stringify({ items: Array.from({ length: ITEMS }, () => item) }),
      }),
    );
    const mapRunArn = await until(async () => {
      const { mapRuns = [] } = await sfn.send(new ListMapRunsCommand({ executionArn }));
      const arn = mapRuns[0]?.mapRunArn;
      if (arn === undefined) return null;
      const { executionCounts } = await sfn.send(new DescribeMapRunCommand({ mapRunArn: arn }));
      return (executionCounts?.running ?? 0) > 0 ? arn : null;
    }, PATIENCE_MS);
    if (mapRunArn === null) return [notSettled('No child of the Distributed Map was started.')];
    await sfn.send(new StopExecutionCommand({ executionArn, cause: 'the live check stops it' }));
    tell('stopped with children at work');

    const machine = executionArn!.split(':')[6]!;
    const { executions = [] } = await sfn.send(new ListExecutionsCommand({ mapRunArn, maxResults: 1 }));
    const child = executions[0]?.executionArn;
    const childOfMachine = child === undefined ? null : isChildOf(child, machine);
    const looks: Record<string, number>[] = [];
    const ended = await until(async () => {
      const counts = await children({ aws }, mapRunArn);
      looks.push(counts);
      const { status } = await sfn.send(new DescribeMapRunCommand({ mapRunArn }));
      return status !== undefined && status !== 'RUNNING' && !counts.RUNNING ? status : null;
    }, PATIENCE_MS);
    const { status: execution } = await sfn.send(new DescribeExecutionCommand({ executionArn }));
    const recording: MapRecording = {
      execution: execution ?? '',
      map: ended ?? 'RUNNING',
      childOfMachine,
      looks,
    };
    record(recording);
    return judgeStopped(recording);
  },
};

/** @param arn of an execution. @param machine its name */
export const isChildOf = (arn: string, machine: string): boolean => {
  const [, , service, , , kind, name = ''] = arn.split(':');
  return service === 'states' && kind === 'execution' && name.startsWith(`${machine}/`);
};

export function judgeStopped({ execution, map, childOfMachine, looks }: MapRecording): Finding[] {
  const [first, last] = [looks[0] ?? {}, looks.at(-1) ?? {}];
  const started = (counts: Readonly<Record<string, number>>) =>
    Object.values(counts).reduce((sum, n) => sum + n, 0);
  return [
    found(
      execution === 'ABORTED' && map === 'ABORTED',
      'Stopping the execution stops its Distributed Map.',
      `The stopped execution is ${execution}, its Distributed Map ${map}.`,
    ),
    found(
      !last.RUNNING && (last.ABORTED ?? 0) > 0 && !last.SUCCEEDED,
      'Its children at work are aborted.',
      `Its children at work are not all aborted: ${JSON.stringify(last)}.`,
    ),
    found(
      started(last) === started(first),
      'No further child starts after the stop.',
      `After the stop ${started(last) - started(first)} further children started.`,
    ),
    childOfMachine === null
      ? notSettled('No child was listed, so the form of its ARN is not known.')
      : found(
          childOfMachine,
          "A child's ARN is that of an execution of the machine's name, a slash and the map's label.",
          "A child's ARN does not begin as that of an execution of its machine and a slash.",
        ),
  ];
}

async function children(
  { aws }: Pick<StepContext, 'aws'>,
  mapRunArn: string,
): Promise<Record<string, number>> {
  const { executions = [] } = await aws.stepFunctions.send(new ListExecutionsCommand({ mapRunArn }));
  const counts: Record<string, number> = {};
  for (const { status = '' } of executions) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
