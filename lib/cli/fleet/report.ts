/** Formats the results of a fleet's run and of its status. */
import type { ErrorInfo } from '../../../lambda/contract/errors';
import { describeError } from '../../../lambda/contract/errors';
import type { ListedTenant } from '../../../lambda/fleet/tenant-list';
import type { WaveName } from '../../../lambda/fleet/waves';
import type { Colors } from '../terminal/colors';
import { formatCount, formatDuration, type Terminal } from '../terminal/terminal';
import type { Tenant, TenantState } from './fleet';

/** The states in the order in which they are reported. */
const STATES: readonly TenantState[] = [
  'up to date',
  'behind',
  'failed',
  'edited',
  'foreign',
  'refused',
  'unreachable',
];

export const isInErrorState = ({ state }: Tenant): boolean => state !== 'up to date' && state !== 'behind';

/** A tenant in the `--json` output. */
export interface TenantReport extends ListedTenant {
  readonly state: TenantState;
  readonly pending: number;
  readonly position: string;
  readonly changes?: Tenant['changes'];
  readonly error?: ErrorInfo;
}

export interface FleetResult {
  readonly tenantCount: number;
  /** Number of tenants in each state at the end. */
  readonly states: Partial<Record<TenantState, number>>;
  /** Number of tenants that were not surveyed because the run was stopped. */
  readonly notChecked: number;
  readonly waves: readonly {
    readonly name: WaveName;
    /** Includes the tenants that were already up to date. */
    readonly tenantCount: number;
    readonly migrated: number;
    /** Number of tenants that a concurrent run had already migrated when their turn came. */
    readonly byAnotherRun: number;
    readonly failed: number;
  }[];
  /** Why later tenants were not started; `null` if all were. */
  readonly stopped: 'failures' | 'interrupt' | null;
  /** The first hundred tenants with an error. */
  readonly failures: readonly TenantReport[];
}

const MAX_FAILURES = 100;
const MAX_SHOWN = 10;

export const toTenantReport = ({ target, ...rest }: Tenant): TenantReport => ({ ...target, ...rest });

export function countStates(tenants: readonly Tenant[]): FleetResult['states'] {
  const counted = STATES.map(
    (state) => [state, tenants.filter((each) => each.state === state).length] as const,
  );
  return Object.fromEntries(counted.filter(([, count]) => count > 0));
}

export const buildFleetResult = (
  targets: readonly ListedTenant[],
  tenants: readonly Tenant[],
  waves: FleetResult['waves'],
  stopped: FleetResult['stopped'],
): FleetResult => ({
  tenantCount: targets.length,
  states: countStates(tenants),
  notChecked: targets.length - tenants.length,
  waves,
  stopped,
  failures: tenants.filter(isInErrorState).slice(0, MAX_FAILURES).map(toTenantReport),
});

/** Formats a tenant and its error, e.g. `failed  acme  0004_email, line 12: …`. */
export const formatTenantLine = (colors: Colors, { target, state, error }: Tenant): string =>
  `${colors.red(state)}  ${colors.bold(target.name)}  ${error === undefined ? '' : describeError(error)}`.trimEnd();

export function formatWaveLine(colors: Colors, wave: FleetResult['waves'][number], tookMs: number): string {
  const others = wave.byAnotherRun > 0 ? `, ${wave.byAnotherRun} by another run` : '';
  const failed = wave.failed > 0 ? `, ${colors.red(`${wave.failed} failed`)}` : '';
  return `${wave.name.padEnd(6)}  ${formatCount(wave.migrated, 'tenant')} migrated${others}${failed}  ${colors.dim(formatDuration(tookMs))}`;
}

/** Describes what a tenant that is behind still needs. */
export function describePending({
  pending,
  position,
  changes = [],
}: Pick<Tenant, 'pending' | 'position' | 'changes'>): string {
  const at = position === '' ? 'nothing is applied' : `at ${position}`;
  if (pending > 0) return `${formatCount(pending, 'migration')} pending; ${at}`;
  return `${at}, with ${changes.map((each) => CHANGE_NOUNS[each]).join(' and ') || CHANGE_NOUNS.workload}`;
}

const CHANGE_NOUNS = {
  workload: 'a different workload',
  schemas: 'different shared schemas',
  names: 'different file names',
};

export const formatStatesLine = ({
  tenantCount,
  states,
  notChecked,
}: Pick<FleetResult, 'tenantCount' | 'states' | 'notChecked'>): string =>
  `${formatCount(tenantCount, 'tenant')}: ${[
    ...Object.entries(states).map(([state, count]) => `${count} ${state}`),
    ...(notChecked > 0 ? [`${notChecked} not inspected`] : []),
  ].join(', ')}.`;

export function printResult({ out, err }: Terminal, result: FleetResult, maxFailures: number): void {
  const { failures, stopped, waves, states } = result;
  const migrated = waves.reduce((sum, wave) => sum + wave.migrated, 0);
  // Tenants that failed in a wave were already reported with it.
  const early = failures.filter(({ state }) => state !== 'failed');
  for (const { name, state, error } of early.slice(0, MAX_SHOWN))
    err.line(
      `${err.colors.red(state)}  ${err.colors.bold(name)}  ${error ? describeError(error) : ''}`.trimEnd(),
    );
  if (early.length > MAX_SHOWN) err.line(`and ${early.length - MAX_SHOWN} more; --json lists a hundred.`);
  out.line(formatStatesLine(result));
  const wrong = Object.entries(states).reduce(
    (sum, [state, count]) => (state === 'up to date' || state === 'behind' ? sum : sum + count),
    0,
  );
  // No application can be working with a tenant whose database is unreachable, so the failure cannot be tolerated.
  const mayTolerate = (states.unreachable ?? 0) === 0;
  if (stopped === 'failures' && waves.length === 0)
    out.line(
      mayTolerate
        ? `Nothing was changed. Repair the tenants named above, remove them from the list, or give --max-failures ${wrong}.`
        : 'Nothing was changed. Repair the tenants named above, or remove them from the list.',
    );
  else if (stopped === 'failures')
    out.line(
      `Stopped after wave ${waves.at(-1)!.name}: more tenants failed than --max-failures permits (${maxFailures}). Run it again to continue.`,
    );
  else if (stopped === 'interrupt') out.line('Stopped. Run it again to continue; what is done is recorded.');
  else if (migrated === 0 && wrong === 0) out.line('Nothing to do.');
}
