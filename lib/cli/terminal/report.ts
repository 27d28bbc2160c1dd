/** Prints an error: what happened, where, why, and what to do. */
import type { ErrorInfo } from '../../../lambda/contract/errors';
import type { ExitCode } from '../exit-codes';
import { type Failure, toFailure } from './failure';
import { printJson } from './json';
import { printProblems } from './problems';
import { printHanging, type Stream, type Terminal } from './terminal';

/**
 * Prints the error.
 * @returns the exit code
 */
export function reportFailure(terminal: Terminal, error: unknown): ExitCode {
  const failure = toFailure(error);
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

/**
 * Prints `error: 0004_email, line 12: the server's message [SQLSTATE 23505]`, the details as a list, and the remedy.
 */
export function printError(err: Stream, info: ErrorInfo | Failure['error']): void {
  const { colors } = err;
  const where = [info.migration, info.line === undefined ? undefined : `line ${info.line}`]
    .filter(Boolean)
    .join(', ');
  const state = info.sqlstate ? colors.dim(` [SQLSTATE ${info.sqlstate}]`) : '';
  err.line(`${colors.red(colors.bold('error:'))} ${where ? `${where}: ` : ''}${info.message}${state}`);
  // Several queries may find the same cause, e.g. that a table was dropped.
  for (const detail of new Set(info.details)) printHanging(err, '  - ', detail);
  printHanging(err, '  ', info.remedy);
}
