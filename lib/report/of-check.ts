/** Converts the results of `check` to report items. Pure. */
import type { ConvergeOutcome } from '../../lambda/contract/converge';
import type { ErrorInfo } from '../../lambda/contract/errors';
import type { Manifest } from '../../lambda/contract/manifest';
import type { Verification } from '../../lambda/contract/status';
import { RULES } from '../compiler/lint';
import type { Problem } from '../compiler/problem';
import { computeUndecidedShare, type WorkloadCheck } from '../workload/workload-check';
import type { ReportItem } from './item';
import type { OtherRule } from './rules';

/** Maps the name of a file in the folder to its path in the repository. */
export type PathResolver = (file: string) => string;

type Level = ReportItem['level'];

const consentsByRule = new Map(RULES.map(({ id, consent }) => [id, consent]));

/** Ranks problems: those that lose data come first, those that take long last. */
const rankProblem = ({ rule = 'refused' }: Problem): number =>
  ({ destroys: 0, rewrites: 2 })[consentsByRule.get(rule) as string] ?? 1;

export function buildProblemItems(
  problems: readonly Problem[],
  level: Level,
  resolvePath: PathResolver,
): readonly ReportItem[] {
  const byDefault: OtherRule = level === 'error' ? 'refused' : 'read-otherwise';
  return [...problems]
    .sort((a, b) => rankProblem(a) - rankProblem(b))
    .map(({ rule = byDefault, file, line, column, message, remedy }) => ({
      rule,
      level,
      message,
      remedy,
      file: resolvePath(file),
      line,
      column,
      object: null,
    }));
}

export interface TrialReport {
  readonly outcome: ConvergeOutcome;
  readonly verification: Verification | null;
  readonly workloadCheck: WorkloadCheck | null;
}

/**
 * Builds the items of a trial run.
 * @param maxUndecided highest share of the workload that may be undecided, in percent
 */
export function buildTrialItems(
  { outcome, verification, workloadCheck }: TrialReport,
  { migrations }: Manifest,
  maxUndecided: number,
  resolvePath: PathResolver,
): readonly ReportItem[] {
  const files = new Map(migrations.map(({ name, file }) => [name, file]));
  const item = (
    rule: OtherRule,
    level: Level,
    message: string,
    remedy = '',
    migration?: string,
    line?: number,
  ): ReportItem => {
    const file = migration === undefined ? undefined : files.get(migration);
    return {
      rule,
      level,
      message,
      remedy,
      file: file === undefined ? null : resolvePath(file),
      line: file === undefined ? null : (line ?? null),
      column: null,
      object: null,
    };
  };
  const failed = (rule: OtherRule, { message, details = [], remedy, migration, line, sqlstate }: ErrorInfo) =>
    item(
      rule,
      'error',
      [sqlstate ? `${message} [SQLSTATE ${sqlstate}]` : message, ...new Set(details)].join('\n'),
      remedy,
      migration,
      line,
    );
  const stopped =
    outcome.status === 'failed'
      ? [failed('apply-fails', outcome.error)]
      : outcome.status === 'continue'
        ? [item('apply-fails', 'error', `the run did not finish: ${outcome.progress}`)]
        : [];
  const share = workloadCheck === null ? 0 : computeUndecidedShare(workloadCheck) * 100;
  return [
    ...stopped,
    ...(verification?.findings ?? []).map(({ migration, sentence }) =>
      item('verify-fails', 'error', sentence, '', migration),
    ),
    ...(verification?.errors ?? []).map((error) => failed('verify-fails', error)),
    ...(workloadCheck?.broken ?? []).map(({ text, verdict, cause, brokenBy, consent }) =>
      item(
        'failing-statement',
        consent === undefined ? 'error' : 'warning',
        [`${verdict.why} [SQLSTATE ${verdict.sqlstate}]: ${text}`, ...cause].join('\n'),
        consent === undefined ? '' : `${brokenBy} consents to this: ${consent}`,
        brokenBy,
      ),
    ),
    ...(share > maxUndecided
      ? [
          item(
            'too-much-undecided',
            'error',
            `${Math.round(share)} % of the workload is undecided; --max-undecided allows ${maxUndecided} %`,
          ),
        ]
      : []),
    ...outcome.report.warnings.map((warning) => item('apply-fails', 'warning', warning)),
  ];
}
