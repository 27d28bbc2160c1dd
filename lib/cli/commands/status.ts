import type { Command } from 'commander';
import { describeError } from '../../../lambda/contract/errors';
import type {
  DeploymentStatus,
  MigrationState,
  MigrationStatus,
  Status,
} from '../../../lambda/contract/status';
import { EXIT, type ExitCode } from '../exit-codes';
import { resolveFleetSource } from '../fleet/open';
import { runFleetStatus } from '../fleet/status';
import { openOperations } from '../open';
import {
  collectValues,
  type DatabaseOptions,
  type FleetOptions,
  type StackOption,
  withDatabase,
  withFleet,
  withFolder,
  withStack,
} from '../options';
import { runRemoteFleetStatus } from '../remote/fleet';
import { setAction } from '../terminal/action';
import type { Colors } from '../terminal/colors';
import { UsageError } from '../terminal/failure';
import { printJson } from '../terminal/json';
import { formatCount, formatDuration, formatTable, type Terminal } from '../terminal/terminal';

interface Options extends DatabaseOptions, StackOption, FleetOptions {
  readonly exitCode?: boolean;
  readonly workload?: readonly string[];
}

export function registerStatus(program: Command): void {
  const command = withDatabase(withFolder(program.command('status')))
    .description('Compares the folder with the ledger in the database. Changes nothing.')
    .option('--exit-code', 'exit with 3 if migrations are pending, 1 if an applied file was edited')
    .addHelpText('after', STATES);
  withFleet(withStack(command)).option(
    '--workload <file>',
    'with --fleet: also report tenants whose ledger has a different workload as behind; may be repeated',
    collectValues,
  );
  setAction<Options>(command, async (terminal, options, folder) => {
    const fleet = resolveFleetSource(options);
    if (fleet?.from === 'file') return runFleetStatus(terminal, options, folder!, fleet.file);
    if (fleet?.from === 'stack') return runRemoteFleetStatus(terminal, options);
    if (options.workload !== undefined)
      throw new UsageError(
        '--workload requires --fleet',
        '`trueup plan --workload FILE` plans it on one database.',
      );
    const operations = await openOperations(folder!, options);
    const status = await operations.status();
    if (terminal.json) printJson(terminal, status);
    else printStatus(terminal, status, operations.label, options.stack);
    return options.exitCode ? getExitCode(status) : EXIT.ok;
  });
}

const STATES = `
States:
  applied      done, and verified if it has a verify section
  pending      \`trueup up\` applies it
  late         pending and out of order: a newer migration is applied
  partial      some of its statements are committed; \`up\` continues where it stopped
  unverified   its statements ran, but it is not verified yet; \`up\` verifies it first
  changed      a repeatable migration with new text; \`up\` applies it again
  edited       applied, but its file has changed since; \`up\` refuses to run
  superseded   applied; a later migration replaces what it verified

"applied, no file in this version" (in JSON: missing): the file was removed, or a rollback restored older code.`;

const WAITING_STATES: readonly MigrationState[] = [
  'pending',
  'out-of-order',
  'partial',
  'unverified',
  'changed',
];

function getExitCode({ migrations }: Status): ExitCode {
  if (migrations.some(({ state }) => state === 'edited')) return EXIT.failed;
  return migrations.some(({ state }) => WAITING_STATES.includes(state)) ? EXIT.pending : EXIT.ok;
}

function printStatus({ out }: Terminal, status: Status, label: string, stack: string | undefined): void {
  const { colors } = out;
  out.line(`${colors.bold(label)}, PostgreSQL ${status.serverVersion}`);
  if (status.migrations.length > 0) {
    out.line();
    const rolledBack = status.lastRollback != null || status.lastDeployment?.direction === 'rollback';
    const rows = status.migrations.map((migration) => [
      stateColor(
        colors,
        migration.state,
        rolledBack,
      )(migration.state === 'missing' ? 'applied' : migration.state),
      migration.name,
      migration.appliedAt === null ? '' : formatMinute(migration.appliedAt),
      migration.durationMs === null ? '' : formatDuration(migration.durationMs),
      formatRemark(migration),
    ]);
    for (const line of formatTable(rows)) out.line(line);
  }
  out.line();
  for (const line of [
    ...formatSummary(status, stack),
    ...describeActivity(status),
    ...describeRollback(status),
  ])
    out.line(line);
}

function formatRemark({ baselined, hasVerify, state, notChecked: unchecked }: MigrationStatus): string {
  const gone = state === 'missing' ? ['no file in this version'] : [];
  if (unchecked) return [`not verified; not checked: ${unchecked.join('; ')}`, ...gone].join('; ');
  if (baselined && state !== 'pending') return ['recorded by a baseline; never run', ...gone].join('; ');
  // If the file no longer exists, it is unknown whether it had a verify section.
  return hasVerify ? '' : (gone[0] ?? 'has no verify section');
}

