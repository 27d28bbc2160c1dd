/** Everything that leaves these functions: the bucket, Step Functions, CloudFormation, and the functions of the servers. */
import type { Readable } from 'node:stream';
import { S3 } from '@aws-sdk/client-s3';
import { SFN } from '@aws-sdk/client-sfn';
import { within } from '../aws-timeouts';
import type { FleetSettings } from '../contract/fleet-run';
import type { Outbound } from '../deploy/outbound';
import { ListError } from '../fleet/entries';
import { checkSize, MOST_LIST_BYTES } from '../fleet/targets';
import type { InvokeMigrate } from '../invoke-migrate';
import { FleetError } from './error';

export interface Execution {
  readonly status: 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED' | 'PENDING_REDRIVE';
  /** JSON; null while it runs, and where it failed. */
  readonly output: string | null;
  readonly error: string | null;
}

/** The fleet's own bucket. */
export interface Bucket {
  /** Null where there is no such object. */
  get(key: string): Promise<string | null>;
  put(key: string, text: string): Promise<void>;
}

/** Runs of the fleet's state machine, by name. */
export interface Executions {
  /** Once: a second start of the same name changes nothing. */
  start(name: string, input: unknown): Promise<void>;
  describe(name: string): Promise<Execution | null>;
  /** One that has ended stays as it is. */
  stop(name: string, why: string): Promise<void>;
  /** Names of those that run. */
  running(): Promise<string[]>;
}

/** @throws {FleetError} from every call: what AWS did not do, in a sentence */
export interface FleetOutbound extends Pick<Outbound, 'stackStatus' | 'stackEvents'> {
  readonly bucket: Bucket;
  readonly executions: Executions;
  /**
   * A list of an owner's own.
   * @throws {ListError} where it is too large to be one
   */
  list(bucket: string, key: string): Promise<string>;
  readonly invokeMigrate: InvokeMigrate;
}

const TIMEOUT_MS = 60_000;
/** Their names differ from service to service; all of them forbid. */
const FORBIDS = /AccessDenied|Forbidden|NotAuthorized|UnrecognizedClient|InvalidAccessKeyId|KMS\.Disabled/;

/**
 * Whatever it is may be different in a minute: a right that the same deployment gave takes some seconds to hold.
 * @param what that is asked of AWS, as a verb and its object
 * @throws {FleetError}
 */
async function asking<T>(what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof FleetError) throw error;
    const { name, $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } };
    const forbidden = FORBIDS.test(name) || $metadata?.httpStatusCode === 403;
    throw new FleetError(
      forbidden
        ? `AWS does not let the fleet's function ${what} (${name}). A policy above the role that the stack made forbids it.`
        : `AWS did not ${what} (${name}).`,
      true,
    );
  }
}

/** @param timeoutMs of a call, and of silence in the middle of an answer */
export function awsBucket(bucket: string, timeoutMs = TIMEOUT_MS): Bucket & Pick<FleetOutbound, 'list'> {
  const s3 = new S3({ maxAttempts: 4, requestHandler: within(timeoutMs) });
  return {
    get: (key) =>
      asking(`read s3://${bucket}/${key}`, async () => {
        try {
          const { Body } = await s3.getObject({ Bucket: bucket, Key: key });
          return (await Body?.transformToString()) ?? '';
        } catch (error) {
          if ((error as Error).name === 'NoSuchKey') return null;
          throw error;
        }
      }),
    put: (key, text) =>
      asking(`write s3://${bucket}/${key}`, async () => {
        await s3.putObject({ Bucket: bucket, Key: key, Body: text, ContentType: 'application/json' });
      }),
    list: (from, key) => ofOwner(s3, from, key),
  };
}

async function ofOwner(s3: S3, bucket: string, key: string): Promise<string> {
  try {
    const { Body, ContentLength = 0 } = await s3.getObject({ Bucket: bucket, Key: key });
    if (ContentLength > MOST_LIST_BYTES) (Body as Readable | undefined)?.destroy();
    checkSize(ContentLength);
    return (await Body?.transformToString()) ?? '';
  } catch (error) {
    if (error instanceof ListError) throw error;
    throw new FleetError(
      `The list of targets s3://${bucket}/${key} cannot be read (${(error as Error).name}). Put it there, and let the function read it.`,
      true,
    );
  }
}

export function awsExecutions(stateMachineArn: string): Executions {
  const states = new SFN({ maxAttempts: 6, requestHandler: within(TIMEOUT_MS) });
  const arnOf = (name: string): string =>
    `${stateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`;
  return {
    start: (name, input) =>
      asking(`start the run ${name}`, async () => {
        try {
          await states.startExecution({ stateMachineArn, name, input: JSON.stringify(input) });
        } catch (error) {
          if ((error as Error).name !== 'ExecutionAlreadyExists') throw error;
        }
      }),
    describe: (name) =>
      asking(`say how the run ${name} is`, async () => {
        try {
          const { status, output, error } = await states.describeExecution({ executionArn: arnOf(name) });
          return { status: status as Execution['status'], output: output ?? null, error: error ?? null };
        } catch (error) {
          if ((error as Error).name === 'ExecutionDoesNotExist') return null;
          throw error;
        }
      }),
    stop: (name, cause) =>
      asking(`stop the run ${name}`, async () => {
        try {
          await states.stopExecution({ executionArn: arnOf(name), cause });
        } catch (error) {
          // It may have ended meanwhile.
          if (!['ExecutionDoesNotExist', 'ValidationException'].includes((error as Error).name)) throw error;
        }
      }),
    running: () =>
      asking('list the runs', async () => {
        const names: string[] = [];
        let nextToken: string | undefined;
        do {
          const page = await states.listExecutions({ stateMachineArn, statusFilter: 'RUNNING', nextToken });
          names.push(...(page.executions ?? []).flatMap(({ name }) => name ?? []));
          nextToken = page.nextToken;
        } while (nextToken);
        return names;
      }),
  };
}

export function awsFleet(
  settings: FleetSettings,
  others: Pick<Outbound, 'stackStatus' | 'stackEvents' | 'invokeMigrate'>,
  timeoutMs?: number,
): FleetOutbound {
  const bucket = awsBucket(settings.bucket, timeoutMs);
  return {
    stackStatus: others.stackStatus,
    stackEvents: others.stackEvents,
    invokeMigrate: others.invokeMigrate,
    bucket,
    list: bucket.list,
    executions: awsExecutions(settings.stateMachine),
  };
}
