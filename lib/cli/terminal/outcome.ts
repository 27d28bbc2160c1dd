/** How a run that changes the database is shown, and what it answers to the shell. */

import type { Outcome, Progress, Report } from '../../../lambda/contract/converge';
import type { ErrorInfo } from '../../../lambda/contract/errors';
import { EXIT, type ExitCode } from '../exit-codes';
import { type Ended, newRequestId, type Slice, untilDone } from '../until-done';
import { watchInterrupt } from './interrupt';
import { printJson } from './json';
import { progressView } from './progress';
import { printError } from './report';
import { duration, type Terminal } from './terminal';

export interface CommandRun {
  readonly timeoutMs: number;
  /** Opens what is to be called; told where progress goes. */
  readonly open: (progress: Progress) => Promise<(slice: Slice) => Promise<Outcome>>;
  /** What is said of a run that is done. */
  readonly summary: (report: Report) => string;
  /** Its exit code. @default - 0 */
  readonly exitCode?: (report: Report) => ExitCode;
}

export async function runToEnd(terminal: Terminal, run: CommandRun): Promise<ExitCode> {
  const progress = progressView(terminal);
  const call = await run.open(progress.report);
  const interrupt = watchInterrupt(terminal);
  try {
    const ended = await progress.during(() =>
      untilDone(call, { id: newRequestId(), timeoutMs: run.timeoutMs, interrupt }),
    );
    if (terminal.json) printJson(terminal, ended.outcome);
    else print(terminal, ended, run);
    return exitCodeOf(ended, run);
  } finally {
    interrupt.release();
  }
}

function exitCodeOf({ outcome, cut }: Ended, run: CommandRun): ExitCode {
  if (cut === 'interrupt') return EXIT.interrupted;
  if (cut === 'time') return EXIT.pending;
  if (outcome.status === 'done') return run.exitCode?.(outcome.report) ?? EXIT.ok;
  const code = outcome.status === 'failed' ? outcome.error.code : undefined;
  return code === 'connection' ? EXIT.unreachable : EXIT.failed;
}

function print(terminal: Terminal, { outcome, cut }: Ended, run: CommandRun): void {
  const { out, err } = terminal;
  const { report } = outcome;
  for (const warning of report.warnings) err.line(`${err.colors.yellow('warning')}  ${warning}`);
  for (const { name, reason } of report.kept) err.line(`${err.colors.yellow('kept')}  ${name}: ${reason}`);
  if (outcome.status === 'done') {
    out.line(run.summary(report));
    return;
  }
  if (outcome.status === 'failed') printError(err, outcome.error);
  else printError(err, notFinished(outcome, cut, run.timeoutMs));
  const { applied, pending } = report;
  if (applied.length > 0) err.line(`Applied before that: ${listed(applied)}.`);
  if (pending.length > 0) err.line(`Still pending: ${listed(pending)}.`);
}

function notFinished(
  outcome: Extract<Outcome, { status: 'continue' }>,
  cut: Ended['cut'],
  timeoutMs: number,
): Omit<ErrorInfo, 'code'> & { code: 'busy' } {
  const { waitingFor } = outcome;
  const why = cut === 'time' ? `not finished after ${duration(timeoutMs)}` : 'stopped';
  return {
    code: 'busy',
    message: `${why}: ${waitingFor?.message ?? outcome.progress}`,
    details: waitingFor?.details,
    remedy: `${waitingFor ? `${waitingFor.remedy} ` : ''}Run it again to continue; what is done is recorded.`,
  };
}

const LISTED = 5;
export const listed = (names: readonly string[]): string =>
  names.length <= LISTED
    ? names.join(', ')
    : `${names.slice(0, LISTED).join(', ')} and ${names.length - LISTED} more`;
