import type { Command } from 'commander';
import type { ConvergeReport } from '../../../lambda/contract/converge';
import type { WorkloadReport } from '../../../lambda/contract/workload';
import { computeUndecidedPercent } from '../../../lambda/engine/guard/messages';
import { EXIT, type ExitCode } from '../exit-codes';
import { resolveFleetSource } from '../fleet/open';
import { type FleetUpOptions, runFleetUp } from '../fleet/up';
import { openLocal } from '../open';
import {
  collectValues,
  type DatabaseOptions,
  type OwnerOption,
  parseDays,
  parseDurationMs,
  parseWholeNumber,
  type StackOption,
  type TimeoutOption,
  withDatabase,
  withFleet,
  withFolder,
  withMaxUndecided,
  withOwner,
  withTimeout,
} from '../options';
import { runRemoteFleetUp } from '../remote/fleet';
import { setAction } from '../terminal/action';
import { UsageError } from '../terminal/failure';
import { runToEnd } from '../terminal/outcome';
import { formatCount, type Terminal } from '../terminal/terminal';
import { loadGuaranteedWorkload } from '../workload-sources';

export function registerUp(program: Command): void {
  const command = withTimeout(withOwner(withDatabase(withFolder(program.command('up'))))).description(
    'Applies the pending migrations of the folder. Each is verified by its verify section before it is ' +
      'committed; a transaction that fails is rolled back. A second run does nothing. If several runs start at once, one ' +
      'works and the others wait; each reports what was applied meanwhile. Ctrl-C stops after the current step, and the ' +
      'next run continues there.',
  );
  command.option(
    '--workload <file>',
    'workload of the application being deployed: its statements must plan at the end, and later runs refuse migrations ' +
      'that would break them; may be repeated',
    collectValues,
  );
  command.option(
    '--workload-days <days>',
    'also refuse a migration that would break a statement that the database ran within this number of days, even ' +
      'before the last deployment (default: only since the last deployment)',
    parseDays,
  );
  command.option(
    '--guard-time <time>',
    'maximum time to plan the statements that a pending file affects (default: 30s); the run stops if some are still undecided',
    parseDurationMs,
  );
  command.option(
    '--remove-workload',
    'remove the guaranteed workload from the ledger if the run succeeds (default: without --workload, the last one is kept)',
  );
  withMaxUndecided(command);
  command.option(
    '--stack <name>',
    "with --tenant: migrate a tenant of the stack's fleet with the deployed functions",
  );
  withFleet(command)
    .option(
      '--canary <name>',
      'with --fleet: migrate this tenant first (default: one chosen by a hash of its name); may be repeated',
      collectValues,
    )
    .option(
      '--max-failures <number>',
      'with --fleet: maximum number of failed tenants before the remaining waves are skipped (default: 0)',
      parseWholeNumber,
    );
  setAction<UpOptions & FleetUpOptions & StackOption>(command, async (terminal, options, folder) => {
    if (options.workload !== undefined && options.removeWorkload)
      throw new UsageError(
        '--remove-workload cannot be combined with --workload',
        'Remove one of the two options.',
      );
    const fleet = resolveFleetSource(options);
    if (fleet?.from === 'file') return runFleetUp(terminal, options, folder!, fleet.file);
    if (fleet?.from === 'stack' || options.stack !== undefined) return runRemoteFleetUp(terminal, options);
    return runUp(terminal, options, folder!);
  });
}

type UpOptions = DatabaseOptions &
  OwnerOption &
  TimeoutOption & {
    readonly workload?: readonly string[];
    readonly workloadDays?: number;
    readonly guardTime?: number;
    readonly removeWorkload?: boolean;
    readonly maxUndecided: number;
  };

function runUp(terminal: Terminal, options: UpOptions, folder: string): Promise<ExitCode> {
  let label = '';
  return runToEnd(terminal, {
    timeoutMs: options.timeout,
    open: async (progress) => {
      const workload = options.workload && (await loadGuaranteedWorkload(options.workload));
      const operations = await openLocal(folder, options, progress, {
        workload,
        removesWorkload: options.removeWorkload,
        workloadDays: options.workloadDays,
        guardTimeMs: options.guardTime,
      });
      label = operations.label;
      return (slice) => operations.up(slice);
    },
    summary: (report) => formatSummary(report, terminal.out.colors.bold(label)),
    exitCode: (report) => {
      const open = describeUndecidedExcess(report, options.maxUndecided);
      if (open === null) return EXIT.ok;
      if (!terminal.json) terminal.err.line(open);
      return EXIT.failed;
    },
  });
}

function formatSummary(report: ConvergeReport, where: string): string {
  const { applied, withoutVerify, notChecked: unchecked = [], baselined, position } = report;
  const at = `${position ? `; at ${position}` : ''}${formatWorkloadPlan(report)}`;
  if (applied.length === 0 && baselined.length === 0) return `${where}: nothing to do${at}.`;
  const doubts = [
    ...(withoutVerify.length > 0 ? [`${withoutVerify.length} of them without a verify section`] : []),
    ...(unchecked.length > 0 ? [`${unchecked.length} of them not checked`] : []),
  ];
  const doubt = doubts.length > 0 ? `, ${doubts.join(', ')}` : ' and verified';
  return `${where}: ${formatCount(applied.length, 'migration')} applied${doubt}${at}.`;
}

/** Returns a sentence if too many statements are undecided; `null` if their share is within the limit. */
function describeUndecidedExcess({ workload }: ConvergeReport, limit: number): string | null {
  const share = workload ? computeUndecidedPercent(workload) : 0;
  if (share <= limit) return null;
  return `Too much is undecided: ${Math.round(share)} %, and --max-undecided is ${limit} %. The migrations are applied.`;
}

const countUndecided = ({ undecided }: Pick<WorkloadReport, 'undecided'>): number =>
  Object.values(undecided).reduce((sum, count) => sum + count, 0);

/** Summarizes the planned workload; empty if none was planned. */
function formatWorkloadPlan({ workload }: ConvergeReport): string {
  if (!workload?.deployed) return '';
  const { plan, statements } = workload.deployed;
  const undecided = countUndecided(workload);
  const open = undecided === 0 ? '' : `, ${undecided} undecided`;
  return `; ${plan} of ${formatCount(statements, 'statement')} of the workload plan${plan === 1 ? 's' : ''}${open}`;
}
