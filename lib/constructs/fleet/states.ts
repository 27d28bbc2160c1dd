/**
 * Defines the state machine of a fleet's run in Amazon States Language. A wave is a Parallel over the servers, with one
 * Distributed Map per branch over the server's list in S3. After each wave the tally reads the results and decides
 * whether another wave follows. Pure; tokens pass through unchanged.
 */

export interface FleetStatesInput {
  readonly bucket: string;
  readonly servers: readonly { readonly name: string; readonly functionArn: string }[];
  readonly tallyArn: string;
  /** Number of tenants that are migrated at the same time on each server. */
  readonly concurrency: number;
}

type State = Record<string, unknown>;

/**
 * Retries calls that Lambda throttled or failed to process. Such an error is not the tenant's failure, and does not
 * count as a call of its function.
 */
const RETRY_INVOCATION = [
  {
    ErrorEquals: ['Lambda.TooManyRequestsException', 'Lambda.ServiceException', 'Lambda.SdkClientException'],
    IntervalSeconds: 1,
    BackoffRate: 2,
    MaxDelaySeconds: 30,
    MaxAttempts: 20,
    JitterStrategy: 'FULL',
  },
];

/**
 * Retries the tally: it recounts everything, whatever an earlier call wrote, and a short failure of S3 should not end a
 * run.
 */
const RETRY_TALLY = [
  { ErrorEquals: ['States.TaskFailed'], IntervalSeconds: 5, BackoffRate: 2, MaxAttempts: 4 },
];

/** Errors of a map that may not read its list, write its results or start its children. */
export const MAP_PERMISSION_ERRORS = [
  'States.Permissions',
  'States.ItemReaderFailed',
  'States.ResultWriterFailed',
] as const;

/**
 * Retries a map, because a permission from the same deployment takes some seconds to take effect everywhere. Tenants
 * that a failed attempt had begun are only inspected again.
 */
const RETRY_MAP = [
  {
    ErrorEquals: MAP_PERMISSION_ERRORS,
    IntervalSeconds: 5,
    BackoffRate: 1.5,
    MaxAttempts: 4,
  },
];

/** Pause between two slices of one tenant. */
const SLICE_PAUSE_S = 2;
/**
 * Number of times that a tenant's function is called again after it died, over all slices of the tenant. The ledger
 * says where to continue. The limit stops a migration that kills the function every time.
 */
export const MAX_CRASH_RETRIES = 3;
/** Pause after a function died, in which the server releases what its session held. */
const CRASH_PAUSE_S = 5;

export const buildFleetStates = (fleet: FleetStatesInput): State => ({
  Comment: "Trueup: a folder of migrations over a fleet's tenants, wave by wave",
  StartAt: 'Wave',
  States: {
    Wave: {
      Type: 'Parallel',
      Branches: fleet.servers.map((server) => buildServerBranch(fleet, server)),
      ResultPath: '$.branches',
      Next: 'Tally',
    },
    Tally: {
      Type: 'Task',
      Resource: 'arn:aws:states:::lambda:invoke',
      Parameters: { FunctionName: fleet.tallyArn, 'Payload.$': '$' },
      OutputPath: '$.Payload',
      Retry: [...RETRY_INVOCATION, ...RETRY_TALLY],
      Next: 'Another wave?',
    },
    'Another wave?': {
      Type: 'Choice',
      Choices: [{ Variable: '$.go', BooleanEquals: true, Next: 'Wave' }],
      Default: 'Done',
    },
    Done: { Type: 'Succeed' },
  },
});

