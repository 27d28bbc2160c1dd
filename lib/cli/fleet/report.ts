/** What a fleet's run, and its status, say. */
import type { ErrorInfo } from '../../../lambda/contract/errors';
import { describeError } from '../../../lambda/contract/errors';
import type { Target } from '../../../lambda/fleet/targets';
import type { WaveName } from '../../../lambda/fleet/waves';
import type { Colors } from '../terminal/colors';
import { duration, plural, type Terminal } from '../terminal/terminal';
import type { Tenant, TenantState } from './fleet';

/** In which order they are told. */
const STATES: readonly TenantState[] = [
  'at version',
  'behind',
  'failed',
  'edited',
  'foreign',
  'refused',
  'unreachable',
];

export const isWrong = ({ state }: Tenant): boolean => state !== 'at version' && state !== 'behind';

/** One tenant, as a document of `--json` has it. */
export interface TenantReport extends Target {
  readonly state: TenantState;
  readonly pending: number;
  readonly position: string;
  readonly changes?: Tenant['changes'];
  readonly error?: ErrorInfo;
}

export interface FleetResult {
  readonly targets: number;
  /** How many are in each state at the end. */
  readonly states: Partial<Record<TenantState, number>>;
  /** Not looked at, since the run was stopped. */
  readonly unseen: number;
  readonly waves: readonly {
    readonly name: WaveName;
    /** Those that were at version already are among them. */
    readonly targets: number;
    readonly migrated: number;
    readonly failed: number;
  }[];
  /** Why later tenants were not begun. */
  readonly stopped: 'failures' | 'interrupt' | null;
  /** Those with an error, the first hundred. */
  readonly failures: readonly TenantReport[];
}

const FAILURES = 100;
const SHOWN = 10;

export const reportOf = ({ target, ...rest }: Tenant): TenantReport => ({ ...target, ...rest });

export function countStates(tenants: readonly Tenant[]): FleetResult['states'] {
  const counted = STATES.map(
    (state) => [state, tenants.filter((each) => each.state === state).length] as const,
  );
  return Object.fromEntries(counted.filter(([, count]) => count > 0));
}

export const resultOf = (
  targets: readonly Target[],
  tenants: readonly Tenant[],
  waves: FleetResult['waves'],
  stopped: FleetResult['stopped'],
): FleetResult => ({
  targets: targets.length,
  states: countStates(tenants),
  unseen: targets.length - tenants.length,
  waves,
  stopped,
  failures: tenants.filter(isWrong).slice(0, FAILURES).map(reportOf),
});

/** `failed  acme  0004_email, line 12: …` */
export const tenantLine = (colors: Colors, { target, state, error }: Tenant): string =>
  `${colors.red(state)}  ${colors.bold(target.name)}  ${error === undefined ? '' : describeError(error)}`.trimEnd();

export function waveLine(colors: Colors, wave: FleetResult['waves'][number], tookMs: number): string {
  const failed = wave.failed > 0 ? `, ${colors.red(`${wave.failed} failed`)}` : '';
  return `${wave.name.padEnd(6)}  ${plural(wave.migrated, 'tenant')} migrated${failed}  ${colors.dim(duration(tookMs))}`;
}

/** What a tenant that is behind waits for. */
export function waitsFor({
  pending,
  position,
  changes = [],
}: Pick<Tenant, 'pending' | 'position' | 'changes'>): string {
  const at = position === '' ? 'nothing is applied' : `at ${position}`;
  if (pending > 0) return `${plural(pending, 'migration')} pending; ${at}`;
  return `${at}, with ${changes.map((each) => OTHER[each]).join(' and ') || OTHER.workload}`;
}

const OTHER = { workload: 'another workload', schemas: 'other shared schemas' };

export const statesLine = ({
  targets,
  states,
  unseen,
}: Pick<FleetResult, 'targets' | 'states' | 'unseen'>): string =>
  `${plural(targets, 'tenant')}: ${[
    ...Object.entries(states).map(([state, count]) => `${count} ${state}`),
    ...(unseen > 0 ? [`${unseen} not looked at`] : []),
  ].join(', ')}.`;

export function printResult({ out, err }: Terminal, result: FleetResult, tolerated: number): void {
  const { failures, stopped, waves, states } = result;
  const migrated = waves.reduce((sum, wave) => sum + wave.migrated, 0);
  // Those that failed in a wave have been told there.
  const early = failures.filter(({ state }) => state !== 'failed');
  for (const { name, state, error } of early.slice(0, SHOWN))
    err.line(
      `${err.colors.red(state)}  ${err.colors.bold(name)}  ${error ? describeError(error) : ''}`.trimEnd(),
    );
  if (early.length > SHOWN) err.line(`and ${early.length - SHOWN} more; --json lists a hundred.`);
  out.line(statesLine(result));
  const wrong = Object.entries(states).reduce(
    (sum, [state, count]) => (state === 'at version' || state === 'behind' ? sum : sum + count),
    0,
  );
  if (stopped === 'failures' && waves.length === 0)
    out.line(
      `Nothing was changed. Repair what is named above, take it out of the list, or give --tolerated ${wrong}.`,
    );
  else if (stopped === 'failures')
    out.line(
      `Stopped after wave ${waves.at(-1)!.name}: more failed than are tolerated (${tolerated}). Run it again to continue.`,
    );
  else if (stopped === 'interrupt') out.line('Stopped. Run it again to continue; what is done is recorded.');
  else if (migrated === 0 && wrong === 0) out.line('Nothing to do.');
}
