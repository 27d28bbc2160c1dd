import type { Command } from 'commander';
import type { Report } from '../../../lambda/engine/request';
import { setAction } from '../action';
import type { ExitCode } from '../exit-codes';
import { openLocal } from '../open';
import {
  type DatabaseOptions,
  type OwnerOption,
  type TimeoutOption,
  withDatabase,
  withFolder,
  withOwner,
  withTimeout,
} from '../options';
import { runToEnd } from '../outcome';
import { plural, type Terminal } from '../terminal';

export function registerUp(program: Command): void {
  const command = withTimeout(
    withOwner(
      withDatabase(
        withFolder(program.command('up').summary('apply what waits, and prove each before it is kept')),
      ),
    ),
  ).description(
    'Brings the database to what the folder says. Each migration is proved by its verify section before it is ' +
      'committed; one that fails leaves nothing behind. Run again, it does nothing; run twice at once, one works and ' +
      'the other waits. Ctrl-C stops after the current step, and the next run goes on there.',
  );
  setAction<UpOptions>(command, (terminal, options, folder) => runUp(terminal, options, folder!));
}

export type UpOptions = DatabaseOptions & OwnerOption & TimeoutOption;

export function runUp(terminal: Terminal, options: UpOptions, folder: string): Promise<ExitCode> {
  let label = '';
  return runToEnd(terminal, {
    timeoutMs: options.timeout,
    open: async (progress) => {
      const operations = await openLocal(folder, options, progress);
      label = operations.label;
      return (slice) => operations.up(slice);
    },
    summary: (report) => summary(report, terminal.out.colors.bold(label)),
  });
}

function summary({ applied, unproved, baselined, position }: Report, where: string): string {
  const at = position ? `; at ${position}` : '';
  if (applied.length === 0 && baselined.length === 0) return `${where}: nothing to do${at}.`;
  const doubt =
    unproved.length > 0 ? `, ${unproved.length} of them without a verify section to prove it` : ' and proved';
  return `${where}: ${plural(applied.length, 'migration')} applied${doubt}${at}.`;
}
