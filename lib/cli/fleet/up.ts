/** `trueup up --fleet`: looks at all tenants first, then migrates them wave by wave. */

import type { Target } from '../../../lambda/fleet/targets';
import { type Wave, wavesOf } from '../../../lambda/fleet/waves';
import { EXIT, type ExitCode } from '../exit-codes';
import type { TimeoutOption } from '../options';
import { UsageError } from '../terminal/failure';
import { watchInterrupt } from '../terminal/interrupt';
import { printJson } from '../terminal/json';
import { progressView } from '../terminal/progress';
import type { Terminal } from '../terminal/terminal';
import { migrate, survey, type Tenant } from './fleet';
import { type OpenFleetOptions, readFleet, withRoom } from './open';
import { type FleetResult, isWrong, printResult, resultOf, tenantLine, waveLine } from './report';

export type FleetUpOptions = OpenFleetOptions &
  TimeoutOption & { readonly canary?: readonly string[]; readonly tolerated?: number };

export async function runFleetUp(
  terminal: Terminal,
  options: FleetUpOptions,
  folder: string,
  file: string,
): Promise<ExitCode> {
  const { targets, fleet: unseated } = await readFleet(folder, file, options);
  const waves = drawn(targets, options.canary);
  const progress = progressView(terminal);
  const say = (line: string): void => {
    if (!terminal.quiet) terminal.err.line(line);
  };
  const interrupt = watchInterrupt(terminal, 'the tenants that are under way');
  const stopped = (): boolean => interrupt.asked;
  try {
    const { fleet, note } = await withRoom(unseated, targets, options.concurrency);
    if (note) say(note);
    const tenants = new Map<string, Tenant>();
    const keep = (tenant: Tenant): void => void tenants.set(tenant.target.name, tenant);
    const wrong = (): Tenant[] => [...tenants.values()].filter(isWrong);
    const tolerated = options.tolerated ?? 0;

    await progress.during(() =>
      survey(
        fleet,
        targets,
        (tenant) => {
          keep(tenant);
          progress.now(`looking at all tenants: ${tenants.size} of ${targets.length}`);
        },
        stopped,
      ),
    );
    const done: FleetResult['waves'][number][] = [];
    for (const { name, targets: all } of waves) {
      if (stopped() || wrong().length > tolerated) break;
      const behind = all.filter((target) => tenants.get(target.name)?.state === 'behind');
      const wave = { name, targets: all.length, migrated: 0, failed: 0 };
      const began = Date.now();
      await progress.during(() =>
        migrate(
          fleet,
          { name, targets: behind },
          (tenant) => {
            keep(tenant);
            if (tenant.state === 'failed') {
              wave.failed++;
              progress.print(tenantLine(terminal.err.colors, tenant));
            } else wave.migrated++;
            progress.now(`${name}: ${wave.migrated + wave.failed} of ${behind.length} tenants`);
          },
          stopped,
        ),
      );
      done.push(wave);
      if (behind.length > 0) say(waveLine(terminal.err.colors, wave, Date.now() - began));
    }
    const cut = stopped() ? 'interrupt' : wrong().length > tolerated ? 'failures' : null;
    const result = resultOf(targets, [...tenants.values()], done, cut);
    if (terminal.json) printJson(terminal, result);
    else printResult(terminal, result, tolerated);
    return exitCodeOf(result, wrong());
  } finally {
    interrupt.release();
  }
}

function drawn(targets: readonly Target[], canaries: readonly string[] = []): Wave<Target>[] {
  try {
    return wavesOf(targets, canaries);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UsageError(`--canary: ${error.message}`, 'Give names of targets as they are in the list.');
  }
}

function exitCodeOf({ stopped }: FleetResult, wrong: readonly Tenant[]): ExitCode {
  if (stopped === 'interrupt') return EXIT.interrupted;
  if (stopped === null) return EXIT.ok;
  return wrong.every(({ state }) => state === 'unreachable') ? EXIT.unreachable : EXIT.failed;
}
