/** What a page says of one error. */
import type { Diagnosis, Repair, RepairingMigration } from '../../contract/diagnosis';
import { migrationSentences } from '../../defects/migration-sentences';
import type { ErrorGroup, Use } from '../logs/collect';
import { clock, duration, howOften, isOngoing, sinceDeployment } from '../logs/moments';
import { dedupKeyOf, type PageAlarm, type PageFinding, type Severity } from './document';
import { type DiagnosedError, isTest, kindsFor, shortened, subjectNameOf, titleOf } from './finding';
import { harmless, harmlessSql } from './harmless';

export interface SectionContext {
  /** False: every count is a lower bound. */
  readonly complete: boolean;
  /** When the log was read, ms since the epoch; null for a file of some day. */
  readonly nowMs: number | null;
}

const LONGEST_STATEMENT = 1_500;

export function findingOf(
  finding: DiagnosedError,
  alarm: PageAlarm | null,
  context: SectionContext,
): PageFinding {
  const { group, diagnosis } = finding;
  const kinds = kindsFor(finding);
  return {
    dedupKey: dedupKeyOf(alarm, group.key),
    signature: group.signature,
    kind: diagnosis.kind,
    title: titleOf(finding),
    database: harmless(group.database),
    object: subjectNameOf(finding),
    severity: severityOf(group, context.nowMs),
    test: isTest(group),
    count: group.count,
    first: group.first,
    last: group.last,
    impact: kinds.map((kind) => (kinds.length === 1 ? kind.impact : `${kind.title}? ${kind.impact}`)),
    now: [now(group, context)],
    doNow: doNow(diagnosis),
    check: check(diagnosis),
    why: diagnosis.cause.map(harmless),
    unseen: diagnosis.unseen.map(harmless),
    since: since(finding),
    statements: statements(group, context),
    error: error(group),
  };
}

/** As {@link now} says it. */
function severityOf(group: ErrorGroup, nowMs: number | null): Severity {
  const ongoing = isOngoing(group, nowMs);
  return ongoing === null ? 'error' : ongoing ? 'critical' : 'warning';
}

function now(group: ErrorGroup, { complete, nowMs }: SectionContext): string {
  const often = howOften(group, complete);
  switch (isOngoing(group, nowMs)) {
    case true:
      return `critical: still happening. ${capital(often)}.`;
    case false:
      return `warning: the last error was ${duration(nowMs! - Date.parse(group.last))} before this page. ${capital(often)}.`;
    default:
      return `${capital(often)}.`;
  }
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** A deployment where a migration waits, and what can be done by hand. */
export function doNow(diagnosis: Diagnosis): readonly string[] {
  const { repair, migrations, verdict } = diagnosis;
  const waiting = verdict === 'application' ? [] : (migrations ?? []).filter(repairsWhenDeployed);
  const others = migrations?.filter((each) => !waiting.includes(each)) ?? null;
  const said = (about: Diagnosis['migrations']): readonly string[] =>
    migrationSentences({ ...diagnosis, migrations: about }).map(harmless);
  const lines = [
    ...(waiting.length > 0 ? said(waiting) : []),
    ...repairLines(repair, waiting.length > 0),
    ...(waiting.length > 0 && others?.length === 0 ? [] : said(others)),
  ];
  return lines.length > 0 ? lines : [NOT_KNOWN];
}

const repairsWhenDeployed = ({ state, does, undoneBy }: RepairingMigration): boolean =>
  ['pending', 'late', 'changed', 'partial'].includes(state) &&
  does !== 'takes-away' &&
  undoneBy === undefined;

/** No SQL where nobody has looked: what repairs one of these kinds does harm to another. */
const NOT_KNOWN = 'Check first: the catalogue tells which repair applies, and it was not queried.';

function repairLines({ words, sql }: Repair, deployable: boolean): readonly string[] {
  const lead = deployable && (words !== '' || sql.length > 0) ? 'Or by hand: ' : '';
  return [
    ...(words === '' && lead === '' ? [] : [`${lead}${harmless(words)}`.trimEnd()]),
    ...sql.flatMap((statement) => statement.split('\n')).map((line) => `    ${harmlessSql(line)}`),
  ];
}

export function check({ check: query, repair }: Diagnosis): readonly string[] {
  if (query == null || repair.sql.length === 0 || repair.decision === true) return [];
  return [`${harmlessSql(query)};   -- no row: repaired`];
}

function since({ group, diagnosis }: DiagnosedError): readonly string[] {
  const { count, first, last, zone } = group;
  const moments = count === 1 ? clock(first, zone) : `${clock(first, zone)}, last ${clock(last, zone)}`;
  const deployment = sinceDeployment(group, diagnosis.deployment);
  return [`${moments}.`, ...(deployment === null ? [] : [deployment])];
}

function statements(group: ErrorGroup, { complete }: SectionContext): readonly string[] {
  const { uses, otherUses } = group;
  const lines = uses
    .filter(({ statement, user }) => statement !== null || user !== '')
    .map((use) => `${atLeast(complete)}${use.count}x ${useOf(use)}`);
  if (otherUses > 0) lines.push(`${atLeast(complete)}${otherUses}x in further statements or roles`);
  return lines;
}

const useOf = ({ statement, user }: Use): string =>
  `${user === '' ? '' : `as ${harmless(user)}: `}${statement === null ? 'statement not logged' : harmlessSql(shortened(statement, LONGEST_STATEMENT))}`;

const atLeast = (complete: boolean): string => (complete ? '' : '>=');

function error({ sqlstate, message, database, logGroup, aborted }: ErrorGroup): readonly string[] {
  return [
    `${sqlstate}: ${harmless(message)}`,
    `Database ${harmless(database) || 'not known, since an application logged it'}${logGroup === '' ? '' : `, log group ${logGroup}`}.`,
    ...(aborted > 0
      ? [
          `${aborted} more command${aborted === 1 ? ' was' : 's were'} refused in the same transactions (25P02).`,
        ]
      : []),
  ];
}
