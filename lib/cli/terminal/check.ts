/** Prints the result of `check` as text or JSON. */
import type { ConvergeReport } from '../../../lambda/contract/converge';
import type { Manifest } from '../../../lambda/contract/manifest';
import { formatProblem, type Problem } from '../../compiler/problem';
import { printVerification } from '../commands/verify';
import type { Trial } from '../database/scratch';
import { printJson } from './json';
import { printError } from './report';
import { formatCount, type Terminal } from './terminal';
import { printWorkloadCheck } from './workload-check';

export interface CheckResult {
  readonly folder: string;
  /** `null` if the folder does not compile. */
  readonly manifest: Manifest | null;
  /** Files or lines that are read differently from how they look, or ignored. */
  readonly warnings: readonly Problem[];
  /** The change that the result is limited to, with `--since`. */
  readonly since?: {
    readonly revision: string;
    /** Files that are new or whose text has changed. */
    readonly changed: readonly string[];
    /** Number of problems in other files that existed before. */
    readonly hidden: number;
  };
}

export interface CheckRun {
  readonly trial: Trial;
  /** Highest share of the workload that may be undecided, in percent. */
  readonly maxUndecided: number;
  /** The commit whose application is assumed to be running. */
  readonly guardedSince?: string;
  /**
   * Whether the run began with the folder's base.
   * @default false
   */
  readonly hasBase?: boolean;
}

export function printCheckResult(terminal: Terminal, checked: CheckResult, ran?: CheckRun): void {
  if (terminal.json)
    printJson(terminal, { ...buildCheckSummary(checked), ...(ran ? { run: ran.trial } : {}) });
  else {
    for (const warning of checked.warnings) terminal.err.line(`${formatProblem(warning)}\n`);
    if (ran) printCheckRun(terminal, checked, ran);
    else terminal.out.line(describeCheckResult(checked));
  }
}

const buildCheckSummary = ({ folder, manifest, warnings, since }: CheckResult) => ({
  folder,
  manifestHash: manifest?.hash ?? null,
  warnings,
  ...(since ? { since } : {}),
  migrations: (manifest?.migrations ?? []).map(({ name, statements, undo, withoutVerify }) => ({
    name,
    statements: statements.length,
    undo,
    withoutVerify,
  })),
});

export function describeCheckResult({ folder, manifest, since }: CheckResult): string {
  const hidden =
    since && since.hidden > 0
      ? ` Not shown: ${formatCount(since.hidden, 'problem')} that ${since.revision} already has.`
      : '';
  if (manifest === null) return `${folder} does not compile, but this change is not the cause.${hidden}`;
  const { migrations } = manifest;
  if (migrations.length === 0) return `${folder} has no migration yet; \`trueup new NAME\` creates one.`;
  const statements = migrations.reduce((sum, each) => sum + each.statements.length, 0);
  const withoutVerify = migrations.filter((each) => each.withoutVerify !== null);
  const proof = withoutVerify.length === 0 ? '' : ` ${withoutVerify.length} without a verify section.`;
  const changed = since
    ? ` ${formatCount(since.changed.length, 'file')} changed since ${since.revision}.`
    : '';
  return `${folder}: ${formatCount(migrations.length, 'migration')}, ${formatCount(statements, 'statement')}, nothing wrong.${proof}${changed}${hidden}`;
}

function printCheckRun(
  terminal: Terminal,
  checked: CheckResult,
  { trial, maxUndecided, guardedSince, hasBase }: CheckRun,
): void {
  const { outcome, verification, serverVersion, workloadCheck } = trial;
  if (outcome.status === 'failed') printError(terminal.err, outcome.error);
  if (outcome.status === 'continue') terminal.err.line(`Not finished: ${outcome.progress}.`);
  if (!verification) return;
  terminal.out.line(describeCheckResult(checked));
  const where = `${hasBase ? 'the base, on a' : 'an empty'} PostgreSQL ${serverVersion}`;
  for (const warning of outcome.report.warnings)
    terminal.err.line(`${terminal.err.colors.yellow('warning')}  ${warning}`);
  printVerification(terminal, verification, where);
  if (guardedSince !== undefined) terminal.out.line(describeGuardedStatements(guardedSince, outcome.report));
  if (workloadCheck) printWorkloadCheck(terminal, workloadCheck, where, maxUndecided);
}

/** Summarizes the migrations that were applied after the commit. */
function describeGuardedStatements(revision: string, { applied, workload }: ConvergeReport): string {
  const by = formatCount(workload?.running ?? 0, 'statement');
  return `Since ${revision}: ${formatCount(applied.length, 'migration')}, guarded by ${by} of the running application.`;
}
