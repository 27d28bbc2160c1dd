/** Everything that leaves these functions: the bucket, Step Functions, CloudFormation, and the functions of the servers. */
import { S3 } from '@aws-sdk/client-s3';
import { SFN } from '@aws-sdk/client-sfn';
import { within } from '../aws-timeouts';
import type { FleetSettings } from '../contract/fleet-run';
import type { Outbound } from '../deploy/outbound';
import type { InvokeMigrate } from '../invoke-migrate';

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

/** A list of an owner's own. */
export interface ForeignList {
  readonly bytes: number;
  read(): Promise<string>;
}

export interface FleetOutbound extends Pick<Outbound, 'stackStatus' | 'stackEvents'> {
  readonly bucket: Bucket;
  readonly executions: Executions;
  /** @throws {Error} whose name says why it cannot be read, e.g. `NoSuchKey` */
  list(bucket: string, key: string): Promise<ForeignList>;
  readonly invokeMigrate: InvokeMigrate;
}

const TIMEOUT_MS = 60_000;

export function awsBucket(bucket: string): Bucket & Pick<FleetOutbound, 'list'> {
  const s3 = new S3({ maxAttempts: 4, requestHandler: within(TIMEOUT_MS) });
  return {
    async get(key) {
      try {
        const { Body } = await s3.getObject({ Bucket: bucket, Key: key });
        return (await Body?.transformToString()) ?? '';
      } catch (error) {
        if ((error as Error).name === 'NoSuchKey') return null;
        throw error;
      }
    },
    async put(key, text) {
      await s3.putObject({ Bucket: bucket, Key: key, Body: text, ContentType: 'application/json' });
    },
    async list(from, key) {
      const { Body, ContentLength = 0 } = await s3.getObject({ Bucket: from, Key: key });
      return { bytes: ContentLength, read: async () => (await Body?.transformToString()) ?? '' };
    },
  };
}

export function awsExecutions(stateMachineArn: string): Executions {
  const states = new SFN({ maxAttempts: 6, requestHandler: within(TIMEOUT_MS) });
  const arnOf = (name: string): string =>
    `${stateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`;
  return {
    async start(name, input) {
      try {
        await states.startExecution({ stateMachineArn, name, input: JSON.stringify(input) });
      } catch (error) {
        if ((error as Error).name !== 'ExecutionAlreadyExists') throw error;
      }
    },
    async describe(name) {
      try {
        const { status, output, error } = await states.describeExecution({ executionArn: arnOf(name) });
        return {
          status: status as Execution['status'],
          output: output ?? null,
          error: error ?? null,
        };
      } catch (error) {
        if ((error as Error).name === 'ExecutionDoesNotExist') return null;
        throw error;
      }
    },
    async stop(name, cause) {
      try {
        await states.stopExecution({ executionArn: arnOf(name), cause });
      } catch (error) {
        // It may have ended meanwhile.
        if (!['ExecutionDoesNotExist', 'ValidationException'].includes((error as Error).name)) throw error;
      }
    },
    async running() {
      const names: string[] = [];
      let nextToken: string | undefined;
      do {
        const page = await states.listExecutions({ stateMachineArn, statusFilter: 'RUNNING', nextToken });
        names.push(...(page.executions ?? []).map(({ name }) => name ?? ''));
        nextToken = page.nextToken;
      } while (nextToken);
      return names;
    },
  };
}

export function awsFleet(
  settings: FleetSettings,
  others: Pick<Outbound, 'stackStatus' | 'stackEvents' | 'invokeMigrate'>,
): FleetOutbound {
  const bucket = awsBucket(settings.bucket);
  return {
    stackStatus: others.stackStatus,
    stackEvents: others.stackEvents,
    invokeMigrate: others.invokeMigrate,
    bucket,
    list: bucket.list,
    executions: awsExecutions(settings.stateMachine),
  };
}
