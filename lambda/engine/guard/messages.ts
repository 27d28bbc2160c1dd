/**
 * Describes statements of the guaranteed workload for people. Pure; the server's answers contain only numbers, codes
 * and names.
 */

import { type ErrorInfo, TrueupError } from '../../contract/errors';
import type { Migration } from '../../contract/manifest';
import type { BrokenStatement, WorkloadReport } from '../../contract/workload';
import {
  DEGRADATIONS,
  FAILURE_CAUSES,
  FAILURE_REASONS,
  UNDECIDED_REASONS,
  WOULD_FAIL,
} from '../../workload/words';
import { buildFingerprintSql } from '../sql/live-statements';

/** A statement of the guaranteed workload, as the server returns it. */
export interface NamedStatement {
  /** The statement's text, shortened. */
  readonly text: string;
  readonly role: string | null;
  readonly calls: number | null;
  /** The SQLSTATE of its failure. Together with `why` it describes the failure in codes. */
  readonly state?: string | null;
  readonly why?: string | null;
  /** The fingerprint of a live statement, whose text does not leave the database. */
  readonly fingerprint?: string;
  /** Whether no call has been recorded since the last deployment. */
  readonly idle?: boolean;
  /** Why it is undecided. */
  readonly reason?: string | null;
  /** Whether it was undecided before. */
  readonly known?: boolean;
  /** The role that owns `object`, or has locked it. */
  readonly owner?: string | null;
  readonly relation?: string | null;
  readonly object?: string | null;
  /** The type before and now, if one has changed. */
  readonly was?: string | null;
  readonly is?: string | null;
}

type DescribedStatement = Pick<BrokenStatement, 'text' | 'role' | 'calls' | 'sqlstate' | 'why'>;

export const toDescribedStatement = ({
  text,
  role,
  calls,
  state,
  why,
  reason,
  ...about
}: NamedStatement): DescribedStatement => {
  const words =
    (reason
      ? (UNDECIDED_REASONS[reason] ?? DEGRADATIONS[reason])
      : (DEGRADATIONS[why ?? ''] ?? FAILURE_CAUSES[why ?? ''])) ??
    (why === 'would-fail' ? WOULD_FAIL_WORDS : FAILURE_REASONS)[state ?? ''];
  return {
    text,
    role,
    calls,
    sqlstate: state ?? null,
    why: `${words ?? 'it no longer plans'}${formatChange(about)}`,
  };
};

function formatChange({
  relation,
  object,
  was,
  is,
}: Pick<NamedStatement, 'relation' | 'object' | 'was' | 'is'>): string {
  if (was && is) return ` (${was}, now ${is})`;
  const names = [relation, object].filter(Boolean).join(': ');
  return names && ` (${names})`;
}

const WOULD_FAIL_WORDS: Readonly<Record<string, string>> = WOULD_FAIL;

const formatCount = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

/** Describes a statement, e.g. `INSERT INTO … (role app, 1,204 calls): no unique index … [SQLSTATE 42P10]`. */
function formatStatement({ text, role, calls, sqlstate, why }: DescribedStatement): string {
  const ran =
    calls === null ? undefined : `${calls.toLocaleString('en')} ${calls === 1 ? 'call' : 'calls'} seen`;
  const who = [role === null ? undefined : `role ${role}`, ran].filter(Boolean).join(', ');
  return `${text}${who && ` (${who})`}: ${why}${sqlstate === null ? '' : ` [SQLSTATE ${sqlstate}]`}`;
}

const listStatementDetails = (count: number, named: readonly NamedStatement[]): string[] => [
  ...named.map(toDescribedStatement).map(formatStatement),
  ...(count > named.length ? [`and ${count - named.length} more`] : []),
  ...(named.some(({ fingerprint }) => fingerprint) ? [LOOK_UP_HINT] : []),
];

const LOOK_UP_HINT = `the text of a live statement is only in the database; this query shows it: SELECT query FROM pg_stat_statements WHERE ${buildFingerprintSql('query')} = '<fingerprint>'`;

const TWO_STEPS_REMEDY =
  'Make it two deployments: add what the new application needs; once that runs, remove what only the old one needed. ' +
  'To apply the migration although it breaks them: `-- migrate:consent breaks <why>`.';

/**
 * Builds the error.
 * @param index the non-transactional statement that was not started; `null` for statements in a transaction
 */
export function makeBreaksRunningError(
  migration: Migration,
  count: number,
  named: readonly NamedStatement[],
  index: number | null,
): TrueupError {
  const statement = index === null ? undefined : migration.statements[index];
  const kept = statement ? 'It was not run.' : 'Nothing of this migration was applied.';
  return new TrueupError({
    code: 'workload',
    migration: migration.name,
    file: migration.file,
    ...(statement ? { statement: index! + 1, line: statement.line } : {}),
    message: `${formatCount(count, 'statement')} that the running application sends would no longer work`,
    remedy: `${kept} ${TWO_STEPS_REMEDY}`,
    ...(named[0]?.state ? { sqlstate: named[0].state } : {}),
    details: listStatementDetails(count, named),
  });
}

/**
 * Builds the error. Its remedies fit the reasons of the listed statements; those that run most often are listed
 * first.
 */
