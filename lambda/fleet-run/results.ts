/** What became of the tenants of a wave, as Step Functions wrote it into the bucket. */
import { describeError } from '../contract/errors';
import type { TenantAnswer } from '../contract/fleet';
import type { BranchResult, Failure, FleetMember, TenantRow } from '../contract/fleet-run';
import type { MigrateResponse } from '../contract/migrate';
import { shorten } from '../deploy/reason';
import type { Bucket } from './outbound';
import { placeOf } from './run';

/** States that need nobody. */
const RIGHT: ReadonlySet<Failure['state']> = new Set(['at version', 'behind', 'undone', 'gone']);
export const isWrong = ({ state }: Pick<TenantRow, 'state'>): boolean => !RIGHT.has(state);

/** Of a tenant's error: a report of a thousand of them has to stay small. */
const WHY_BYTES = 400;

/** What came back for one tenant. */
export interface Told {
  readonly row: TenantRow;
  /** @default - nothing came back */
  readonly answer?: TenantAnswer;
  /** Of the code that answered. @default - nothing came back */
  readonly manifestHash?: string;
}

/** One execution, as a file of results has it. Its input and output are JSON in a text. */
interface Result {
  readonly Input?: string;
  readonly Output?: string;
  readonly Error?: string;
}

interface ResultManifest {
  readonly ResultFiles?: Readonly<Record<string, readonly { readonly Key: string }[]>>;
}

/** Of every member, whether something came back for it or not. */
export async function toldBy(
  members: readonly FleetMember[],
  branches: readonly BranchResult[],
  bucket: Pick<Bucket, 'get'>,
): Promise<Told[]> {
  const found = new Map<string, Told>();
  const missing = new Map<string, string>();
  for (const branch of branches) {
    const { server, error, results } = branch;
    if (error !== undefined)
      missing.set(server, `Step Functions ended its wave early (${shorten(error, 80)})`);
    const key = results?.Key;
    if (key === undefined) continue;
    for (const result of await resultsIn(key, bucket)) {
      const told = toldOf(result, server);
      if (told) found.set(placeOf(told.row), told);
    }
  }
  return members.map((member) => {
    const told = found.get(placeOf(member));
    if (told) return { ...told, row: { ...told.row, ...member } };
    const why = missing.get(member.server) ?? 'Step Functions did not reach it';
    return { row: { ...member, state: 'no answer', pending: 0, position: '', why } };
  });
}

async function resultsIn(key: string, bucket: Pick<Bucket, 'get'>): Promise<Result[]> {
  const text = await bucket.get(key);
  if (text === null) return [];
  const { ResultFiles = {} } = JSON.parse(text) as ResultManifest;
  const results: Result[] = [];
  for (const { Key } of Object.values(ResultFiles).flat()) {
    const file = await bucket.get(Key);
    if (file !== null) results.push(...(JSON.parse(file) as Result[]));
  }
  return results;
}

function toldOf({ Input, Output, Error: died }: Result, server: string): Told | null {
  if (Output !== undefined) {
    const response = JSON.parse(Output) as MigrateResponse | null;
    if (response?.action === 'tenant') {
      const { tenant } = response;
      const { name, state, pending, position, changes, error } = tenant;
      const why = error === undefined ? {} : { why: shorten(describeError(error), WHY_BYTES) };
      const rest = { ...(changes ? { changes } : {}), ...why };
      const row = { name, server, database: '', state, pending, position, ...rest } as const;
      return { row, answer: tenant, manifestHash: response.manifestHash };
    }
    if (response?.action === 'error') return without(Input, server, describeError(response.error));
  }
  return without(Input, server, `its function gave no answer (${died ?? 'unknown'}); see its log`);
}

/** The target stands in what the child was given. */
function without(input: string | undefined, server: string, why: string): Told | null {
  const { target } = JSON.parse(input ?? '{}') as { target?: { name?: string } };
  if (typeof target?.name !== 'string') return null;
  const { name } = target;
  const row = {
    name,
    server,
    database: '',
    state: 'no answer',
    pending: 0,
    position: '',
    why: shorten(why, WHY_BYTES),
  } as const;
  return { row };
}
