/** Shows a run that changes the database, and determines its exit code. */

import type { ConvergeOutcome, ConvergeReport, ProgressListener } from '../../../lambda/contract/converge';
import type { ErrorInfo } from '../../../lambda/contract/errors';
import { EXIT, type ExitCode } from '../exit-codes';
import { newRequestId, type RunResult, runUntilDone, type TimeSlice } from '../until-done';
import { watchInterrupt } from './interrupt';
import { printJson } from './json';
import { createProgressView } from './progress';
import { printError } from './report';
import { formatDuration, type Terminal } from './terminal';

export interface CommandRun {
  readonly timeoutMs: number;
  /** Connects and returns the call that runs one slice. Progress is sent to `progress`. */
  readonly open: (progress: ProgressListener) => Promise<(slice: TimeSlice) => Promise<ConvergeOutcome>>;
  /** Returns the sentence that is printed when the run is done. */
  readonly summary: (report: ConvergeReport) => string;
  /**
   * Returns the exit code of a run that is done.
   * @default - 0
   */
  readonly exitCode?: (report: ConvergeReport) => ExitCode;
}

export async function runToEnd(terminal: Terminal, run: CommandRun): Promise<ExitCode> {
  const progress = createProgressView(terminal);
  const call = await run.open(progress.report);
  const interrupt = watchInterrupt(terminal);
  try {
    const ended = await progress.during(() =>
      runUntilDone(call, { id: newRequestId(), timeoutMs: run.timeoutMs, interrupt }),
    );
    if (terminal.json) printJson(terminal, ended.outcome);
    else printOutcome(terminal, ended, run);
    return getExitCode(ended, run);
  } finally {
    interrupt.release();
  }
}

function getExitCode({ outcome, cut }: RunResult, run: CommandRun): ExitCode {
  if (cut === 'interrupt') return EXIT.interrupted;
  if (cut === 'time') return EXIT.pending;
  if (outcome.status === 'done') return run.exitCode?.(outcome.report) ?? EXIT.ok;
  const code = outcome.status === 'failed' ? outcome.error.code : undefined;
  return code === 'connection' ? EXIT.unreachable : EXIT.failed;
}

function printOutcome(terminal: Terminal, { outcome, cut }: RunResult, run: CommandRun): void {
  const { out, err } = terminal;
  const { report } = outcome;
  for (const warning of report.warnings) err.line(`${err.colors.yellow('warning')}  ${warning}`);
  for (const { name, reason } of report.kept) err.line(`${err.colors.yellow('kept')}  ${name}: ${reason}`);
  if (outcome.status === 'done') {
    out.line(run.summary(report));
    return;
  }
  if (outcome.status === 'failed') printError(err, outcome.error);
  else printError(err, makeUnfinishedError(outcome, cut, run.timeoutMs));
  const { applied, pending } = report;
  if (applied.length > 0) err.line(`Applied before that: ${joinNames(applied)}.`);
  if (pending.length > 0) err.line(`Still pending: ${joinNames(pending)}.`);
}

function makeUnfinishedError(
  outcome: Extract<ConvergeOutcome, { status: 'continue' }>,
  cut: RunResult['cut'],
  timeoutMs: number,
): Omit<ErrorInfo, 'code'> & { code: 'busy' } {
  const { waitingFor } = outcome;
  const why = cut === 'time' ? `not finished after ${formatDuration(timeoutMs)}` : 'stopped';
  return {
    code: 'busy',
    message: `${why}: ${waitingFor?.message ?? outcome.progress}`,
    details: waitingFor?.details,
    remedy: `${waitingFor ? `${waitingFor.remedy} ` : ''}Run it again to continue; what is done is recorded.`,
  };
}

const MAX_LISTED = 5;
export const joinNames = (names: readonly string[]): string =>
  names.length <= MAX_LISTED
    ? names.join(', ')
    : `${names.slice(0, MAX_LISTED).join(', ')} and ${names.length - MAX_LISTED} more`;
