/** `trueup status --fleet`: where each tenant stands. Changes nothing. */
import { EXIT, type ExitCode } from '../exit-codes';
import { watchInterrupt } from '../terminal/interrupt';
import { printJson } from '../terminal/json';
import { progressView } from '../terminal/progress';
import type { Terminal } from '../terminal/terminal';
import { survey, type Tenant } from './fleet';
import { type OpenFleetOptions, readFleet, withRoom } from './open';
import { countStates, isWrong, reportOf, statesLine, tenantLine, waitsFor } from './report';

/** Tenants that are behind, by name. */
const SHOWN = 20;

export async function runFleetStatus(
  terminal: Terminal,
  options: OpenFleetOptions & { readonly exitCode?: boolean },
  folder: string,
  file: string,
): Promise<ExitCode> {
  const { targets, fleet: unseated } = await readFleet(folder, file, options);
  const progress = progressView(terminal);
  const interrupt = watchInterrupt(terminal, 'the tenants that are asked just now');
  try {
    const { fleet, note } = await withRoom(unseated, targets, options.concurrency);
    if (note && !terminal.quiet) terminal.err.line(note);
    let seen = 0;
    const tenants = await progress.during(() =>
      survey(
        fleet,
        targets,
        () => progress.now(`looking at all tenants: ${++seen} of ${targets.length}`),
        () => interrupt.asked,
      ),
    );
    const counted = {
      targets: targets.length,
      states: countStates(tenants),
      unseen: targets.length - tenants.length,
    };
    if (terminal.json) printJson(terminal, { ...counted, tenants: tenants.map(reportOf) });
    else print(terminal, tenants, statesLine(counted));
    if (interrupt.asked) return EXIT.interrupted;
    return options.exitCode ? exitCodeOf(tenants) : EXIT.ok;
  } finally {
    interrupt.release();
  }
}

function print({ out }: Terminal, tenants: readonly Tenant[], summary: string): void {
  const { colors } = out;
  for (const tenant of tenants.filter(isWrong)) out.line(tenantLine(colors, tenant));
  const behind = tenants.filter(({ state }) => state === 'behind');
  for (const tenant of behind.slice(0, SHOWN))
    out.line(`${colors.yellow('behind')}  ${colors.bold(tenant.target.name)}  ${waitsFor(tenant)}`);
  if (behind.length > SHOWN) out.line(`and ${behind.length - SHOWN} more that are behind; --json lists all.`);
  out.line(summary);
}

function exitCodeOf(tenants: readonly Tenant[]): ExitCode {
  const wrong = tenants.filter(isWrong);
  if (wrong.length > 0)
    return wrong.every(({ state }) => state === 'unreachable') ? EXIT.unreachable : EXIT.failed;
  return tenants.some(({ state }) => state === 'behind') ? EXIT.pending : EXIT.ok;
}
