/** Builds the section of a page about one error. */
import type { Diagnosis, Repair, RepairingMigration } from '../../contract/diagnosis';
import { describeMigrations } from '../../defects/migration-sentences';
import type { ErrorGroup, StatementUsage } from '../logs/collect';
import {
  describeSinceDeployment,
  formatClockTime,
  formatDuration,
  formatFrequency,
  isOngoing,
} from '../logs/moments';
import {
  type DiagnosedError,
  findTitle,
  formatSubjectName,
  isAlarmTest,
  listPossibleKinds,
  truncateText,
} from './diagnosed-error';
import { buildDedupKey, type PageAlarm, type PageFinding, type Severity } from './document';
import { escapeForDisplay, escapeSqlForDisplay } from './escape-text';

export interface SectionContext {
  /** False if every count is a lower bound. */
  readonly complete: boolean;
  /** When the log was read, in milliseconds since the epoch. Null for a log file of unknown age. */
  readonly nowMs: number | null;
}

const MAX_STATEMENT_LENGTH = 1_500;

export function toPageFinding(
  finding: DiagnosedError,
  alarm: PageAlarm | null,
  context: SectionContext,
): PageFinding {
  const { group, diagnosis } = finding;
  const kinds = listPossibleKinds(finding);
  return {
    dedupKey: buildDedupKey(alarm, group.key),
    errorPattern: group.signature,
    checkId: diagnosis.kind,
    title: findTitle(finding),
    database: escapeForDisplay(group.database),
    object: formatSubjectName(finding),
    severity: classifySeverity(group, context.nowMs),
    test: isAlarmTest(group),
    count: group.count,
    first: group.first,
    last: group.last,
    impact: kinds.map((kind) => (kinds.length === 1 ? kind.impact : `${kind.title}? ${kind.impact}`)),
    now: [describeOccurrence(group, context)],
    remedy: buildRemediation(diagnosis),
    check: formatCheck(diagnosis),
    why: diagnosis.cause.map(escapeForDisplay),
    notChecked: diagnosis.notChecked.map(escapeForDisplay),
    since: describeSince(finding),
    statements: formatStatements(group, context),
    error: formatError(group),
  };
}

/** Returns the severity that matches the sentence of {@link now}. */
function classifySeverity(group: ErrorGroup, nowMs: number | null): Severity {
  const ongoing = isOngoing(group, nowMs);
  return ongoing === null ? 'error' : ongoing ? 'critical' : 'warning';
}

function describeOccurrence(group: ErrorGroup, { complete, nowMs }: SectionContext): string {
  const often = formatFrequency(group, complete);
  switch (isOngoing(group, nowMs)) {
    case true:
      return `critical: still happening. ${capitalize(often)}.`;
    case false:
      return `warning: the last error was ${formatDuration(nowMs! - Date.parse(group.last))} before this page. ${capitalize(often)}.`;
    default:
      return `${capitalize(often)}.`;
  }
}

const capitalize = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** Suggests a deployment if a migration with the repair is pending, and manual steps. */
export function buildRemediation(diagnosis: Diagnosis): readonly string[] {
  const { repair, migrations, verdict } = diagnosis;
  const waiting = verdict === 'application' ? [] : (migrations ?? []).filter(isRepairedByDeployment);
  const others = migrations?.filter((each) => !waiting.includes(each)) ?? null;
  const said = (about: Diagnosis['migrations']): readonly string[] =>
    describeMigrations({ ...diagnosis, migrations: about }).map(escapeForDisplay);
  const lines = [
    ...(waiting.length > 0 ? said(waiting) : []),
    ...formatRepair(repair, waiting.length > 0),
    ...(waiting.length > 0 && others?.length === 0 ? [] : said(others)),
  ];
  return lines.length > 0 ? lines : [NOT_QUERIED_NOTE];
}

const isRepairedByDeployment = ({ state, does, undoneBy }: RepairingMigration): boolean =>
  ['pending', 'out-of-order', 'changed', 'partial'].includes(state) &&
  does !== 'takes-away' &&
  undoneBy === undefined;

/** Shown in place of SQL if the catalog was not queried: the repair of one kind can do harm to another. */
const NOT_QUERIED_NOTE = 'Check first: the catalog shows which repair applies, but it was not queried.';

function formatRepair({ words, sql }: Repair, deployable: boolean): readonly string[] {
  const lead = deployable && (words !== '' || sql.length > 0) ? 'Or by hand: ' : '';
  return [
    ...(words === '' && lead === '' ? [] : [`${lead}${escapeForDisplay(words)}`.trimEnd()]),
    ...sql.flatMap((statement) => statement.split('\n')).map((line) => `    ${escapeSqlForDisplay(line)}`),
  ];
}

export function formatCheck({ check: query, repair }: Diagnosis): readonly string[] {
  if (query == null || repair.sql.length === 0 || repair.decision === true) return [];
  return [`${escapeSqlForDisplay(query)};   -- no row: repaired`];
}

function describeSince({ group, diagnosis }: DiagnosedError): readonly string[] {
  const { count, first, last, zone } = group;
  const moments =
    count === 1
      ? formatClockTime(first, zone)
      : `${formatClockTime(first, zone)}, last ${formatClockTime(last, zone)}`;
  const deployment = describeSinceDeployment(group, diagnosis.deployment);
  return [`${moments}.`, ...(deployment === null ? [] : [deployment])];
}

function formatStatements(group: ErrorGroup, { complete }: SectionContext): readonly string[] {
  const { uses, otherUses } = group;
  const lines = uses
    .filter(({ statement, user }) => statement !== null || user !== '')
    .map((use) => `${formatLowerBound(complete)}${use.count}x ${formatUse(use)}`);
  if (otherUses > 0)
    lines.push(`${formatLowerBound(complete)}${otherUses}x in other statements or by other roles`);
  return lines;
}

const formatUse = ({ statement, user }: StatementUsage): string =>
  `${user === '' ? '' : `as ${escapeForDisplay(user)}: `}${statement === null ? 'statement not logged' : escapeSqlForDisplay(truncateText(statement, MAX_STATEMENT_LENGTH))}`;

const formatLowerBound = (complete: boolean): string => (complete ? '' : '>=');

function formatError({ sqlstate, message, database, logGroup, aborted }: ErrorGroup): readonly string[] {
  return [
    `${sqlstate}: ${escapeForDisplay(message)}`,
    `Database ${escapeForDisplay(database) || 'not known, since an application logged it'}${logGroup === '' ? '' : `, log group ${logGroup}`}.`,
    ...(aborted > 0
      ? [
          `${aborted} more command${aborted === 1 ? ' was' : 's were'} refused in the same transactions (25P02).`,
        ]
      : []),
  ];
}
