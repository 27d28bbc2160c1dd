/**
 * All outgoing calls of these functions: the bucket, Step Functions, CloudFormation, and the functions of the
 * servers.
 */
import type { Readable } from 'node:stream';
import { S3 } from '@aws-sdk/client-s3';
import { SFN } from '@aws-sdk/client-sfn';
import { buildRequestTimeouts } from '../aws-timeouts';
import type { FleetSettings } from '../contract/fleet-run';
import type { DeployOutbound } from '../deploy/deploy-outbound';
import { ListError } from '../fleet/entries';
import { assertListSize, MAX_LIST_BYTES } from '../fleet/tenant-list';
import type { InvokeMigrate } from '../invoke-migrate';
import { FleetError } from './error';

export interface RunExecution {
  readonly status: 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED' | 'PENDING_REDRIVE';
  /** Output as JSON; null while the execution runs, and if it failed. */
  readonly output: string | null;
  readonly error: string | null;
}

/** The fleet's own bucket. */
export interface Bucket {
  /** Returns null if there is no such object. */
  get(key: string): Promise<string | null>;
  put(key: string, text: string): Promise<void>;
}

/** Runs of the fleet's state machine, by name. */
export interface Executions {
  /** Starts a run. A second start of the same name has no effect. */
  start(name: string, input: unknown): Promise<void>;
  describe(name: string): Promise<RunExecution | null>;
  /** Stops a run. A run that has ended does not change. */
  stop(name: string, why: string): Promise<void>;
  /** Returns the names of the running executions. */
  running(): Promise<string[]>;
  /** Returns the names of the executions that were started since then, in any state. @param ms since the epoch */
  startedSince(ms: number): Promise<string[]>;
}

/** The outgoing calls. @throws {FleetError} from every call: a sentence that says what AWS did not do */
export interface FleetOutbound extends Pick<DeployOutbound, 'stackStatus' | 'stackEvents'> {
  readonly bucket: Bucket;
  readonly executions: Executions;
  /**
   * Reads a list in a bucket of the owner.
   * @throws {ListError} if it is too large
   */
  list(bucket: string, key: string): Promise<string>;
  readonly invokeMigrate: InvokeMigrate;
}

const TIMEOUT_MS = 60_000;
/** Names of the errors that deny access, which differ from service to service. */
const FORBIDDEN_ERRORS =
  /AccessDenied|Forbidden|NotAuthorized|UnrecognizedClient|InvalidAccessKeyId|KMS\.Disabled/;

/**
 * Turns an error of AWS into a {@link FleetError}. It may pass: a permission that the same deployment granted takes
 * some seconds to propagate.
 * @param what the request to AWS, as a verb and its object
 * @throws {FleetError}
 */
async function withErrorContext<T>(what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof FleetError) throw error;
    const { name, $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } };
    const forbidden = FORBIDDEN_ERRORS.test(name) || $metadata?.httpStatusCode === 403;
    throw new FleetError(
      forbidden
        ? `AWS does not let the fleet's function ${what} (${name}). A policy above the role that the stack created forbids it.`
        : `AWS did not ${what} (${name}).`,
      true,
    );
  }
}

/** @param timeoutMs timeout of a call, and of silence in the middle of a response */
export function makeAwsBucket(bucket: string, timeoutMs = TIMEOUT_MS): Bucket & Pick<FleetOutbound, 'list'> {
  const s3 = new S3({ maxAttempts: 4, requestHandler: buildRequestTimeouts(timeoutMs) });
  return {
    get: (key) =>
      withErrorContext(`read s3://${bucket}/${key}`, async () => {
        try {
          const { Body } = await s3.getObject({ Bucket: bucket, Key: key });
          return (await Body?.transformToString()) ?? '';
        } catch (error) {
          if ((error as Error).name === 'NoSuchKey') return null;
          throw error;
        }
      }),
    put: (key, text) =>
      withErrorContext(`write s3://${bucket}/${key}`, async () => {
        await s3.putObject({ Bucket: bucket, Key: key, Body: text, ContentType: 'application/json' });
      }),
    list: (from, key) => readOwnersObject(s3, from, key),
  };
}

async function readOwnersObject(s3: S3, bucket: string, key: string): Promise<string> {
  try {
    const { Body, ContentLength = 0 } = await s3.getObject({ Bucket: bucket, Key: key });
    if (ContentLength > MAX_LIST_BYTES) (Body as Readable | undefined)?.destroy();
    assertListSize(ContentLength);
    return (await Body?.transformToString()) ?? '';
  } catch (error) {
    if (error instanceof ListError) throw error;
    throw new FleetError(
      `The list of tenants s3://${bucket}/${key} cannot be read (${(error as Error).name}). Put it there, and let the function read it.`,
      true,
    );
  }
}

export function makeAwsExecutions(stateMachineArn: string): Executions {
  const states = new SFN({ maxAttempts: 6, requestHandler: buildRequestTimeouts(TIMEOUT_MS) });
  const buildArn = (name: string): string =>
    `${stateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`;
  return {
    start: (name, input) =>
      withErrorContext(`start the run ${name}`, async () => {
        try {
          await states.startExecution({ stateMachineArn, name, input: JSON.stringify(input) });
        } catch (error) {
          if ((error as Error).name !== 'ExecutionAlreadyExists') throw error;
        }
      }),
    describe: (name) =>
      withErrorContext(`describe the run ${name}`, async () => {
        try {
          const { status, output, error } = await states.describeExecution({ executionArn: buildArn(name) });
          return { status: status as RunExecution['status'], output: output ?? null, error: error ?? null };
        } catch (error) {
          if ((error as Error).name === 'ExecutionDoesNotExist') return null;
          throw error;
        }
      }),
    stop: (name, cause) =>
      withErrorContext(`stop the run ${name}`, async () => {
        try {
          await states.stopExecution({ executionArn: buildArn(name), cause });
        } catch (error) {
          // It may have ended in the meantime.
          if (!['ExecutionDoesNotExist', 'ValidationException'].includes((error as Error).name)) throw error;
        }
      }),
    running: () =>
      withErrorContext('list the runs', async () => {
        const names: string[] = [];
        let nextToken: string | undefined;
        do {
          const page = await states.listExecutions({ stateMachineArn, statusFilter: 'RUNNING', nextToken });
          names.push(...(page.executions ?? []).flatMap(({ name }) => name ?? []));
          nextToken = page.nextToken;
        } while (nextToken);
        return names;
      }),
    startedSince: (ms) =>
      withErrorContext('list the runs', async () => {
        const names: string[] = [];
        let nextToken: string | undefined;
        do {
          // The newest come first: https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html
          const page = await states.listExecutions({ stateMachineArn, nextToken });
          const found = page.executions ?? [];
          const since = found.filter(({ startDate }) => startDate !== undefined && startDate.getTime() >= ms);
          names.push(...since.flatMap(({ name }) => name ?? []));
          nextToken = since.length < found.length ? undefined : page.nextToken;
        } while (nextToken);
        return names;
      }),
  };
}

export function makeAwsFleet(
  settings: FleetSettings,
  others: Pick<DeployOutbound, 'stackStatus' | 'stackEvents' | 'invokeMigrate'>,
  timeoutMs?: number,
): FleetOutbound {
  const bucket = makeAwsBucket(settings.bucket, timeoutMs);
  return {
    stackStatus: others.stackStatus,
    stackEvents: others.stackEvents,
    invokeMigrate: others.invokeMigrate,
    bucket,
    list: bucket.list,
    executions: makeAwsExecutions(settings.stateMachine),
  };
}
