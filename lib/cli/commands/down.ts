import type { Command } from 'commander';
import { openOperations } from '../open';
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
import { setAction } from '../terminal/action';
import { runToEnd } from '../terminal/outcome';

export function registerDown(program: Command): void {
  const command = withTimeout(
    withOwner(
      withDatabase(
        withFolder(program.command('down').argument('<name>', "the migration: its file's name without .sql")),
      ),
    ),
  ).description(
    'Undoes one applied migration with the down section of its file or, if the file no longer exists, with the one in the ' +
      'ledger. This may destroy data: read the section first. The migration is then pending again: remove its file, or `up` ' +
      'applies it again.',
  );
  withStack(command);
  setAction<DatabaseOptions & OwnerOption & StackOption & TimeoutOption>(
    command,
    (terminal, options, name, folder) => {
      let label = '';
      return runToEnd(terminal, {
        timeoutMs: options.timeout,
        open: async (progress) => {
          const operations = await openOperations(folder!, options, progress);
          label = terminal.out.colors.bold(operations.label);
          return (slice) => operations.down(name!, slice);
        },
        summary: ({ position }) =>
          `${label}: ${name} is undone; at ${position || 'the beginning'}.` +
          (options.stack === undefined
            ? ''
            : ' `cdk deploy` applies it again only if something else has changed, or with another forceRunToken.'),
      });
    },
  );
}
