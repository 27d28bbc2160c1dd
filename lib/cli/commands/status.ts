import type { Command } from 'commander';
import type { MigrationState, MigrationStatus, Status } from '../../../lambda/contract/status';
import { EXIT, type ExitCode } from '../exit-codes';
import { fleetOf } from '../fleet/open';
import { runFleetStatus } from '../fleet/status';
import { open } from '../open';
import {
  type DatabaseOptions,
  type FleetOptions,
  repeated,
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
import { duration, plural, type Terminal, table } from '../terminal/terminal';

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
    'with --fleet: a tenant is also behind that was brought up with other statements of the application; may be repeated',
    repeated,
  );
  setAction<Options>(command, async (terminal, options, folder) => {
    const fleet = fleetOf(options);
    if (fleet?.from === 'file') return runFleetStatus(terminal, options, folder!, fleet.file);
    if (fleet?.from === 'stack') return runRemoteFleetStatus(terminal, options);
    if (options.workload !== undefined)
      throw new UsageError(
        '--workload is about a fleet',
        '`trueup plan --workload FILE` plans it on one database.',
      );
    const operations = await open(folder!, options);
    const status = await operations.status();
    if (terminal.json) printJson(terminal, status);
    else print(terminal, status, operations.label, options.stack);
    return options.exitCode ? exitCodeOf(status) : EXIT.ok;
  });
}

const STATES = `
States:
  applied      done, and verified if it has a verify section
  pending      waits for \`trueup up\`
  late         pending, and older than the newest applied one
  partial      stopped half way, outside a transaction; \`up\` continues where it stopped
  unverified   everything ran but is not verified yet; \`up\` verifies it first
  changed      a repeatable file with new content; \`up\` applies it again
  edited       applied, but its file has changed since; \`up\` refuses
  missing      applied, and its file is gone
  superseded   applied; a later migration replaces what it verified`;

const WAITING: readonly MigrationState[] = ['pending', 'late', 'partial', 'unverified', 'changed'];

function exitCodeOf({ migrations }: Status): ExitCode {
  if (migrations.some(({ state }) => state === 'edited')) return EXIT.failed;
  return migrations.some(({ state }) => WAITING.includes(state)) ? EXIT.pending : EXIT.ok;
}

function print({ out }: Terminal, status: Status, label: string, stack: string | undefined): void {
  const { colors } = out;
  out.line(`${colors.bold(label)}, PostgreSQL ${status.serverVersion}`);
  if (status.migrations.length > 0) {
    out.line();
    const rows = status.migrations.map((migration) => [
      stateColor(colors, migration.state)(migration.state),
      migration.name,
      migration.appliedAt === null ? '' : minute(migration.appliedAt),
      migration.durationMs === null ? '' : duration(migration.durationMs),
      remark(migration),
    ]);
    for (const line of table(rows)) out.line(line);
  }
  out.line();
  for (const line of [...summary(status, stack), ...activity(status), ...rollback(status)]) out.line(line);
}

function remark({ baselined, provable, state }: MigrationStatus): string {
  if (baselined && state !== 'pending') return 'existed before; never run';
  // Of a file that is gone nobody knows.
  return provable || state === 'missing' ? '' : 'has no verify section';
}

function summary({ migrations, lastDeployment, position }: Status, stack: string | undefined): string[] {
  const count = (...states: MigrationState[]): number =>
    migrations.filter(({ state }) => states.includes(state)).length;
  const waiting = count(...WAITING);
  const edited = count('edited');
  const lines = [
    migrations.length === 0
      ? 'The folder has no migrations; `trueup new NAME` creates one.'
      : `${migrations.length - waiting} applied, ${waiting} waiting${position ? `; at ${position}` : ''}.`,
  ];
  if (waiting > 0 && edited === 0) {
    lines.push(
      stack === undefined
        ? '`trueup plan` shows what would be done, `trueup up` does it.'
        : `\`trueup plan --stack ${stack}\` shows what would be done. \`cdk deploy\` does it if something has changed, or with another runId.`,
    );
  }
  if (edited > 0) {
    lines.push(
      `${plural(edited, 'applied file')} changed since: restore it, or make the change in a new migration.`,
    );
  }
  if (lastDeployment?.outcome === 'failed') {
    lines.push(`The last run, ${minute(lastDeployment.startedAt)}, failed.`);
  }
  return lines;
}

/** Who stands in the way is asked of the server; whether the run waits for just that, it alone knows. */
function activity({ activity, lastDeployment }: Status): string[] {
  if (lastDeployment?.outcome !== 'running') return [];
  const since = `The run of ${minute(lastDeployment.startedAt)}`;
  const { runner = null, next = null, locks = [], heldBy = [] } = activity ?? {};
  return [
    runner === null
      ? `${since} has not ended, but no session is working on it: it is between two attempts, or was interrupted.`
      : `${since} is still running: ${runner}.`,
    ...(heldBy.length > 0 ? [`${next} needs ${locks.join(', ')}, and ${heldBy.join('; ')}.`] : []),
  ];
}

function rollback({ lastDeployment, lastRollback }: Status): string[] {
  const last = lastRollback ?? lastDeployment;
  if (!last) return [];
  const at = last.direction === 'rollback' ? `, ${minute(last.startedAt)}` : '';
  return [
    ...(lastRollback ? last.undone : []).map((name) => `Undone by the last rollback${at}: ${name}.`),
    ...last.kept.map(({ name, reason }) => `Kept by the last rollback${at}: ${name}: ${reason}.`),
  ];
}

export function stateColor(colors: Colors, state: MigrationState): (text: string) => string {
  if (state === 'applied' || state === 'superseded') return colors.green;
  return state === 'edited' || state === 'missing' ? colors.red : colors.yellow;
}

/** `2026-11-21 09:12 UTC` */
const minute = (iso: string): string => `${new Date(iso).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
