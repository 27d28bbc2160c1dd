import type { Command } from 'commander';
import type { Report } from '../../../lambda/contract/converge';
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
import { setAction } from '../terminal/action';
import { runToEnd } from '../terminal/outcome';
import { plural, type Terminal } from '../terminal/terminal';

export function registerUp(program: Command): void {
  const command = withTimeout(withOwner(withDatabase(withFolder(program.command('up'))))).description(
    'Applies the pending migrations of the folder. Each is verified by its verify section before it is ' +
      'committed; one that fails leaves nothing behind. A second run does nothing; of two runs at once, one works and ' +
      'the other waits. Ctrl-C stops after the current step, and the next run continues there.',
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
    unproved.length > 0 ? `, ${unproved.length} of them without a verify section` : ' and verified';
  return `${where}: ${plural(applied.length, 'migration')} applied${doubt}${at}.`;
}
