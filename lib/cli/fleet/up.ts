/** `trueup up --fleet`: surveys all tenants first, then migrates them wave by wave. */

import type { ListedTenant } from '../../../lambda/fleet/tenant-list';
import { splitIntoWaves, type Wave } from '../../../lambda/fleet/waves';
import { EXIT, type ExitCode } from '../exit-codes';
import type { TimeoutOption } from '../options';
import { UsageError } from '../terminal/failure';
import { watchInterrupt } from '../terminal/interrupt';
import { printJson } from '../terminal/json';
import { createProgressView } from '../terminal/progress';
import type { Terminal } from '../terminal/terminal';
import { inspectTenants, migrateWave, type Tenant } from './fleet';
import { type OpenFleetOptions, readFleet, withConnectionHeadroom } from './open';
import {
  buildFleetResult,
  type FleetResult,
  formatTenantLine,
  formatWaveLine,
  isInErrorState,
  printResult,
} from './report';

export type FleetUpOptions = OpenFleetOptions &
  TimeoutOption & {
    readonly canary?: readonly string[];
    readonly maxFailures?: number;
    readonly maxUndecided: number;
  };

export async function runFleetUp(
  terminal: Terminal,
  options: FleetUpOptions,
  folder: string,
  file: string,
): Promise<ExitCode> {
  const { targets, fleet: opened } = await readFleet(folder, file, options);
  const waves = planWaves(targets, options.canary);
  const progress = createProgressView(terminal);
  const say = (line: string): void => {
    if (!terminal.quiet) terminal.err.line(line);
  };
  const interrupt = watchInterrupt(terminal, 'the tenants that are in progress');
  const stopped = (): boolean => interrupt.asked;
  opened.server.onWait = (message) => progress.now(`waiting for the server: ${message}`);
  try {
    const { fleet, note } = await withConnectionHeadroom(opened, targets, options.concurrency);
    if (note) say(note);
    const tenants = new Map<string, Tenant>();
    const keep = (tenant: Tenant): void => void tenants.set(tenant.target.name, tenant);
    const wrong = (): Tenant[] => [...tenants.values()].filter(isInErrorState);
    const maxFailures = options.maxFailures ?? 0;

    await progress.during(() =>
      inspectTenants(
        fleet,
        targets,
        (tenant) => {
          keep(tenant);
          progress.now(`inspecting all tenants: ${tenants.size} of ${targets.length}`);
        },
        stopped,
      ),
    );
    const done: FleetResult['waves'][number][] = [];
    for (const { name, tenants: all } of waves) {
      if (stopped() || wrong().length > maxFailures) break;
      const behind = all.filter((target) => tenants.get(target.name)?.state === 'behind');
      const wave = { name, tenantCount: all.length, migrated: 0, byAnotherRun: 0, failed: 0 };
      const began = Date.now();
      await progress.during(() =>
        migrateWave(
          fleet,
          { name, tenants: behind },
          (tenant) => {
            const { pending = 0 } = tenants.get(tenant.target.name) ?? {};
            keep(tenant);
            if (tenant.state === 'failed') {
              wave.failed++;
              progress.print(formatTenantLine(terminal.err.colors, tenant));
            } else if (tenant.byAnotherRun && pending > 0) wave.byAnotherRun++;
            else wave.migrated++;
            const past = wave.migrated + wave.byAnotherRun + wave.failed;
            progress.now(`${name}: ${past} of ${behind.length} tenants`);
          },
          stopped,
        ),
      );
      done.push(wave);
      if (behind.length > 0) say(formatWaveLine(terminal.err.colors, wave, Date.now() - began));
    }
    const cut = stopped() ? 'interrupt' : wrong().length > maxFailures ? 'failures' : null;
    const result = buildFleetResult(targets, [...tenants.values()], done, cut);
    if (terminal.json) printJson(terminal, result);
    else printResult(terminal, result, maxFailures);
    const code = getExitCode(result, wrong());
    const dark = [...tenants.values()].filter(({ undecided = 0 }) => undecided > options.maxUndecided);
    if (dark.length === 0) return code;
    if (!terminal.json) terminal.err.line(describeUndecidedExcess(dark, options.maxUndecided));
    return code === EXIT.ok ? EXIT.failed : code;
  } finally {
    interrupt.release();
  }
}

function planWaves(targets: readonly ListedTenant[], canaries: readonly string[] = []): Wave<ListedTenant>[] {
  try {
    return splitIntoWaves(targets, canaries);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UsageError(`--canary: ${error.message}`, 'Give names of tenants as they are in the list.');
  }
}

function describeUndecidedExcess(dark: readonly Tenant[], limit: number): string {
  const [first] = [...dark].sort((a, b) => b.undecided! - a.undecided!);
  const share = `${first!.target.name}: ${Math.round(first!.undecided!)} %`;
  const more = dark.length === 1 ? '' : `, and ${dark.length - 1} more`;
  return `Too much is undecided (${share}${more}), and --max-undecided is ${limit} %. The migrations are applied.`;
}

function getExitCode({ stopped }: FleetResult, wrong: readonly Tenant[]): ExitCode {
  if (stopped === 'interrupt') return EXIT.interrupted;
  if (stopped === null) return EXIT.ok;
  return wrong.every(({ state }) => state === 'unreachable') ? EXIT.unreachable : EXIT.failed;
}