export function makeLeavesUndecidedError(
  { name, file }: { readonly name: string; readonly file?: string | undefined },
  count: number,
  named: readonly NamedStatement[],
): TrueupError {
  const reasons = new Set(named.map(({ why }) => why));
  const ways = [
    ...(['budget', 'lock', 'slow'].some((why) => reasons.has(why)) ? [MORE_TIME_REMEDY] : []),
    ...(reasons.has('code') || reasons.has('foreign') ? [OTHER_OWNER_REMEDY] : []),
    CONSENT_REMEDY,
  ];
  return new TrueupError({
    code: 'workload',
    migration: name,
    ...(file === undefined ? {} : { file }),
    message: `${formatCount(count, 'statement')} that the running application sends and this migration touches ${count === 1 ? 'is' : 'are'} undecided`,
    remedy: `Nothing of this migration was applied. ${ways.join(' ')}`,
    details: [
      ...named.map((each) =>
        formatStatement({
          ...toDescribedStatement({ ...each, reason: each.why }),
          why: describeUndecidedReason(each),
        }),
      ),
      ...(count > named.length ? [`and ${count - named.length} more`] : []),
    ],
  });
}

const MORE_TIME_REMEDY =
  'Give it more time (`--guard-time 2m`; in the file, `-- migrate:settings statement-timeout=…` for planning under its locks), or deploy when the application holds no locks on these tables.';
const OTHER_OWNER_REMEDY = 'Drop the named object, or give it to a trusted role (ALTER … OWNER TO).';
const CONSENT_REMEDY =
  'A smaller file touches fewer statements. To apply it although these statements may break: `-- migrate:consent breaks <why>`.';

function describeUndecidedReason({ why, object, owner }: NamedStatement): string {
  const words = UNDECIDED_REASONS[why ?? ''] ?? 'it is not known whether it still plans';
  if (!object) return words;
  return why === 'lock'
    ? `${words} (${object}, role ${owner})`
    : `${words} (${object}${owner ? `, owned by ${owner}` : ''})`;
}

export function makeBreaksDeployedError(
  count: number,
  named: readonly (NamedStatement & { readonly migration?: string | null })[],
): ErrorInfo {
  const migration = named.find((each) => each.migration)?.migration;
  return {
    code: 'workload',
    ...(migration ? { migration } : {}),
    message: `${formatCount(count, 'statement')} of the new workload ${count === 1 ? 'does' : 'do'} not plan after the last migration`,
    remedy:
      'Add what is missing in a migration, or correct the statement and the workload file, and deploy again.',
    ...(named[0]?.state ? { sqlstate: named[0].state } : {}),
    details: listStatementDetails(count, named),
  };
}

const BROKEN_REASONS: Readonly<Record<BrokenStatement['as'], string>> = {
  consent: 'was broken with consent',
  'non-transactional': 'was broken by a non-transactional statement, which could not be rolled back',
  before: 'did not plan before this deployment either',
  warning: 'still plans, but not as before',
  idle: 'that ran before the last deployment, and has no recorded call since, would no longer work',
  undecided: 'planned before, and it is not known whether it still does',
  open: 'that a pending file touches was already undecided before this deployment',
};

/** Returns the report's findings as sentences for people. */
export function buildWorkloadWarnings({
  broken,
  notGuarded,
  undecided,
  deployed,
  notRecorded,
}: WorkloadReport): string[] {
  const cut = Object.entries(notGuarded).map(([why, count]) => `${count}: ${UNDECIDED_REASONS[why]}`);
  return [
    ...broken.map(
      (each) =>
        `${each.migration ?? 'workload'}: a statement ${BROKEN_REASONS[each.as]}: ${formatStatement(each)}`,
    ),
    ...(cut.length > 0
      ? [`before a commit, some statements were not planned again (${cut.join('; ')})`]
      : []),
    ...(notRecorded === undefined
      ? []
      : [
          `it is not known how ${formatCount(notRecorded, 'undecided statement')} that pending files touch planned at the last deployment; the result before the first migration is used instead`,
        ]),
    ...(deployed === null ? [] : describeUndecided(undecided, deployed.statements)),
  ];
}

/** Returns the percentage of the new workload that is undecided; 0 if none was planned. */
export const computeUndecidedPercent = ({
  undecided,
  deployed,
}: Pick<WorkloadReport, 'undecided' | 'deployed'>): number =>
  deployed === null || deployed.statements === 0
    ? 0
    : (100 * Object.values(undecided).reduce((sum, count) => sum + count, 0)) / deployed.statements;

/** Describes the undecided statements by reason, the most frequent first; nothing if there are none. */
function describeUndecided(undecided: WorkloadReport['undecided'], statements: number): string[] {
  const reasons = Object.entries(undecided).sort(([, a], [, b]) => b - a);
  const total = reasons.reduce((sum, [, count]) => sum + count, 0);
  if (total === 0) return [];
  const named = reasons.map(([why, count]) => `${count}: ${UNDECIDED_REASONS[why]}`).join('; ');
  return [
    `${total.toLocaleString('en')} of ${statements.toLocaleString('en')} statement${statements === 1 ? '' : 's'} of the workload ${total === 1 ? 'is' : 'are'} undecided (${named})`,
  ];
}
