/** The page about statements that no longer plan. Pure. The statements are normalized, so they contain no values. */
import type { DriftedStatement, WorkloadDrift } from '../../contract/workload';
import { findDefectKind } from '../../defects';
import {
  buildDedupKey,
  buildSubject,
  hashParts,
  type PageAlarm,
  type PageDocument,
  type PageFinding,
} from './document';
import { escapeForDisplay, escapeSqlForDisplay } from './escape-text';
import { buildRemediation, formatCheck } from './section';

export interface WorkloadPageContent {
  readonly alarm: PageAlarm;
  /** Answers for the schemas that the alarm concerns. It is one schema if the alarm names its function. */
  readonly answers: readonly WorkloadAnswer[];
  readonly runbookUrl: string | null;
  readonly nowMs: number;
  /** When the alarm was raised. It is the same for every delivery of one event. */
  readonly changedAt: string;
}

export interface WorkloadAnswer {
  readonly database: string;
  readonly workload: WorkloadDrift | null;
  /** Why the function could not be queried. */
  readonly problem: string | null;
}

export const WORKLOAD_TITLE = 'A statement of the application no longer plans';

export function buildWorkloadDocument({
  alarm,
  answers,
  runbookUrl,
  nowMs,
  changedAt,
}: WorkloadPageContent): PageDocument {
  const findings = answers.flatMap(({ database, workload }) =>
    (workload?.named ?? []).map((each) => toWorkloadPageFinding(each, database, alarm)),
  );
  const broken = answers.reduce((sum, { workload }) => sum + (workload?.broken ?? 0), 0);
  const subject = buildWorkloadSubject(findings[0], broken);
  const kinds = runbookUrl === null ? [] : new Set(findings.flatMap(({ checkId: kind }) => kind ?? []));
  return {
    version: 1,
    id: hashParts([alarm, findings.map(({ dedupKey }) => dedupKey), changedAt]),
    action: 'trigger',
    at: new Date(nowMs).toISOString(),
    alarm,
    followUp: false,
    complete: true,
    subject,
    fallback: findings.length === 0 ? describeNothingBroken(answers) : [],
    findings,
    additionalFindings: describeUnnamed(broken - findings.length),
    counts: formatWorkloadCounts(answers),
    links: [...kinds].map((kind) => ({ label: 'Runbook', url: `${runbookUrl}${kind}.md` })),
    resolvesWhen: 'It stays in ALARM until all of them plan again.',
    notes: ['Statements are shown as in the workload file, without values.'],
  };
}

const describeUnnamed = (count: number): readonly string[] =>
  count > 0
    ? [`${count} more: the log of the drift check counts them, \`trueup check-workload --stack\` names them.`]
    : [];

function buildWorkloadSubject(first: PageFinding | undefined, broken: number): string {
  const further = broken > 1 ? ` +${broken - 1} more` : '';
  const what = first === undefined ? '' : `${first.database}: ${first.object} - `;
  return buildSubject('[Trueup] ', `${what}${WORKLOAD_TITLE}`, further);
}

function toWorkloadPageFinding(statement: DriftedStatement, database: string, alarm: PageAlarm): PageFinding {
  const { text, role, calls, sqlstate, why, diagnosis } = statement;
  const kind = diagnosis.kind === null ? null : findDefectKind(diagnosis.kind);
  const ran =
    calls === null
      ? ''
      : `${calls.toLocaleString('en')} ${calls === 1 ? 'call' : 'calls'} seen when the workload was recorded`;
  const who = [role === null ? '' : `as ${escapeForDisplay(role)}`, ran].filter(Boolean).join(', ');
  return {
    dedupKey: buildDedupKey(alarm, JSON.stringify([database, text, role])),
    errorPattern: 'workload',
    checkId: diagnosis.kind,
    title: kind?.title ?? WORKLOAD_TITLE,
    database: escapeForDisplay(database),
    object: escapeForDisplay(diagnosis.subject ?? text.slice(0, 60)),
    severity: 'error',
    test: false,
    count: null,
    first: null,
    last: null,
    impact: [
      kind?.impact ??
        (sqlstate === null
          ? 'The statement still plans, but differently than when the running application was deployed.'
          : 'The statement fails whenever the application sends it.'),
    ],
    now: [
      'Found by planning it, without running it. It is not known whether the application has sent it since.',
    ],
    remedy: buildRemediation(diagnosis),
    check: formatCheck(diagnosis),
    why: [
      `${why.charAt(0).toUpperCase()}${escapeForDisplay(why.slice(1))}${sqlstate === null ? '' : ` [SQLSTATE ${sqlstate}]`}.`,
      ...diagnosis.cause.map(escapeForDisplay),
    ],
    notChecked: diagnosis.notChecked.map(escapeForDisplay),
    since: [],
    statements: [`${who === '' ? '' : `${who}: `}${escapeSqlForDisplay(text)}`],
    error: [],
  };
}

function describeNothingBroken(answers: readonly WorkloadAnswer[]): readonly string[] {
  const problems = answers.flatMap(({ problem }) => (problem === null ? [] : [escapeForDisplay(problem)]));
  return problems.length > 0
    ? [
        'The drift check found statements of the application that no longer plan, and the pager could not find out which ones:',
        ...problems.map((problem) => `- ${problem}`),
        'The log of the drift check names them; so does `trueup check-workload --stack`.',
      ]
    : [
        'The drift check found statements of the application that no longer planned. They were planned again for this page, and all of them plan.',
      ];
}

const formatWorkloadCounts = (answers: readonly WorkloadAnswer[]): readonly string[] =>
  answers.flatMap(({ database, workload }) => {
    if (workload === null || workload.problem !== null) return [];
    const { statements, plan, broken, failing, undecided, notRecorded } = workload;
    const open = Object.values(undecided).reduce((sum, count) => sum + count, 0);
    const rest = [
      failing > 0 ? `${failing} already failed when the application was deployed` : '',
      open > 0 ? `${open} undecided` : '',
      notRecorded > 0 ? `${notRecorded} without a recorded plan to compare with` : '',
    ].filter(Boolean);
    return [
      `${escapeForDisplay(database)}: of ${statements} statements ${plan} plan, ${broken} no longer${rest.length > 0 ? `, ${rest.join(', ')}` : ''}.`,
    ];
  });
