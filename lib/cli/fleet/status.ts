/** `trueup status --fleet`: shows the state of each tenant and changes nothing. */
import { EXIT, type ExitCode } from '../exit-codes';
import { watchInterrupt } from '../terminal/interrupt';
import { printJson } from '../terminal/json';
import { createProgressView } from '../terminal/progress';
import type { Terminal } from '../terminal/terminal';
import { inspectTenants, type Tenant } from './fleet';
import { type OpenFleetOptions, readFleet, withConnectionHeadroom } from './open';
import {
  countStates,
  describePending,
  formatStatesLine,
  formatTenantLine,
  isInErrorState,
  toTenantReport,
} from './report';

/** Maximum number of tenants that are behind and are listed by name. */
const MAX_SHOWN = 20;

export async function runFleetStatus(
  terminal: Terminal,
  options: OpenFleetOptions & { readonly exitCode?: boolean },
  folder: string,
  file: string,
): Promise<ExitCode> {
  const { targets, fleet: opened } = await readFleet(folder, file, options);
  const progress = createProgressView(terminal);
  const interrupt = watchInterrupt(terminal, 'the tenants that are being inspected');
  opened.server.onWait = (message) => progress.now(`waiting for the server: ${message}`);
  try {
    const { fleet, note } = await withConnectionHeadroom(opened, targets, options.concurrency);
    if (note && !terminal.quiet) terminal.err.line(note);
    let seen = 0;
    const tenants = await progress.during(() =>
      inspectTenants(
        fleet,
        targets,
        () => progress.now(`inspecting all tenants: ${++seen} of ${targets.length}`),
        () => interrupt.asked,
      ),
    );
    const counted = {
      tenantCount: targets.length,
      states: countStates(tenants),
      notChecked: targets.length - tenants.length,
    };
    if (terminal.json) printJson(terminal, { ...counted, tenants: tenants.map(toTenantReport) });
    else printTenants(terminal, tenants, formatStatesLine(counted));
    if (interrupt.asked) return EXIT.interrupted;
    return options.exitCode ? getExitCode(tenants) : EXIT.ok;
  } finally {
    interrupt.release();
  }
}

function printTenants({ out }: Terminal, tenants: readonly Tenant[], summary: string): void {
  const { colors } = out;
  for (const tenant of tenants.filter(isInErrorState)) out.line(formatTenantLine(colors, tenant));
  const behind = tenants.filter(({ state }) => state === 'behind');
  for (const tenant of behind.slice(0, MAX_SHOWN))
    out.line(`${colors.yellow('behind')}  ${colors.bold(tenant.target.name)}  ${describePending(tenant)}`);
  if (behind.length > MAX_SHOWN)
    out.line(`and ${behind.length - MAX_SHOWN} more that are behind; --json lists all.`);
  out.line(summary);
}

function getExitCode(tenants: readonly Tenant[]): ExitCode {
  const wrong = tenants.filter(isInErrorState);
  if (wrong.length > 0)
    return wrong.every(({ state }) => state === 'unreachable') ? EXIT.unreachable : EXIT.failed;
  return tenants.some(({ state }) => state === 'behind') ? EXIT.pending : EXIT.ok;
}
