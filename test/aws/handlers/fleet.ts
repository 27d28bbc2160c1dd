/**
 * In the place of a fleet's functions: `tenant` answers for one tenant, without a database; `begin` begins a run as a deployment
 * does, and says what it was refused on the way; `atOnce` does that as a custom resource, the moment that its rights are given.
 */
import { S3 } from '@aws-sdk/client-s3';
import type { TenantRequest } from '../../../lambda/contract/fleet';
import type { MigrateResponse } from '../../../lambda/contract/migrate';
import { FleetError } from '../../../lambda/fleet-run/error';
import { makeAwsBucket, makeAwsExecutions } from '../../../lambda/fleet-run/fleet-outbound';
import { startRunExecution as beginRun } from '../../../lambda/fleet-run/run';
import { DIES, SERVER } from '../fleet-run';
import { pause } from '../until';

export interface Wanted {
  /** ARN of a state machine. */
  readonly machine: string;
  readonly run: string;
  readonly tenants: readonly string[];
}

export interface Begun {
  /** Names of what AWS answered before it began; empty where it did at once. */
  readonly denied: readonly string[];
}

interface Event {
  readonly RequestType: 'Create' | 'Update' | 'Delete';
  readonly RequestId: string;
  readonly StackId: string;
  readonly LogicalResourceId: string;
  readonly ResponseURL: string;
  readonly ResourceProperties: Wanted;
}

const MANIFEST = 'live-check';
const PATIENCE_MS = 90_000;
const PAUSE_MS = 2_000;

export async function tenant({ tenant }: TenantRequest): Promise<MigrateResponse> {
  if (tenant.name === DIES) throw new Error('told to die');
  const startedAt = new Date().toISOString();
  const answer = { name: tenant.name, state: 'up to date', startedAt, pending: 0, position: '' } as const;
  return { action: 'tenant', tenant: answer, manifestHash: MANIFEST };
}

export async function begin({ machine, run, tenants }: Wanted): Promise<Begun> {
  const outbound = { bucket: makeAwsBucket(process.env.BUCKET!), executions: makeAwsExecutions(machine) };
  const request = {
    id: run,
    startedAt: new Date().toISOString(),
    owner: null,
    direction: 'forward',
    manifestHash: MANIFEST,
  } as const;
  const members = tenants.map((name) => ({ name, database: name, server: SERVER }));
  const denied: string[] = [];
  for (const end = Date.now() + PATIENCE_MS; ; await pause(PAUSE_MS)) {
    try {
      await beginRun({ run, work: 'inspect', migrates: false, members, request, maxFailures: 1 }, outbound);
      return { denied };
    } catch (error) {
      if (!(error instanceof FleetError)) throw error;
      denied.push(/\((\w+)\)/.exec(error.message)?.[1] ?? 'unknown');
      if (Date.now() >= end) return { denied: [...denied, 'gave up'] };
    }
  }
}

export async function atOnce(event: Event): Promise<void> {
  const { RequestType, RequestId, StackId, LogicalResourceId, ResourceProperties } = event;
  const answered = async (): Promise<object> => {
    if (RequestType === 'Create') return { Denied: (await begin(ResourceProperties)).denied.join(' ') };
    if (RequestType === 'Delete') await empty(process.env.BUCKET!);
    return { Denied: '' };
  };
  const answer = await answered().then(
    (Data) => ({ Status: 'SUCCESS', Data }),
    (error: Error) => ({ Status: 'FAILED', Reason: `${error.name}: ${error.message}` }),
  );
  const body = { ...answer, PhysicalResourceId: 'at-once', RequestId, StackId, LogicalResourceId };
  await fetch(event.ResponseURL, { method: 'PUT', body: JSON.stringify(body) });
}

/** CloudFormation deletes no bucket that holds something. */
async function empty(Bucket: string): Promise<void> {
  const s3 = new S3();
  for (;;) {
    const { Contents = [] } = await s3.listObjectsV2({ Bucket });
    if (Contents.length === 0) return;
    await s3.deleteObjects({ Bucket, Delete: { Objects: Contents.map(({ Key }) => ({ Key })) } });
  }
}
