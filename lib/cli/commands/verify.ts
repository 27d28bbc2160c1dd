import type { Command } from 'commander';
import { describeRequiredLogin } from '../../../lambda/contract/not-checked';
import type { Verification } from '../../../lambda/contract/status';
import { EXIT, type ExitCode } from '../exit-codes';
import { openOperations } from '../open';
import { type DatabaseOptions, type StackOption, withDatabase, withFolder, withStack } from '../options';
import { setAction } from '../terminal/action';
import { printJson } from '../terminal/json';
import { createProgressView } from '../terminal/progress';
import { printError } from '../terminal/report';
import { formatCount, printHanging, type Terminal } from '../terminal/terminal';

interface Options extends DatabaseOptions, StackOption {
  readonly exitCode?: boolean;
}

export function registerVerify(program: Command): void {
  const command = withDatabase(withFolder(program.command('verify')))
    .description(
      'Runs the verify section of every applied migration again, in transactions that cannot write, and reports ' +
        'drift, for example an index or a default that was dropped.',
    )
    .option('--exit-code', 'exit with 3 if migrations are pending');
  withStack(command);
  setAction<Options>(command, async (terminal, options, folder) => {
    const progress = createProgressView(terminal);
    const operations = await openOperations(folder!, options, progress.report);
    const verification = await progress.during(() => operations.verify());
    if (terminal.json) printJson(terminal, verification);
    else printVerification(terminal, verification, operations.label);
    return getExitCode(verification, options.exitCode ?? false);
  });
}

function getExitCode(
  { findings, errors, pending, notChecked: unchecked = [] }: Verification,
  asked: boolean,
): ExitCode {
  if (errors.length > 0) return EXIT.failed;
  if (findings.length > 0) return EXIT.drifted;
  // Neither verified nor drifted: a script must not take it for success.
  if (unchecked.length > 0) return EXIT.failed;
  return asked && pending.length > 0 ? EXIT.pending : EXIT.ok;
}

export function printVerification({ out, err }: Terminal, verification: Verification, label: string): void {
  const { colors } = out;
  const { findings, verified: proved, pending, withoutVerify } = verification;
  for (const error of verification.errors) printError(err, error);
  // Several queries may report the same problem, e.g. that a table was dropped. Each sentence is printed once.
  const drifted = new Map<string, ReadonlySet<string>>();
  for (const { migration, sentence } of findings) {
    drifted.set(migration, new Set([...(drifted.get(migration) ?? []), sentence]));
  }
  for (const [migration, sentences] of drifted) {
    out.line(`${colors.red('drifted')}  ${colors.bold(migration)}`);
    for (const sentence of sentences) printHanging(out, '  - ', sentence);
  }
  const { notChecked: unchecked = [], changed = [] } = verification;
  const meant = new Map<string, ReadonlySet<string>>();
  for (const { migration, sentence, by } of changed) {
    meant.set(migration, new Set([...(meant.get(migration) ?? []), `${sentence} (since ${by})`]));
  }
  for (const [migration, sentences] of meant) {
    out.line(`changed later  ${colors.bold(migration)}`);
    for (const sentence of sentences) printHanging(out, '  - ', sentence);
  }
  for (const { migration, code } of unchecked) {
    out.line(`${colors.yellow('not checked')}  ${colors.bold(migration)}`);
    for (const each of code)
      printHanging(out, '  - ', `untrusted code would run with the privileges of this login: ${each}`);
  }
  const rest = [
    meant.size > 0 ? `${meant.size} changed by later ones` : '',
    unchecked.length > 0 ? `${unchecked.length} not checked` : '',
    pending.length > 0 ? `${pending.length} pending` : '',
    withoutVerify.length > 0 ? `${withoutVerify.length} without a verify section` : '',
  ].filter(Boolean);
  out.line(
    `${colors.bold(label)}: ${formatCount(proved.length, 'migration')} verified, ` +
      `${drifted.size === 0 ? 'none' : drifted.size} drifted${rest.length > 0 ? `, ${rest.join(', ')}` : ''}.`,
  );
  for (const line of describeRequiredLogin(unchecked, proved.length + drifted.size + unchecked.length))
    out.line(line);
  if (findings.length > 0) {
    out.line('Repair the database, or write a migration that does; then verify again.');
  }
}
