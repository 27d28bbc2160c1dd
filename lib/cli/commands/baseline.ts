import type { Command } from 'commander';
import { setAction } from '../action';
import { EXIT } from '../exit-codes';
import { open } from '../open';
import {
  type DatabaseOptions,
  type OwnerOption,
  type StackOption,
  type TimeoutOption,
  withDatabase,
  withFolder,
  withOwner,
  withStack,
  withTimeout,
} from '../options';
import { listed, runToEnd } from '../outcome';
import { plural } from '../terminal';

export function registerBaseline(program: Command): void {
  const command = withTimeout(
    withOwner(
      withDatabase(
        withFolder(
          program
            .command('baseline')
            .summary('mark as applied what a database has already')
            .argument('<name>', "the newest migration to mark: its file's name without .sql"),
        ),
      ),
    ),
  ).description(
    'For a database that existed before its migrations: marks the files up to NAME as applied without running them, ' +
      'but only those whose verify section passes. The rest stays pending. Also records the new text of an applied ' +
      'file that was edited without consequence.',
  );
  withStack(command);
  setAction<DatabaseOptions & OwnerOption & StackOption & TimeoutOption>(
    command,
    (terminal, options, name, folder) => {
      let label = '';
      return runToEnd(terminal, {
        timeoutMs: options.timeout,
        open: async (progress) => {
          const operations = await open(folder!, options, progress);
          label = terminal.out.colors.bold(operations.label);
          return (slice) => operations.baseline(name!, slice);
        },
        summary: ({ baselined, pending }) =>
          `${label}: ${plural(baselined.length, 'migration')} marked as applied` +
          (pending.length > 0 ? `; still waiting: ${listed(pending)}.` : '.'),
        exitCode: ({ pending }) => (pending.includes(name!) ? EXIT.pending : EXIT.ok),
      });
    },
  );
}
