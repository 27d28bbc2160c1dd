import type { Command } from 'commander';
import type { Report } from '../../../lambda/contract/converge';
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
import { setAction } from '../terminal/action';
import { listed, runToEnd } from '../terminal/outcome';
import { plural } from '../terminal/terminal';

export function registerBaseline(program: Command): void {
  const command = withTimeout(
    withOwner(
      withDatabase(
        withFolder(
          program
            .command('baseline')
            .argument('<name>', "the newest migration to mark: its file's name without .sql"),
        ),
      ),
    ),
  ).description(
    'For a database that existed before its migrations: marks the files up to NAME as applied without running them, ' +
      'but only those whose verify section passes, or that another tool (dbmate, Prisma, …) has applied according ' +
      'to its own ledger. The rest stays pending. If NAME was applied with another text, accepts the edit and ' +
      'records the new text once its verify section passes: immediately; with --stack, in the deployment after the ' +
      'one that was refused for it.',
  );
  withStack(command);
  setAction<DatabaseOptions & OwnerOption & StackOption & TimeoutOption>(
    command,
    (terminal, options, name, folder) => {
      let label = '';
      return runToEnd(terminal, {
        timeoutMs: options.timeout,
        open: async (progress) => {
          const operations = await open(folder!, options, progress, name);
          label = terminal.out.colors.bold(operations.label);
          return (slice) => operations.baseline(name!, slice);
        },
        summary: (report) => `${label}: ${summary(report, name!, options.stack)}`,
        exitCode: ({ pending }) => (pending.includes(name!) ? EXIT.pending : EXIT.ok),
      });
    },
  );
}

function summary(report: Report, name: string, stack: string | undefined): string {
  const { accepted = [], acceptedLater = [], baselined, pending } = report;
  const waiting = pending.length > 0 ? `; still pending: ${listed(pending)}` : '';
  if (acceptedLater.length > 0) {
    return `the new text of ${name} is accepted. Deploy again: that deployment verifies it and records it.`;
  }
  const marked = baselined.length > 0 ? `${plural(baselined.length, 'migration')} marked as applied` : '';
  const edited = accepted.length > 0 ? `the new text of ${name} is verified and recorded` : '';
  const done = [edited, marked].filter(Boolean).join('; ');
  if (done) return `${done}${waiting}.`;
  if (pending.includes(name)) return `0 migrations marked as applied${waiting}.`;
  return stack === undefined
    ? `nothing to mark: ${name} is recorded as applied, with the text that its file has.`
    : `nothing to mark: ${name} is recorded as applied, with the text that the deployed code has. An edit that is only here is accepted after a deployment was refused for it.`;
}
