/**
 * `trueup baseline --fleet`: marks as applied what each tenant already holds. No migration is run; each tenant's verify
 * sections decide.
 */
import { EXIT, type ExitCode } from '../exit-codes';
import { requireMigration } from '../folder';
import type { DeclaredFile } from '../operations';
import { watchInterrupt } from '../terminal/interrupt';
import { printJson } from '../terminal/json';
import { createProgressView } from '../terminal/progress';
import { formatCount, type Terminal } from '../terminal/terminal';
import { baselineTenants, inspectTenants, type Tenant, type TenantBaseline } from './fleet';
import { type OpenFleetOptions, readFleet, withConnectionHeadroom } from './open';
import { formatTenantLine, isInErrorState } from './report';

const STATES: readonly TenantBaseline['state'][] = [
  'marked',
  'taken back',
  'recorded already',
  'not held',
  'failed',
];
/** Maximum number of tenants named on the terminal; `--json` lists all. */
const MAX_SHOWN = 20;

export async function runFleetBaseline(
  terminal: Terminal,
  options: OpenFleetOptions & { readonly undo?: boolean },
  name: string,
  folder: string,
  file: string,
  declared: DeclaredFile | null,
): Promise<ExitCode> {
  const undo = options.undo === true;
  const { targets, fleet: opened } = await readFleet(
    folder,
    file,
    options,
    undo || declared ? undefined : name,
  );
  const progress = createProgressView(terminal);
  const interrupt = watchInterrupt(terminal, 'the tenants that are in progress');
  const stopped = (): boolean => interrupt.asked;
  opened.server.onWait = (message) => progress.now(`waiting for the server: ${message}`);
  try {
    const started = undo
      ? opened
      : { ...opened, asks: { ...(declared ? { declared } : { baseline: name }), baselineOnly: true } };
    const { fleet, note } = await withConnectionHeadroom(started, targets, options.concurrency);
    if (note && !terminal.quiet) terminal.err.line(note);
    // There is no survey before --undo: it would report what a baseline recorded for the wrong schema, which is what
    // --undo removes.
    const seen: Tenant[] = [];
    if (!undo)
      await progress.during(() =>
        inspectTenants(
          fleet,
          targets,
          (tenant) => {
            seen.push(tenant);
            progress.now(`inspecting all tenants: ${seen.length} of ${targets.length}`);
          },
          stopped,
        ),
      );
    const wrong = seen.filter(isInErrorState);
    // A name that matches no file may be the former name of a renamed file, which the ledgers record.
    if (
      !undo &&
      !stopped() &&
      wrong.every(({ state }) => state !== 'unreachable') &&
      wrong.length === seen.length
    )
      requireMigration(opened.manifest, name);
    const tenants: TenantBaseline[] = [];
    if (wrong.length === 0 && !stopped())
      await progress.during(() =>
        baselineTenants(
          fleet,
          targets,
          { name, undo },
          (tenant) => {
            tenants.push(tenant);
            progress.now(`${tenants.length} of ${targets.length} tenants`);
          },
          stopped,
        ),
      );
    if (terminal.json)
      printJson(terminal, {
        tenantCount: targets.length,
        states: countStates(tenants),
        stopped: wrong.length > 0 ? 'failures' : stopped() ? 'interrupt' : null,
        wrong: wrong.map(({ target, state, error }) => ({ ...target, state, error })),
        tenants: tenants.map(({ target, state, report, error }) => ({
          ...target,
          state,
          baselined: report.baselined,
          undone: report.undone,
          warnings: report.warnings,
          ...(error ? { error } : {}),
        })),
      });
    else
      printBaselineResult(terminal, {
        name,
        tenantCount: targets.length,
        wrong,
        tenants,
        stopped: stopped(),
      });
    return getExitCode(tenants, wrong, stopped());
  } finally {
    interrupt.release();
  }
}

interface FleetBaselineResult {
  readonly name: string;
  readonly tenantCount: number;
  /** Tenants in which the survey found a problem. */
  readonly wrong: readonly Tenant[];
  readonly tenants: readonly TenantBaseline[];
  readonly stopped: boolean;
}

function printBaselineResult(
  { out, err }: Terminal,
  { name, tenantCount, wrong, tenants, stopped }: FleetBaselineResult,
): void {
  const { colors } = err;
  const lines = [
    ...wrong.map((tenant) => formatTenantLine(colors, tenant)),
    ...tenants.flatMap(({ target, state, report, error }) =>
      state === 'failed'
        ? [formatTenantLine(colors, { target, state, pending: 0, position: '', ...(error ? { error } : {}) })]
        : state === 'not held'
          ? [`${colors.yellow(state)}  ${colors.bold(target.name)}  ${findWarning(report.warnings, name)}`]
          : [],
    ),
  ];
  for (const line of lines.slice(0, MAX_SHOWN)) err.line(line);
  if (lines.length > MAX_SHOWN) err.line(`and ${lines.length - MAX_SHOWN} more; --json lists all.`);
  if (wrong.length > 0) {
    out.line('Nothing was recorded. Repair the tenants named above, or remove them from the list.');
    return;
  }
  const left = tenantCount - tenants.length;
  const counts = [
    ...Object.entries(countStates(tenants)).map(([state, count]) => `${count} ${state}`),
    ...(left > 0 ? [`${left} not started`] : []),
  ];
  out.line(`${formatCount(tenantCount, 'tenant')}: ${counts.join(', ')}.`);
  if (stopped) out.line('Stopped. Run it again to continue; it keeps what is recorded.');
}

/** Returns the warning about the named migration, or else the first warning. */
const findWarning = (warnings: readonly string[], name: string): string =>
  warnings.find((warning) => warning.startsWith(`${name} `)) ??
  warnings[0] ??
  `${name} was not marked as applied.`;

function countStates(tenants: readonly TenantBaseline[]): Partial<Record<TenantBaseline['state'], number>> {
  const counted = STATES.map(
    (state) => [state, tenants.filter((each) => each.state === state).length] as const,
  );
  return Object.fromEntries(counted.filter(([, count]) => count > 0));
}

function getExitCode(
  tenants: readonly TenantBaseline[],
  wrong: readonly Tenant[],
  stopped: boolean,
): ExitCode {
  if (wrong.length > 0)
    return wrong.every(({ state }) => state === 'unreachable') ? EXIT.unreachable : EXIT.failed;
  if (stopped) return EXIT.interrupted;
  if (tenants.some(({ state }) => state === 'failed')) return EXIT.failed;
  return tenants.some(({ state }) => state === 'not held') ? EXIT.pending : EXIT.ok;
}
