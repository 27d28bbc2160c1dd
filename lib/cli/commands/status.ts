import type { Command } from 'commander';
import type { MigrationState, Status } from '../../../lambda/engine/views';
import { setAction } from '../action';
import { EXIT, type ExitCode } from '../exit-codes';
import { printJson } from '../json';
import { open } from '../open';
import { type DatabaseOptions, type StackOption, withDatabase, withFolder, withStack } from '../options';
import { type Colors, duration, plural, type Terminal, table } from '../terminal';

interface Options extends DatabaseOptions, StackOption {
  readonly exitCode?: boolean;
}

export function registerStatus(program: Command): void {
  const command = withDatabase(
    withFolder(program.command('status').summary('which migrations are applied, and which wait')),
  )
    .description('Compares the folder with the ledger in the database. Changes nothing.')
    .option('--exit-code', 'answer 3 when migrations wait, 1 when an applied file was edited')
    .addHelpText('after', STATES);
  withStack(command);
  setAction<Options>(command, async (terminal, options, folder) => {
    const operations = await open(folder!, options);
    const status = await operations.status();
    if (terminal.json) printJson(terminal, status);
    else print(terminal, status, operations.label);
    return options.exitCode ? exitCodeOf(status) : EXIT.ok;
  });
}

const STATES = `
States:
  applied      done, and proved if it has a verify section
  pending      waits for \`trueup up\`
  late         pending, and older than the newest applied one
  partial      stopped half way, outside a transaction; \`up\` goes on where it stopped
  unverified   everything ran but is not proved yet; \`up\` proves it first
  changed      a repeatable file with new content; \`up\` applies it again
  edited       applied, and its file was changed since; \`up\` refuses
  missing      applied, and its file is gone
  superseded   applied; a later one replaces what it promised`;

const WAITING: readonly MigrationState[] = ['pending', 'late', 'partial', 'unverified', 'changed'];

function exitCodeOf({ migrations }: Status): ExitCode {
  if (migrations.some(({ state }) => state === 'edited')) return EXIT.failed;
  return migrations.some(({ state }) => WAITING.includes(state)) ? EXIT.pending : EXIT.ok;
}

function print({ out }: Terminal, status: Status, label: string): void {
  const { colors } = out;
  out.line(`${colors.bold(label)}, PostgreSQL ${status.serverVersion}`);
  if (status.migrations.length > 0) {
    out.line();
    const rows = status.migrations.map((migration) => [
      stateColor(colors, migration.state)(migration.state),
      migration.name,
      migration.appliedAt === null ? '' : minute(migration.appliedAt),
      migration.durationMs === null ? '' : duration(migration.durationMs),
      // Of a file that is gone nobody knows.
      migration.provable || migration.state === 'missing' ? '' : 'has no verify section',
    ]);
    for (const line of table(rows)) out.line(line);
  }
  out.line();
  for (const line of summary(status)) out.line(line);
}

function summary({ migrations, lastDeployment, position }: Status): string[] {
  const count = (...states: MigrationState[]): number =>
    migrations.filter(({ state }) => states.includes(state)).length;
  const waiting = count(...WAITING);
  const edited = count('edited');
  const lines = [
    migrations.length === 0
      ? 'The folder has no migrations; `trueup new NAME` begins one.'
      : `${migrations.length - waiting} applied, ${waiting} waiting${position ? `; at ${position}` : ''}.`,
  ];
  if (waiting > 0 && edited === 0) {
    lines.push('`trueup plan` shows what would be done, `trueup up` does it.');
  }
  if (edited > 0) {
    lines.push(
      `${plural(edited, 'applied file')} changed since: put it back, or make the change in a new migration.`,
    );
  }
  if (lastDeployment && lastDeployment.outcome !== 'done') {
    lines.push(
      `The last run, ${minute(lastDeployment.startedAt)}, is recorded as ${lastDeployment.outcome}.`,
    );
  }
  for (const { name, reason } of lastDeployment?.kept ?? []) {
    lines.push(`Kept by the last rollback: ${name}: ${reason}.`);
  }
  return lines;
}

export function stateColor(colors: Colors, state: MigrationState): (text: string) => string {
  if (state === 'applied' || state === 'superseded') return colors.green;
  return state === 'edited' || state === 'missing' ? colors.red : colors.yellow;
}

/** `2026-11-21 09:12 UTC` */
const minute = (iso: string): string => `${new Date(iso).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
