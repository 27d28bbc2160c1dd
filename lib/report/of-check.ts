/** What `check` says, as items of a report. Pure. */
import type { Outcome } from '../../lambda/contract/converge';
import type { ErrorInfo } from '../../lambda/contract/errors';
import type { Manifest } from '../../lambda/contract/manifest';
import type { Verification } from '../../lambda/contract/status';
import { RULES } from '../compiler/lint';
import type { Problem } from '../compiler/problem';
import { type Rehearsal, shareUndecided } from '../workload/rehearsal';
import type { ReportItem } from './item';
import type { OtherRule } from './rules';

/** From a file's name in the folder to its path in the repository. */
export type PathOf = (file: string) => string;

type Level = ReportItem['level'];

const consents = new Map(RULES.map(({ id, consent }) => [id, consent]));

/** What loses data comes first, what takes long last. */
const rank = ({ rule = 'refused' }: Problem): number =>
  ({ destroys: 0, rewrites: 2 })[consents.get(rule) as string] ?? 1;

export function itemsOfProblems(
  problems: readonly Problem[],
  level: Level,
  pathOf: PathOf,
): readonly ReportItem[] {
  const byDefault: OtherRule = level === 'error' ? 'refused' : 'read-otherwise';
  return [...problems]
    .sort((a, b) => rank(a) - rank(b))
    .map(({ rule = byDefault, file, line, column, message, remedy }) => ({
      rule,
      level,
      message,
      remedy,
      file: pathOf(file),
      line,
      column,
      object: null,
    }));
}

export interface TrialReport {
  readonly outcome: Outcome;
  readonly verification: Verification | null;
  readonly rehearsal: Rehearsal | null;
}

/** @param maxUndecided percent of the workload */
export function itemsOfTrial(
  { outcome, verification, rehearsal }: TrialReport,
  { migrations }: Manifest,
  maxUndecided: number,
  pathOf: PathOf,
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
      file: file === undefined ? null : pathOf(file),
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
        ? [item('apply-fails', 'error', `not finished: ${outcome.progress}`)]
        : [];
  const share = rehearsal === null ? 0 : shareUndecided(rehearsal) * 100;
  return [
    ...stopped,
    ...(verification?.findings ?? []).map(({ migration, sentence }) =>
      item('verify-fails', 'error', sentence, '', migration),
    ),
    ...(verification?.errors ?? []).map((error) => failed('verify-fails', error)),
    ...(rehearsal?.broken ?? []).map(({ text, verdict, cause, brokenBy, consent }) =>
      item(
        'statement-fails',
        consent === undefined ? 'error' : 'warning',
        [`${verdict.why} [SQLSTATE ${verdict.sqlstate}]: ${text}`, ...cause].join('\n'),
        consent === undefined ? '' : `${brokenBy} consents to that: ${consent}`,
        brokenBy,
      ),
    ),
    ...(share > maxUndecided
      ? [
          item(
            'too-much-undecided',
            'error',
            `${Math.round(share)} % of the workload is undecided, and --max-undecided is ${maxUndecided} %`,
          ),
        ]
      : []),
    ...outcome.report.warnings.map((warning) => item('apply-fails', 'warning', warning)),
  ];
}
