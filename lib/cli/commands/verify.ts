import type { Command } from 'commander';
import type { Verification } from '../../../lambda/contract/status';
import { EXIT, type ExitCode } from '../exit-codes';
import { open } from '../open';
import { type DatabaseOptions, type StackOption, withDatabase, withFolder, withStack } from '../options';
import { setAction } from '../terminal/action';
import { printJson } from '../terminal/json';
import { progressView } from '../terminal/progress';
import { printError } from '../terminal/report';
import { hang, plural, type Terminal } from '../terminal/terminal';

interface Options extends DatabaseOptions, StackOption {
  readonly exitCode?: boolean;
}

export function registerVerify(program: Command): void {
  const command = withDatabase(withFolder(program.command('verify')))
    .description(
      'Runs the verify section of every applied migration again, in transactions that cannot write, and reports ' +
        'what no longer holds: an index that was dropped, a default that is gone.',
    )
    .option('--exit-code', 'exit with 3 if migrations are pending');
  withStack(command);
  setAction<Options>(command, async (terminal, options, folder) => {
    const progress = progressView(terminal);
    const operations = await open(folder!, options, progress.report);
    const verification = await progress.during(() => operations.verify());
    if (terminal.json) printJson(terminal, verification);
    else printVerification(terminal, verification, operations.label);
    return exitCodeOf(verification, options.exitCode ?? false);
  });
}

function exitCodeOf({ findings, errors, pending }: Verification, asked: boolean): ExitCode {
  if (errors.length > 0) return EXIT.failed;
  if (findings.length > 0) return EXIT.drifted;
  return asked && pending.length > 0 ? EXIT.pending : EXIT.ok;
}

export function printVerification({ out, err }: Terminal, verification: Verification, label: string): void {
  const { colors } = out;
  const { findings, proved, pending, unproved } = verification;
  for (const error of verification.errors) printError(err, error);
  // Several queries may find the same, e.g. that a table is gone: a sentence is said once.
  const drifted = new Map<string, ReadonlySet<string>>();
  for (const { migration, sentence } of findings) {
    drifted.set(migration, new Set([...(drifted.get(migration) ?? []), sentence]));
  }
  for (const [migration, sentences] of drifted) {
    out.line(`${colors.red('drifted')}  ${colors.bold(migration)}`);
    for (const sentence of sentences) hang(out, '  - ', sentence);
  }
  const rest = [
    pending.length > 0 ? `${pending.length} waiting` : '',
    unproved.length > 0 ? `${unproved.length} without a verify section` : '',
  ].filter(Boolean);
  out.line(
    `${colors.bold(label)}: ${plural(proved.length, 'migration')} verified, ` +
      `${drifted.size === 0 ? 'none' : drifted.size} drifted${rest.length > 0 ? `, ${rest.join(', ')}` : ''}.`,
  );
  if (findings.length > 0) {
    out.line('Restore it, or write a new migration that does; then verify again.');
  }
}
