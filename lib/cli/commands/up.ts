import type { Command } from 'commander';
import type { Report } from '../../../lambda/contract/converge';
import type { ExitCode } from '../exit-codes';
import { fleetOf } from '../fleet/open';
import { type FleetUpOptions, runFleetUp } from '../fleet/up';
import { openLocal } from '../open';
import {
  type DatabaseOptions,
  type OwnerOption,
  repeated,
  type StackOption,
  type TimeoutOption,
  wholeDays,
  wholeNumber,
  withDatabase,
  withFleet,
  withFolder,
  withOwner,
  withTimeout,
} from '../options';
import { runRemoteFleetUp } from '../remote/fleet';
import { setAction } from '../terminal/action';
import { runToEnd } from '../terminal/outcome';
import { plural, type Terminal } from '../terminal/terminal';
import { promiseFromFiles } from '../workload-sources';

export function registerUp(program: Command): void {
  const command = withTimeout(withOwner(withDatabase(withFolder(program.command('up'))))).description(
    'Applies the pending migrations of the folder. Each is verified by its verify section before it is ' +
      'committed; one that fails leaves nothing behind. A second run does nothing; of two runs at once, one works and ' +
      'the other waits. Ctrl-C stops after the current step, and the next run continues there.',
  );
  command.option(
    '--workload <file>',
    'what the application of this deployment sends: a migration that would break what the running one sends is refused, ' +
      'and these must plan at the end; may be repeated',
    repeated,
  );
  command.option(
    '--workload-days <days>',
    'statements that the database ran within so many days are guarded whatever was deployed since (default: those that ' +
      'ran since the last deployment)',
    wholeDays,
  );
  command.option('--stack <name>', "with --target: a tenant of the stack's fleet, by its deployed functions");
  withFleet(command)
    .option(
      '--canary <name>',
      'with --fleet: migrated first (default: one that is drawn); may be repeated',
      repeated,
    )
    .option(
      '--tolerated <number>',
      'with --fleet: so many tenants may fail before later waves are left out (default: 0)',
      wholeNumber,
    );
  setAction<UpOptions & FleetUpOptions & StackOption>(command, (terminal, options, folder) => {
    const fleet = fleetOf(options);
    if (fleet?.from === 'file') return runFleetUp(terminal, options, folder!, fleet.file);
    if (fleet?.from === 'stack' || options.stack !== undefined) return runRemoteFleetUp(terminal, options);
    return runUp(terminal, options, folder!);
  });
}

export type UpOptions = DatabaseOptions &
  OwnerOption &
  TimeoutOption & { readonly workload?: readonly string[]; readonly workloadDays?: number };

export function runUp(terminal: Terminal, options: UpOptions, folder: string): Promise<ExitCode> {
  let label = '';
  return runToEnd(terminal, {
    timeoutMs: options.timeout,
    open: async (progress) => {
      const workload = options.workload && (await promiseFromFiles(options.workload));
      const operations = await openLocal(folder, options, progress, {
        workload,
        workloadDays: options.workloadDays,
      });
      label = operations.label;
      return (slice) => operations.up(slice);
    },
    summary: (report) => summary(report, terminal.out.colors.bold(label)),
  });
}

function summary(report: Report, where: string): string {
  const { applied, unproved, baselined, position } = report;
  const at = `${position ? `; at ${position}` : ''}${planned(report)}`;
  if (applied.length === 0 && baselined.length === 0) return `${where}: nothing to do${at}.`;
  const doubt =
    unproved.length > 0 ? `, ${unproved.length} of them without a verify section` : ' and verified';
  return `${where}: ${plural(applied.length, 'migration')} applied${doubt}${at}.`;
}

/** Of the workload; empty where none was planned. */
function planned({ workload }: Report): string {
  if (!workload?.deployed) return '';
  const { plan, statements } = workload.deployed;
  const undecided = Object.values(workload.undecided).reduce((sum, count) => sum + count, 0);
  const open = undecided === 0 ? '' : `, ${undecided} undecided`;
  return `; ${plan} of ${plural(statements, 'statement')} of the workload plan${plan === 1 ? 's' : ''}${open}`;
}
