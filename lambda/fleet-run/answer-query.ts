/** Answers requests from the command line to a fleet: the state of all tenants, or the migration of some of them. */
import { randomUUID } from 'node:crypto';
import type { StackOwner } from '../contract/converge';
import type { FleetRequest } from '../contract/fleet';
import {
  type FleetAnswer,
  type FleetMember,
  type FleetPlan,
  type FleetQuery,
  type FleetSettings,
  runObjectKeys,
  type TenantRow,
} from '../contract/fleet-run';
import { parseStackOwner } from '../deploy/converge-request';
import { FleetError } from './error';
import type { FleetOutbound } from './fleet-outbound';
import { checkHeadroom, readMembers } from './list';
import { readRunState, startRunExecution } from './run';

export interface QueryContext {
  readonly plan: FleetPlan;
  readonly fleet: FleetSettings;
  readonly outbound: FleetOutbound;
}

/** Number of tenants in one answer. A Lambda response is limited to 6 MB. */
const TENANTS_PAGE_SIZE = 2_000;
const RUN_NAME_PATTERN = /^(status|up)-[0-9a-f-]{36}$/;

export async function answerQuery(question: FleetQuery, context: QueryContext): Promise<FleetAnswer> {
  try {
    return await handleQuery(question, context);
  } catch (error) {
    if (error instanceof FleetError) return { action: 'refused', message: error.message };
    throw error;
  }
}

async function handleQuery(question: FleetQuery, context: QueryContext): Promise<FleetAnswer> {
  switch (question.action) {
    case 'up':
      if (context.fleet.queryOnly)
        throw new FleetError(
          'This function is read-only. Migrate tenants with the function that grantUp() of the fleet allows.',
        );
      return startRun(question, context);
    case 'status':
      return startRun(question, context);
    case 'progress':
      return readProgress(readRunName(question), context);
    case 'tenants':
      return readTenants(readRunName(question), question.from, context);
    default:
      throw new FleetError(
        `This version of the fleet's function does not know ${JSON.stringify((question as { action?: unknown }).action)}. Deploy the stack with this version of Trueup.`,
      );
  }
}

/** Reads the name of a run, which becomes part of a key: only names that this function returned are accepted. */
function readRunName({ run }: { readonly run: string }): string {
  if (typeof run === 'string' && RUN_NAME_PATTERN.test(run)) return run;
  throw new FleetError('This run does not exist.');
}

async function startRun(
  question: Extract<FleetQuery, { action: 'status' | 'up' }>,
  { plan, fleet, outbound }: QueryContext,
): Promise<FleetAnswer> {
  const { action, tenants } = question;
  const members = selectMembers(await readMembers(plan, fleet.functions, outbound), tenants);
  await checkHeadroom(plan, members, fleet.functions, outbound);
  const run = `${action}-${randomUUID()}`;
  const work = action === 'status' ? 'verify' : 'inspect';
  const runRequest = { run, work, migrates: action === 'up', members } as const;
  await startRunExecution(
    {
      ...runRequest,
      request: buildFleetRequest(run, plan, parseStackOwner(fleet.stackId, fleet.owner || null)),
    },
    outbound,
  );
  return { action: 'started', run, tenantCount: members.length };
}

const buildFleetRequest = (
  id: string,
  { manifestHash, code, baseline }: FleetPlan,
  owner: StackOwner,
): FleetRequest => ({
  id,
  startedAt: new Date().toISOString(),
  owner,
  direction: 'forward',
  manifestHash,
  ...(code === undefined ? {} : { code }),
  ...(baseline === undefined ? {} : { baseline }),
});

function selectMembers(
  members: readonly FleetMember[],
  names: readonly string[] | undefined,
): readonly FleetMember[] {
  if (names === undefined) return members;
  if (names.length === 0) throw new FleetError('No tenants given. Give names from the list of tenants.');
  const missing = names.filter((name) => !members.some((member) => member.name === name));
  if (missing.length === 0) return members.filter(({ name }) => names.includes(name));
  throw new FleetError(
    `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} not in the list of ${members.length} tenants. Give names from that list.`,
  );
}

async function readProgress(run: string, { outbound }: QueryContext): Promise<FleetAnswer> {
  const execution = await outbound.executions.describe(run);
  if (execution === null) throw new FleetError('This run does not exist.');
  const state = await readRunState(run, outbound.bucket);
  const done = execution.status !== 'RUNNING';
  return {
    action: 'progress',
    done,
    error:
      done && execution.status !== 'SUCCEEDED'
        ? `Step Functions ended the run as ${execution.status}${execution.error === null ? '' : ` (${execution.error})`}`
        : null,
    wave: state?.name ?? 'inspect',
    report: state?.report ?? null,
  };
}

async function readTenants(run: string, from: number, { outbound }: QueryContext): Promise<FleetAnswer> {
  const rows = JSON.parse((await outbound.bucket.get(runObjectKeys.tenants(run))) ?? '[]') as TenantRow[];
  const next = from + TENANTS_PAGE_SIZE < rows.length ? from + TENANTS_PAGE_SIZE : null;
  return { action: 'tenants', tenants: rows.slice(from, from + TENANTS_PAGE_SIZE), next };
}