function formatSummary(
  { migrations, lastDeployment, lastFailure, position }: Status,
  stack: string | undefined,
): string[] {
  const count = (...states: MigrationState[]): number =>
    migrations.filter(({ state }) => states.includes(state)).length;
  const waiting = count(...WAITING_STATES);
  const edited = count('edited');
  const lines = [
    migrations.length === 0
      ? 'The folder has no migrations; `trueup new NAME` creates one.'
      : `${migrations.length - waiting} applied, ${waiting} pending${position ? `; at ${position}` : ''}.`,
  ];
  if (waiting > 0 && edited === 0) {
    lines.push(
      stack === undefined
        ? '`trueup plan` shows what would be done; `trueup up` does it.'
        : `\`trueup plan --stack ${stack}\` shows what would be done. \`cdk deploy\` does it if something has changed, or with another forceRunToken.`,
    );
  }
  if (edited > 0) {
    lines.push(
      `${formatCount(edited, 'applied file')} changed since: restore the file, or make the change in a new migration.`,
    );
  }
  const failures = [lastFailure, lastDeployment].filter((each) => each != null);
  const failed = failures.find(({ outcome }) => outcome === 'failed');
  const interrupted = failures.find(({ outcome }) => outcome === 'interrupted');
  if (failed && (!interrupted || failed.startedAt >= interrupted.startedAt)) {
    const which = stack === undefined ? 'run' : 'deployment';
    const why = failed.error ? `: ${describeError(failed.error)}` : '.';
    lines.push(`The last ${which}, ${formatMinute(failed.startedAt)}, failed${why}`);
  }
  if (interrupted) lines.push(describeUnfinishedRun(interrupted, migrations, stack));
  return lines;
}

/** Describes a run whose end was never recorded: what is known about it and what to do. */
function describeUnfinishedRun(
  { id, startedAt, byHand, direction }: DeploymentStatus,
  migrations: readonly MigrationStatus[],
  stack: string | undefined,
): string {
  if (byHand) {
    return `The last run, ${formatMinute(startedAt)}, was interrupted: its process ended without recording the end. The next run continues there.`;
  }
  const what = direction === 'rollback' ? 'The rollback' : 'The deployment';
  const half = migrations.filter(({ state }) => state === 'partial' || state === 'unverified');
  const at = half.length === 0 ? '' : ` Half done: ${half.map(({ name }) => name).join(', ')}.`;
  const of = stack === undefined ? 'the stack' : stack;
  return (
    `${what} of ${formatMinute(startedAt)}, request ${id}, began, but its end is not recorded: its function was stopped, timed out, or lost its connection to the database.` +
    `${at} What it had committed is recorded above. The events of ${of} and the log group of its functions show why it ended. Deploy again: the next deployment continues there.`
  );
}

/**
 * Describes the current run. The server names the sessions that hold conflicting locks; only the run itself knows
 * whether it is waiting for exactly those.
 */
function describeActivity({ activity, lastDeployment }: Status): string[] {
  if (lastDeployment?.outcome !== 'running') return [];
  const since = `The run of ${formatMinute(lastDeployment.startedAt)}`;
  const { runner = null, next = null, locks = [], heldBy = [] } = activity ?? {};
  return [
    runner === null
      ? `${since} has not ended, but no session is working on it: it is between two attempts, or was interrupted.${describeRecovery(lastDeployment)}`
      : `${since} is still running: ${runner}.`,
    ...(heldBy.length > 0 ? [`${next} needs ${locks.join(', ')}, and ${heldBy.join('; ')}.`] : []),
  ];
}

const describeRecovery = ({ byHand, id }: DeploymentStatus): string =>
  byHand
    ? ''
    : ` If its stack is no longer in progress, nobody will record its end (request ${id}): deploy again.`;

function describeRollback({ lastDeployment, lastRollback }: Status): string[] {
  const last = lastRollback ?? lastDeployment;
  if (!last) return [];
  const at = last.direction === 'rollback' ? `, ${formatMinute(last.startedAt)}` : '';
  return [
    ...(lastRollback ? last.undone : []).map((name) => `Undone by the last rollback${at}: ${name}.`),
    ...last.kept.map(({ name, reason }) => `Kept by the last rollback${at}: ${name}: ${reason}.`),
  ];
}

/**
 * Returns the color of a state. After a rollback the code is older than the database, so a missing file is expected.
 */
function stateColor(colors: Colors, state: MigrationState, rolledBack: boolean): (text: string) => string {
  if (state === 'applied' || state === 'superseded') return colors.green;
  if (state === 'missing') return rolledBack ? colors.green : colors.yellow;
  return state === 'edited' ? colors.red : colors.yellow;
}

/** Formats a time as `2026-11-21 09:12 UTC`. */
const formatMinute = (iso: string): string =>
  `${new Date(iso).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
