/**
 * The page about new findings of the drift check's audit. Pure. Findings contain names, definitions and counts, never
 * values of rows.
 */
import { toSingleLine } from '../../audit/suppressions';
import type { AuditedFinding, NewFindings } from '../../contract/audit-findings';
import { AUDIT_KINDS, findDefectKind } from '../../defects';
import type { FindingKind } from '../../defects/kind';
import {
  buildDedupKey,
  buildSubject,
  hashParts,
  type PageAlarm,
  type PageDocument,
  type PageFinding,
  type Severity,
} from './document';
import { escapeForDisplay, escapeSqlForDisplay } from './escape-text';

export interface FindingsPageContent {
  readonly alarm: PageAlarm;
  /** Whether the alarm was already in ALARM and had been paged. */
  readonly followUp: boolean;
  /**
   * Whether the page is about a fleet. Each finding then stands for one check, with the number of databases in which
   * it was found.
   * @default false
   */
  readonly ofFleet?: boolean;
  /** Answers for the schemas that the alarm concerns. It is one schema if the alarm names its function. */
  readonly answers: readonly FindingsAnswer[];
  readonly runbookUrl: string | null;
  readonly nowMs: number;
}

export interface FindingsAnswer {
  readonly database: string;
  readonly found: NewFindings | null;
  /** Why the function could not be queried. */
  readonly problem: string | null;
}

const FINDINGS_TITLE = 'The audit has new findings';
/** Maximum number of findings described. The others are only named. */
const MAX_DESCRIBED = 10;

export const countNew = (answers: readonly FindingsAnswer[]): number =>
  answers.reduce((sum, { found }) => sum + (found?.count ?? 0), 0);

export function buildFindingsDocument(content: FindingsPageContent): PageDocument {
  const { alarm, followUp, ofFleet = false, answers, runbookUrl, nowMs } = content;
  const words = ofFleet ? FLEET_TEXTS : SCHEMA_TEXTS;
  const all = answers.flatMap(({ database, found }) =>
    (found?.findings ?? []).map((each) => ({ database, each })),
  );
  const findings = all
    .slice(0, MAX_DESCRIBED)
    .map(({ database, each }) => toAuditPageFinding(each, database, alarm));
  const unnamed = countNew(answers) - all.length;
  const subject = buildFindingsSubject(findings[0], countNew(answers), followUp);
  const runbooks =
    runbookUrl === null
      ? []
      : new Set(findings.flatMap(({ checkId: kind }) => (kind && findDefectKind(kind) ? kind : [])));
  return {
    version: 1,
    id: hashParts([alarm, subject, findings.map(({ dedupKey }) => dedupKey), nowMs]),
    action: 'trigger',
    at: new Date(nowMs).toISOString(),
    alarm,
    followUp,
    complete: true,
    subject,
    fallback: findings.length === 0 ? listNotNamed(answers, words) : [],
    findings,
    additionalFindings: [
      ...all
        .slice(MAX_DESCRIBED)
        .map(
          ({ database, each }) =>
            `${each.confidence}  ${escapeForDisplay(database)}: ${each.id} ${escapeForDisplay(each.object)}`,
        ),
      ...(unnamed > 0 ? [`${unnamed} more: ${words.whole} names them.`] : []),
    ],
    counts: formatFindingCounts(answers, findings.length > 0),
    links: [...runbooks].map((kind) => ({ label: 'Runbook', url: `${runbookUrl}${kind}.md` })),
    resolvesWhen: 'It ends automatically.',
    notes: [`${words.once} The page contains no values of rows.`],
  };
}

interface PageTexts {
  /** When a finding is paged, and when it is paged again. */
  readonly once: string;
  /** Where to find the complete list. */
  readonly whole: string;
}

const SCHEMA_TEXTS: PageTexts = {
  once: 'Each finding is paged once, and again if it disappears and returns.',
  whole: '`trueup audit --stack`',
};
const FLEET_TEXTS: PageTexts = {
  once: 'Each check is paged at most once a day, with the databases audited until then; all databases are audited within a day. A finding that was paged is not paged again.',
  whole: "the line `fleet-drift-checked` of the fleet's log",
};

function buildFindingsSubject(first: PageFinding | undefined, count: number, followUp: boolean): string {
  const further = count > 1 ? ` +${count - 1} more` : '';
  const what = first ? `${first.database}: ${first.object} - ${first.title}` : FINDINGS_TITLE;
  return buildSubject(`[Trueup] ${followUp ? 'also ' : ''}`, what, further);
}

/**
 * Returns the check of a finding, or undefined if a newer version of the function reported a check that this pager
 * does not know.
 */
const findKind = ({ id }: AuditedFinding): FindingKind | undefined =>
  AUDIT_KINDS.find((kind) => kind.id === id);
const UNKNOWN_KIND_NOTE =
  'This version of the pager does not know this check; `trueup audit --stack` describes it.';

const CONFIDENCE_WORDS: Readonly<Record<AuditedFinding['confidence'], string>> = {
  A: 'confirmed',
  B: 'missing',
  C: 'inconsistent: similar objects differ, and a person must decide whether it is intended',
  D: 'informational',
};
const SEVERITY_BY_CONFIDENCE: Readonly<Record<AuditedFinding['confidence'], Severity>> = {
  A: 'error',
  B: 'error',
  C: 'warning',
  D: 'info',
};

function toAuditPageFinding(each: AuditedFinding, database: string, alarm: PageAlarm): PageFinding {
  const { id, confidence, object, message, evidence } = each;
  const kind = findKind(each);
  return {
    dedupKey: buildDedupKey(alarm, JSON.stringify([database, id, object])),
    errorPattern: 'findings',
    checkId: id,
    title: kind?.title ?? escapeForDisplay(id),
    database: escapeForDisplay(database),
    object: escapeForDisplay(object),
    severity: SEVERITY_BY_CONFIDENCE[confidence],
    test: false,
    count: null,
    first: null,
    last: null,
    impact: kind ? [kind.impact] : [],
    now: [`The audit found it, not an error. Confidence ${confidence}, ${CONFIDENCE_WORDS[confidence]}.`],
    remedy: [
      kind?.audit.remedy ?? UNKNOWN_KIND_NOTE,
      'If it is intended, add this line to the file of `audit.suppressions` and deploy:',
      `    ${id} ${escapeSqlForDisplay(toSingleLine(object))}  # why it is intended`,
    ],
    check: [],
    why: [escapeForDisplay(message), ...evidence.map((line) => escapeSqlForDisplay(toSingleLine(line)))],
    notChecked: [],
    since: [],
    statements: [],
    error: [],
  };
}

const listNotNamed = (answers: readonly FindingsAnswer[], { whole }: PageTexts): readonly string[] => [
  'The drift check has findings that have not been paged yet, and the pager could not read them:',
  ...answers.flatMap(({ problem }) => (problem === null ? [] : [`- ${escapeForDisplay(problem)}`])),
  `The log of the drift check names those with the highest confidence; ${whole} lists all.`,
];

const formatFindingCounts = (answers: readonly FindingsAnswer[], named: boolean): readonly string[] =>
  answers.flatMap(({ database, found, problem }) => [
    ...(found === null
      ? []
      : [`${escapeForDisplay(database)}: ${found.count} new ${found.count === 1 ? 'finding' : 'findings'}.`]),
    ...(named && problem !== null ? [`${escapeForDisplay(database)}: ${escapeForDisplay(problem)}`] : []),
  ]);
