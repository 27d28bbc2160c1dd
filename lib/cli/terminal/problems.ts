/** Prints the compiler's problems by file, with the line and a caret. */
import { join } from 'node:path';
import type { CompileError, Problem } from '../../compiler/problem';
import { formatTrailingFolder } from '../folder';
import { formatCount, printHanging, type Stream } from './terminal';

export function printProblems(err: Stream, { folder, problems, info }: CompileError): void {
  for (const problem of problems) {
    printProblem(err, folder, problem);
    err.line();
  }
  err.line(`${formatCount(problems.length, 'problem')} in ${formatTrailingFolder(folder)}. ${info.remedy}`);
}

/** Prints a problem as compilers do: editors and terminals turn `file:line:column` into a link. */
export function printProblem(
  err: Stream,
  folder: string,
  { file, line, column, message, snippet, remedy }: Problem,
): void {
  const { colors } = err;
  const place = [join(folder, file), line, column].filter((part) => part !== null).join(':');
  err.line(`${colors.bold(place)}: ${colors.red('error:')} ${message}`);
  for (const row of snippet === '' ? [] : snippet.split('\n')) err.line(`  ${colorCaret(err, row)}`);
  printHanging(err, '  ', remedy);
}

const colorCaret = ({ colors }: Stream, row: string): string => row.replace(/\^$/, colors.red('^'));