/** The states of one server. State names must be unique in the whole machine, so each contains its server's name. */
function buildServerBranch(
  fleet: FleetStatesInput,
  { name, functionArn }: FleetStatesInput['servers'][number],
): State {
  const { bucket, concurrency } = fleet;
  const list = `$.lists.${name}`;
  return {
    StartAt: `Any on ${name}?`,
    States: {
      [`Any on ${name}?`]: {
        Type: 'Choice',
        Choices: [{ Variable: list, IsPresent: true, Next: `Tenants of ${name}` }],
        Default: `None on ${name}`,
      },
      [`None on ${name}`]: { Type: 'Pass', Result: { server: name }, End: true },
      [`Tenants of ${name}`]: {
        Type: 'Map',
        Label: name,
        MaxConcurrency: concurrency,
        // The tally counts failed children, because it knows how many failures are permitted over all servers.
        ToleratedFailurePercentage: 100,
        ItemReader: {
          Resource: 'arn:aws:states:::s3:getObject',
          ReaderConfig: { InputType: 'JSON' },
          Parameters: { Bucket: bucket, 'Key.$': list },
        },
        ItemSelector: {
          action: 'tenant',
          'work.$': '$.work',
          'request.$': '$.request',
          'tenant.$': '$$.Map.Item.Value',
          died: { times: 0 },
        },
        ItemProcessor: buildTenantStates(name, functionArn),
        ResultWriter: {
          Resource: 'arn:aws:states:::s3:putObject',
          Parameters: { Bucket: bucket, 'Prefix.$': '$.results' },
        },
        ResultSelector: { server: name, 'results.$': '$.ResultWriterDetails' },
        Retry: RETRY_MAP,
        Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: '$.caught', Next: `No end on ${name}` }],
        End: true,
      },
      [`No end on ${name}`]: {
        Type: 'Pass',
        Parameters: { server: name, 'error.$': '$.caught.Error' },
        End: true,
      },
    },
  };
}

/**
 * The states of one tenant: slices run until the answer is not `continue`. The state travels with the execution, so the
 * function keeps none.
 */
const buildTenantStates = (server: string, functionArn: string): State => ({
  ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
  StartAt: `Slice on ${server}`,
  States: {
    [`Slice on ${server}`]: {
      Type: 'Task',
      Resource: 'arn:aws:states:::lambda:invoke',
      Parameters: { FunctionName: functionArn, 'Payload.$': '$' },
      ResultSelector: { 'answer.$': '$.Payload' },
      ResultPath: '$.last',
      Retry: RETRY_INVOCATION,
      Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: '$.death', Next: `Died on ${server}` }],
      Next: `Finished on ${server}?`,
    },
    [`Died on ${server}`]: {
      Type: 'Pass',
      Parameters: { 'times.$': 'States.MathAdd($.died.times, 1)', 'error.$': '$.death.Error' },
      ResultPath: '$.died',
      Next: `Once more on ${server}?`,
    },
    [`Once more on ${server}?`]: {
      Type: 'Choice',
      Choices: [
        {
          Variable: '$.died.times',
          NumericLessThanEquals: MAX_CRASH_RETRIES,
          Next: `Pause after a death on ${server}`,
        },
      ],
      Default: `Dead on ${server}`,
    },
    [`Pause after a death on ${server}`]: {
      Type: 'Wait',
      Seconds: CRASH_PAUSE_S,
      Next: `Slice on ${server}`,
    },
    [`Dead on ${server}`]: {
      Type: 'Pass',
      Parameters: { action: 'died', 'times.$': '$.died.times', 'error.$': '$.died.error' },
      End: true,
    },
    [`Finished on ${server}?`]: {
      Type: 'Choice',
      Choices: [
        {
          And: [
            { Variable: '$.last.answer.tenant.state', IsPresent: true },
            { Variable: '$.last.answer.tenant.state', StringEquals: 'continue' },
          ],
          Next: `Pause on ${server}`,
        },
      ],
      Default: `Answer of ${server}`,
    },
    [`Pause on ${server}`]: { Type: 'Wait', Seconds: SLICE_PAUSE_S, Next: `Slice on ${server}` },
    [`Answer of ${server}`]: { Type: 'Succeed', OutputPath: '$.last.answer' },
  },
});
