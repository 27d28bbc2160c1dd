/** What Step Functions and IAM do with a fleet's run: the library's own states, bucket and tally, with no database behind them. */
import { InvokeCommand } from '@aws-sdk/client-lambda';
import { DescribeExecutionCommand, GetExecutionHistoryCommand, type HistoryEvent } from '@aws-sdk/client-sfn';
import type { BranchResult, RunState } from '../../../lambda/contract/fleet-run';
import { runObjectKeys } from '../../../lambda/contract/fleet-run';
import { MAP_PERMISSION_ERRORS } from '../../../lib/constructs/fleet/states';
import type { Aws } from '../aws';
import { ALL_RIGHTS, ALL_TENANTS, AT_ONCE, LIVING_TENANTS, RIGHTS, type Right } from '../fleet-run';
import type { Begun, Wanted } from '../handlers/fleet';
import { type Finding, found, notSettled, type Step, type StepContext } from '../step';
import { until } from '../until';

/** A map that is forbidden something is tried for most of a minute. */
const PATIENCE_MS = 240_000;

/** Read by test/aws/recordings.test.ts. */
export interface RunRecording {
  readonly status: string;
  /** As the tally has counted them; null where it has not. */
  readonly states: Readonly<Record<string, number>> | null;
  /** Where the results of the map are said to lie. */
  readonly key: string | null;
  /** What the map ended with, when it was not tried any more. */
  readonly caught: string | null;
  /** Every error in the history, in its order. */
  readonly errors: readonly string[];
  /** How often a map was begun. */
  readonly maps: number;
}

export type DeniedRecording = Readonly<Record<Right, RunRecording>>;
export interface AtOnceRecording extends RunRecording {
  /** Names of what the function that begins the run was answered before it could. */
  readonly denied: readonly string[];
}

export const mapResults: Step = {
  id: 'map-results',
  part: 'stack',
  title: "the results of a fleet's wave, under a prefix that the run's state names",
  locally: { why: 'the local AWS has an addition of this project in the place of the ResultWriter' },
  async run(context) {
    const { FleetMachine } = await context.stack.outputs();
    await begin(context, { machine: FleetMachine!, run: 'map-results', tenants: ALL_TENANTS });
    const recording = await runOf(context.aws, FleetMachine!, 'map-results');
    context.record(recording);
    return judgeResults(recording, 'map-results');
  },
};

export const mapDenied: Step = {
  id: 'map-denied',
  part: 'stack',
  title: 'what a Distributed Map ends with that lacks a right',
  locally: { why: 'the local AWS enforces no policy' },
  async run(context) {
    const outputs = await context.stack.outputs();
    const runs = await Promise.all(
      ALL_RIGHTS.map(async (right) => {
        const machine = outputs[`FleetWithout${right}`]!;
        const run = `without-${right}`;
        await begin(context, { machine, run, tenants: LIVING_TENANTS });
        return [right, await runOf(context.aws, machine, run)] as const;
      }),
    );
    const recording = Object.fromEntries(runs) as DeniedRecording;
    context.record(recording);
    return judgeDenied(recording);
  },
};

export const rightsAtOnce: Step = {
  id: 'rights-at-once',
  part: 'stack',
  title: 'a run that begins as soon as CloudFormation has made its roles',
  locally: { why: 'the local AWS enforces no policy' },
  async run(context) {
    const { FleetMachine, FleetDenied = '' } = await context.stack.outputs();
    const run = await runOf(context.aws, FleetMachine!, AT_ONCE);
    const recording = { ...run, denied: FleetDenied.split(' ').filter(Boolean) };
    context.record(recording);
    return judgeAtOnce(recording);
  },
};

export function judgeResults({ status, states, key }: RunRecording, run: string): Finding[] {
  const prefix = `${runObjectKeys.results(run, 0)}/`;
  return [
    found(
      status === 'SUCCEEDED' && key !== null && key.startsWith(prefix),
      "Step Functions takes the prefix of the results from the run's state.",
      `The run is ${status}, and its results lie ${key === null ? 'nowhere' : 'under another prefix'}.`,
    ),
    found(
      states?.['up to date'] === 2 && states['no answer'] === 1,
      'The tally reads them: two tenants answered, and the function of one died.',
      `The tally reads of two tenants that answered and of one whose function died: ${JSON.stringify(states)}.`,
    ),
  ];
}

