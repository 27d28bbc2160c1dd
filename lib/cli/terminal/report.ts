/** Prints what went wrong: what, where, why, and what to do. */
import type { ErrorInfo } from '../../../lambda/contract/errors';
import type { ExitCode } from '../exit-codes';
import { type Failure, failureOf } from './failure';
import { printJson } from './json';
import { printProblems } from './problems';
import { hang, type Stream, type Terminal } from './terminal';

/** @returns the exit code */
export function reportFailure(terminal: Terminal, error: unknown): ExitCode {
  const failure = failureOf(error);
  if (terminal.json) {
    const { error: info, compile } = failure;
    printJson(terminal, { error: info, ...(compile ? { problems: compile.problems } : {}) });
  } else if (failure.compile) {
    printProblems(terminal.err, failure.compile);
  } else {
    printError(terminal.err, failure.error);
  }
  return failure.exitCode;
}

/** `error: 0004_email, line 12: the server's words [SQLSTATE 23505]`, details as a list, and the remedy. */
export function printError(err: Stream, info: ErrorInfo | Failure['error']): void {
  const { colors } = err;
  const where = [info.migration, info.line === undefined ? undefined : `line ${info.line}`]
    .filter(Boolean)
    .join(', ');
  const state = info.sqlstate ? colors.dim(` [SQLSTATE ${info.sqlstate}]`) : '';
  err.line(`${colors.red(colors.bold('error:'))} ${where ? `${where}: ` : ''}${info.message}${state}`);
  // Several queries may find the same cause, e.g. that a table is gone.
  for (const detail of new Set(info.details)) hang(err, '  - ', detail);
  hang(err, '  ', info.remedy);
}
