/**
 * Finds tenants that were deleted during a deployment. A tenant was deleted if its server reports that there is no
 * such database or schema, and if the list, read again, no longer has it. If the list still has it, that is a
 * failure: it was renamed, or the list is wrong.
 */
import {
  type FleetMember,
  type RunReport,
  type RunState,
  runObjectKeys,
  type TenantRow,
} from '../contract/fleet-run';
import type { PollState } from './context';
import { readMembers } from './list';
import { isFailedState } from './results';
import { buildMemberKey } from './run';
import { countStates } from './tally';

/** Returns the tenants of this run that were deleted. @throws {FleetError} if the list cannot be read */
export async function findMissingTenants(
  { plan, fleet, outbound }: Pick<PollState, 'plan' | 'fleet' | 'outbound'>,
  run: string,
): Promise<TenantRow[]> {
  const missing = (await readTenantRows(run, outbound.bucket)).filter(
    (row) => row.missing && isFailedState(row),
  );
  if (missing.length === 0) return [];
  const today = await readMembers(plan, fleet.functions, outbound);
  return missing.filter((row) => !today.some((member) => isSameTenant(member, row)));
}

/** Compares by name or by place: a tenant of the same name in another database was moved, not deleted. */
const isSameTenant = (member: FleetMember, row: TenantRow): boolean =>
  member.name === row.name ||
  (member.server === row.server && member.database === row.database && member.schema === row.schema);

/** Removes the tenants from the stored state, so that every later read sees the result. */
export async function removeMissingTenants(
  state: RunState,
  gone: readonly TenantRow[],
  bucket: PollState['outbound']['bucket'],
): Promise<RunReport> {
  const places = new Set(gone.map(buildMemberKey));
  const rows = (await readTenantRows(state.run, bucket)).map((row): TenantRow => {
    if (!places.has(buildMemberKey(row))) return row;
    const { why: _, missing: __, ...rest } = row;
    return { ...rest, state: 'missing' };
  });
  const report: RunReport = {
    ...state.report,
    states: countStates(rows.map((row) => row.state)),
    wrong: rows.filter(isFailedState).length,
    failures: state.report.failures.filter((failure) => !places.has(buildMemberKey(failure))),
  };
  await bucket.put(runObjectKeys.tenants(state.run), JSON.stringify(rows));
  await bucket.put(runObjectKeys.state(state.run), JSON.stringify({ ...state, report }));
  return report;
}

const readTenantRows = async (run: string, bucket: PollState['outbound']['bucket']): Promise<TenantRow[]> =>
  JSON.parse((await bucket.get(runObjectKeys.tenants(run))) ?? '[]') as TenantRow[];