export const judgeDenied = (runs: DeniedRecording): Finding[] =>
  ALL_RIGHTS.flatMap((right): Finding[] => {
    const { caught, maps, errors } = runs[right];
    const { words } = RIGHTS[right];
    if (caught === null) {
      const seen = errors.length > 0 ? `: ${[...new Set(errors)].join(', ')}` : '';
      return [notSettled(`A map without the right ${words} was caught with no error${seen}.`)];
    }
    // What is refused before it begins has an error in the history, and no map.
    const tried = Math.max(maps, errors.filter((each) => each === caught).length);
    const known = (MAP_PERMISSION_ERRORS as readonly string[]).includes(caught);
    return [
      found(
        known && tried > 1,
        `A map without the right ${words} ends with ${caught}, and was tried ${tried} times.`,
        `A map without the right ${words} ends with ${caught}, and was tried ${tried > 1 ? `${tried} times` : 'once'}.`,
      ),
    ];
  });

export function judgeAtOnce({ status, states, denied, errors, maps }: AtOnceRecording): Finding[] {
  const count = (n: number) => (n === 1 ? 'once' : `${n} times`);
  const before =
    denied.length + errors.length === 0
      ? 'nothing was denied on the way'
      : `its start was denied ${count(denied.length)} before that, and it met ${errors.length} ${errors.length === 1 ? 'error' : 'errors'} (${maps} maps begun)`;
  return [
    found(
      status === 'SUCCEEDED' && states?.['up to date'] === LIVING_TENANTS.length,
      `A run that begins as soon as its roles are made comes to its end; ${before}.`,
      `A run that begins as soon as its roles are made is ${status}: ${[...new Set([...denied, ...errors])].join(', ') || 'no error'}; ${JSON.stringify(states)}.`,
    ),
  ];
}

async function begin({ aws, stack, tell }: StepContext, wanted: Wanted): Promise<void> {
  const { FleetBeginFunction } = await stack.outputs();
  const { Payload, FunctionError } = await aws.lambda.send(
    new InvokeCommand({
      FunctionName: FleetBeginFunction,
      Payload: Buffer.from(JSON.stringify(wanted)),
    }),
  );
  if (FunctionError) throw new Error(`The function in the account failed (${FunctionError}).`);
  const { denied } = JSON.parse(Buffer.from(Payload ?? []).toString('utf8')) as Begun;
  if (denied.at(-1) === 'gave up')
    throw new Error(`The run ${wanted.run} could not be begun (${denied[0]}).`);
  tell(`${wanted.run} has begun`);
}

/** Waits for its end. */
async function runOf({ stepFunctions }: Aws, machine: string, run: string): Promise<RunRecording> {
  const executionArn = `${machine.replace(':stateMachine:', ':execution:')}:${run}`;
  const ended = await until(async () => {
    const execution = await stepFunctions.send(new DescribeExecutionCommand({ executionArn }));
    return execution.status === 'RUNNING' ? null : execution;
  }, PATIENCE_MS);
  const events: HistoryEvent[] = [];
  let nextToken: string | undefined;
  do {
    const page = await stepFunctions.send(new GetExecutionHistoryCommand({ executionArn, nextToken }));
    events.push(...(page.events ?? []));
    nextToken = page.nextToken;
  } while (nextToken);
  return recordingOf(ended ?? { status: 'RUNNING' }, events);
}

/** Pure. */
export function recordingOf(
  { status = '', output }: { readonly status?: string; readonly output?: string },
  events: readonly HistoryEvent[],
): RunRecording {
  const wave = events.find(({ stateExitedEventDetails: exited }) => exited?.name === 'Wave');
  const after = JSON.parse(wave?.stateExitedEventDetails?.output ?? '{}') as { branches?: BranchResult[] };
  const [branch] = after.branches ?? [];
  const counted = output === undefined ? null : (JSON.parse(output) as RunState).report;
  return {
    status,
    states: counted?.states ?? null,
    key: branch?.results?.Key ?? null,
    caught: branch?.error ?? null,
    errors: events.flatMap(errorOf),
    maps: events.filter(({ type }) => type === 'MapRunStarted').length,
  };
}

/** Each kind of event has details of its own; those of a failure have an `error`. */
const errorOf = (event: HistoryEvent): string[] =>
  Object.values(event).flatMap((details: unknown) => {
    const error = (details as { error?: unknown } | null)?.error;
    return typeof error === 'string' ? [error] : [];
  });
