/**
 * The state machine of a fleet's run, in Amazon States Language. A wave is a Parallel over the servers, each branch one
 * Distributed Map over the list that lies in S3; after it the tally reads what came of it and says whether there is
 * another. Pure, but for tokens that pass through.
 */

export interface FleetStates {
  readonly bucket: string;
  readonly servers: readonly { readonly name: string; readonly functionArn: string }[];
  readonly tallyArn: string;
  /** Tenants at once on each server. */
  readonly concurrency: number;
}

type State = Record<string, unknown>;

/**
 * Lambda took no call, or its service failed: that is no tenant's failure. A function that died is not called again: the next
 * deployment goes on from the tenant's ledger.
 */
const RETRY = [
  {
    ErrorEquals: ['Lambda.TooManyRequestsException', 'Lambda.ServiceException', 'Lambda.SdkClientException'],
    IntervalSeconds: 1,
    BackoffRate: 2,
    MaxDelaySeconds: 30,
    MaxAttempts: 20,
    JitterStrategy: 'FULL',
  },
];

/** It counts anew whatever a call before it wrote; and a run is not lost because S3 was busy for a moment. */
const RETRY_TALLY = [
  { ErrorEquals: ['States.TaskFailed'], IntervalSeconds: 5, BackoffRate: 2, MaxAttempts: 4 },
];

/** What a map ends with where it may not read its list, write its results or start its children. */
export const FORBIDDEN_MAP = [
  'States.Permissions',
  'States.ItemReaderFailed',
  'States.ResultWriterFailed',
] as const;

/** A right that the same deployment gave takes some seconds to hold everywhere. Whatever had begun is only looked at again. */
const RETRY_MAP = [
  {
    ErrorEquals: FORBIDDEN_MAP,
    IntervalSeconds: 5,
    BackoffRate: 1.5,
    MaxAttempts: 4,
  },
];

/** Between two slices of one tenant. */
const PAUSE_S = 2;

export const fleetStates = (fleet: FleetStates): State => ({
  Comment: "Trueup: a folder of migrations over a fleet's tenants, wave by wave",
  StartAt: 'Wave',
  States: {
    Wave: {
      Type: 'Parallel',
      Branches: fleet.servers.map((server) => branch(fleet, server)),
      ResultPath: '$.branches',
      Next: 'Tally',
    },
    Tally: {
      Type: 'Task',
      Resource: 'arn:aws:states:::lambda:invoke',
      Parameters: { FunctionName: fleet.tallyArn, 'Payload.$': '$' },
      OutputPath: '$.Payload',
      Retry: [...RETRY, ...RETRY_TALLY],
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

/** Names of states are unique in the whole machine, so each has its server's. */
function branch(fleet: FleetStates, { name, functionArn }: FleetStates['servers'][number]): State {
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
        // A child that fails is counted by the tally, which knows what is tolerated over all servers.
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
          'target.$': '$$.Map.Item.Value',
        },
        ItemProcessor: child(name, functionArn),
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

/** One tenant: slice after slice, until its answer is not `continue`. Its state goes along, so the function needs none. */
const child = (server: string, functionArn: string): State => ({
  ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
  StartAt: `Slice on ${server}`,
  States: {
    [`Slice on ${server}`]: {
      Type: 'Task',
      Resource: 'arn:aws:states:::lambda:invoke',
      Parameters: { FunctionName: functionArn, 'Payload.$': '$' },
      ResultSelector: { 'answer.$': '$.Payload' },
      ResultPath: '$.last',
      Retry: RETRY,
      Next: `Finished on ${server}?`,
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
    [`Pause on ${server}`]: { Type: 'Wait', Seconds: PAUSE_S, Next: `Slice on ${server}` },
    [`Answer of ${server}`]: { Type: 'Succeed', OutputPath: '$.last.answer' },
  },
});
