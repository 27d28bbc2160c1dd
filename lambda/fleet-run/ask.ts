/** What a person asks of a fleet from the command line: where all tenants stand, or to bring some of them up. */
import { randomUUID } from 'node:crypto';
import type { StackOwner } from '../contract/converge';
import type { FleetRequest } from '../contract/fleet';
import {
  type FleetAnswer,
  type FleetMember,
  type FleetPlan,
  type FleetQuestion,
  type FleetSettings,
  keys,
  type TenantRow,
} from '../contract/fleet-run';
import { stackOwnerOf } from '../deploy/converge-request';
import { FleetError } from './error';
import { checkRoom, readMembers } from './list';
import type { FleetOutbound } from './outbound';
import { begin, stateOf } from './run';

export interface AskContext {
  readonly plan: FleetPlan;
  readonly fleet: FleetSettings;
  readonly outbound: FleetOutbound;
}

/** An answer of Lambda has 6 MB at most. */
const PAGE = 2_000;
const RUN = /^(status|up)-[0-9a-f-]{36}$/;

export async function ask(question: FleetQuestion, context: AskContext): Promise<FleetAnswer> {
  try {
    return await answer(question, context);
  } catch (error) {
    if (error instanceof FleetError) return { action: 'refused', message: error.message };
    throw error;
  }
}

async function answer(question: FleetQuestion, context: AskContext): Promise<FleetAnswer> {
  switch (question.action) {
    case 'status':
    case 'up':
      return start(question, context);
    case 'progress':
      return progress(runIn(question), context);
    case 'tenants':
      return tenants(runIn(question), question.from, context);
    default:
      throw new FleetError(
        `This version of the fleet's function does not know ${JSON.stringify((question as { action?: unknown }).action)}. Deploy the stack with this version of Trueup.`,
      );
  }
}

/** It becomes part of a key: only names that this function gives. */
function runIn({ run }: { readonly run: string }): string {
  if (typeof run === 'string' && RUN.test(run)) return run;
  throw new FleetError('There is no such run.');
}

async function start(
  question: Extract<FleetQuestion, { action: 'status' | 'up' }>,
  { plan, fleet, outbound }: AskContext,
): Promise<FleetAnswer> {
  const { action, targets } = question;
  const members = chosen(await readMembers(plan, fleet.functions, outbound), targets);
  await checkRoom(plan, members, fleet.functions, outbound);
  const run = `${action}-${randomUUID()}`;
  const work = action === 'status' ? 'prove' : 'look';
  const errand = { run, work, migrates: action === 'up', members } as const;
  await begin(
    { ...errand, request: requestOf(run, plan, stackOwnerOf(fleet.stackId, fleet.owner || null)) },
    outbound,
  );
  return { action: 'started', run, targets: members.length };
}

const requestOf = (id: string, { manifestHash, code }: FleetPlan, owner: StackOwner): FleetRequest => ({
  id,
  startedAt: new Date().toISOString(),
  owner,
  direction: 'forward',
  manifestHash,
  ...(code === undefined ? {} : { code }),
});

function chosen(
  members: readonly FleetMember[],
  names: readonly string[] | undefined,
): readonly FleetMember[] {
  if (names === undefined) return members;
  if (names.length === 0) throw new FleetError('No target is named. Give names as they are in the list.');
  const missing = names.filter((name) => !members.some((member) => member.name === name));
  if (missing.length === 0) return members.filter(({ name }) => names.includes(name));
  throw new FleetError(
    `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} not in the list of ${members.length} targets. Give names as they are in the list.`,
  );
}

async function progress(run: string, { outbound }: AskContext): Promise<FleetAnswer> {
  const execution = await outbound.executions.describe(run);
  if (execution === null) throw new FleetError('There is no such run.');
  const state = await stateOf(run, outbound.bucket);
  const done = execution.status !== 'RUNNING';
  return {
    action: 'progress',
    done,
    error:
      done && execution.status !== 'SUCCEEDED'
        ? `Step Functions ended the run as ${execution.status}${execution.error === null ? '' : ` (${execution.error})`}`
        : null,
    wave: state?.name ?? 'look',
    report: state?.report ?? null,
  };
}

async function tenants(run: string, from: number, { outbound }: AskContext): Promise<FleetAnswer> {
  const rows = JSON.parse((await outbound.bucket.get(keys.tenants(run))) ?? '[]') as TenantRow[];
  const next = from + PAGE < rows.length ? from + PAGE : null;
  return { action: 'tenants', tenants: rows.slice(from, from + PAGE), next };
}
