/** Reads the results of a wave's tenants, as Step Functions wrote them into the bucket. */
import { describeError } from '../contract/errors';
import type { TenantAnswer } from '../contract/fleet';
import type {
  BranchResult,
  CrashedTenantAnswer,
  FleetMember,
  TenantFailure,
  TenantRow,
} from '../contract/fleet-run';
import type { MigrateResponse } from '../contract/migrate';
import { shortenToBytes } from '../deploy/reason';
import { isTenantMissing } from '../fleet/missing-tenant';
import type { Bucket } from './fleet-outbound';
import { buildMemberKey } from './run';

/** States of a tenant that need no attention. */
const HEALTHY_STATES: ReadonlySet<TenantFailure['state']> = new Set([
  'up to date',
  'behind',
  'undone',
  'missing',
]);
export const isFailedState = ({ state }: Pick<TenantRow, 'state'>): boolean => !HEALTHY_STATES.has(state);

/** Maximum length of a tenant's error, so that a report of a thousand errors stays small. */
const MAX_REASON_BYTES = 400;

/** The result of one tenant. */
export interface TenantResult {
  readonly row: TenantRow;
  /** @default - there is no answer */
  readonly answer?: TenantAnswer;
  /** Hash of the manifest of the code that answered. @default - there is no answer */
  readonly manifestHash?: string;
}

/** One execution in a file of results. Its input and output are JSON in a string. */
interface ExecutionResult {
  readonly Input?: string;
  readonly Output?: string;
  readonly Error?: string;
}

interface ResultManifest {
  readonly ResultFiles?: Readonly<Record<string, readonly { readonly Key: string }[]>>;
}

/** Returns one result for each tenant of the wave, even if there is no answer for it. */
export async function readTenantResults(
  members: readonly FleetMember[],
  branches: readonly BranchResult[],
  bucket: Pick<Bucket, 'get'>,
): Promise<TenantResult[]> {
  const found = new Map<string, TenantResult>();
  const missing = new Map<string, string>();
  for (const branch of branches) {
    const { server, error, results } = branch;
    if (error !== undefined)
      missing.set(server, `Step Functions ended its wave early (${shortenToBytes(error, 80)})`);
    const key = results?.Key;
    if (key === undefined) continue;
    for (const result of await readExecutionResults(key, bucket)) {
      const told = parseTenantResult(result, server);
      if (told) found.set(buildMemberKey(told.row), told);
    }
  }
  return members.map((member) => {
    const told = found.get(buildMemberKey(member));
    if (told) return { ...told, row: { ...told.row, ...member } };
    const why = missing.get(member.server) ?? 'Step Functions did not reach it';
    return { row: { ...member, state: 'no answer', pending: 0, position: '', why } };
  });
}

async function readExecutionResults(key: string, bucket: Pick<Bucket, 'get'>): Promise<ExecutionResult[]> {
  const text = await bucket.get(key);
  if (text === null) return [];
  const { ResultFiles = {} } = JSON.parse(text) as ResultManifest;
  const results: ExecutionResult[] = [];
  for (const { Key } of Object.values(ResultFiles).flat()) {
    const file = await bucket.get(Key);
    if (file !== null) results.push(...(JSON.parse(file) as ExecutionResult[]));
  }
  return results;
}

function parseTenantResult(
  { Input, Output, Error: died }: ExecutionResult,
  server: string,
): TenantResult | null {
  if (Output !== undefined) {
    const response = JSON.parse(Output) as MigrateResponse | CrashedTenantAnswer | null;
    if (response?.action === 'tenant') {
      const { tenant } = response;
      const { name, state, pending, position, changes, error } = tenant;
      const why = error === undefined ? {} : { why: shortenToBytes(describeError(error), MAX_REASON_BYTES) };
      const missing = isTenantMissing(error) ? { missing: true } : {};
      const rest = { ...(changes ? { changes } : {}), ...why, ...missing };
      const row = { name, server, database: '', state, pending, position, ...rest } as const;
      return { row, answer: tenant, manifestHash: response.manifestHash };
    }
    if (response?.action === 'died') {
      const { times, error } = response;
      return makeNoAnswerResult(Input, server, `its function failed ${times} times (${error}); see its log`);
    }
    if (response?.action === 'error') return makeNoAnswerResult(Input, server, describeError(response.error));
  }
  return makeNoAnswerResult(Input, server, `its function gave no answer (${died ?? 'unknown'}); see its log`);
}

/** Builds the result of a tenant without an answer. The tenant is in the child's input. */
function makeNoAnswerResult(input: string | undefined, server: string, why: string): TenantResult | null {
  const { tenant } = JSON.parse(input ?? '{}') as { tenant?: { name?: string } };
  if (typeof tenant?.name !== 'string') return null;
  const { name } = tenant;
  const row = {
    name,
    server,
    database: '',
    state: 'no answer',
    pending: 0,
    position: '',
    why: shortenToBytes(why, MAX_REASON_BYTES),
  } as const;
  return { row };
}
