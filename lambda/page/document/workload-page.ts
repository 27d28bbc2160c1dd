/** The page about statements that no longer plan. Pure; the statements are normalized, so no value can be in it. */
import type { DriftedStatement, WorkloadDrift } from '../../contract/workload';
import { kindOf } from '../../defects';
import {
  dedupKeyOf,
  hashOf,
  type PageAlarm,
  type PageDocument,
  type PageFinding,
  subjectWith,
} from './document';
import { harmless, harmlessSql } from './harmless';
import { check, doNow } from './section';

export interface WorkloadPageContent {
  readonly alarm: PageAlarm;
  /** Of each schema that the alarm is about: one, where the alarm says which. */
  readonly answers: readonly WorkloadAnswer[];
  readonly runbookUrl: string | null;
  readonly nowMs: number;
}

export interface WorkloadAnswer {
  readonly database: string;
  readonly workload: WorkloadDrift | null;
  /** Why it could not be asked. */
  readonly problem: string | null;
}

export const TITLE = 'A statement of the application no longer plans';

export function workloadDocument({ alarm, answers, runbookUrl, nowMs }: WorkloadPageContent): PageDocument {
  const findings = answers.flatMap(({ database, workload }) =>
    (workload?.named ?? []).map((each) => findingOf(each, database, alarm)),
  );
  const broken = answers.reduce((sum, { workload }) => sum + (workload?.broken ?? 0), 0);
  const subject = subjectOf(findings[0], broken);
  const kinds = runbookUrl === null ? [] : new Set(findings.flatMap(({ kind }) => kind ?? []));
  return {
    version: 1,
    id: hashOf([alarm, subject, findings.map(({ dedupKey }) => dedupKey), nowMs]),
    action: 'trigger',
    at: new Date(nowMs).toISOString(),
    alarm,
    followUp: false,
    complete: true,
    subject,
    instead: findings.length === 0 ? nothingFound(answers) : [],
    findings,
    also: unnamed(broken - findings.length),
    counts: counts(answers),
    links: [...kinds].map((kind) => ({ label: 'Runbook', url: `${runbookUrl}${kind}.md` })),
    until: 'It stays in ALARM until all of them plan again.',
    notes: ['Statements are shown as they were promised, without values.'],
  };
}

const unnamed = (count: number): readonly string[] =>
  count > 0
    ? [`${count} more: the log of the drift check counts them, \`trueup rehearse --stack\` names them.`]
    : [];

function subjectOf(first: PageFinding | undefined, broken: number): string {
  const further = broken > 1 ? ` +${broken - 1} more` : '';
  const what = first === undefined ? '' : `${first.database}: ${first.object} - `;
  return subjectWith('[Trueup] ', `${what}${TITLE}`, further);
}

function findingOf(statement: DriftedStatement, database: string, alarm: PageAlarm): PageFinding {
  const { text, role, calls, sqlstate, why, diagnosis } = statement;
  const kind = diagnosis.kind === null ? null : kindOf(diagnosis.kind);
  const ran =
    calls === null
      ? ''
      : `${calls.toLocaleString('en')} ${calls === 1 ? 'call' : 'calls'} seen when it was promised`;
  const who = [role === null ? '' : `as ${harmless(role)}`, ran].filter(Boolean).join(', ');
  return {
    dedupKey: dedupKeyOf(alarm, JSON.stringify([database, text, role])),
    signature: 'workload',
    kind: diagnosis.kind,
    title: kind?.title ?? TITLE,
    database: harmless(database),
    object: harmless(diagnosis.subject ?? text.slice(0, 60)),
    severity: 'error',
    test: false,
    count: null,
    first: null,
    last: null,
    impact: [
      kind?.impact ??
        (sqlstate === null
          ? 'The statement still plans, but not as it did when the running application was deployed.'
          : 'The statement fails whenever the application sends it.'),
    ],
    now: ['Found by planning it, without running it. Whether it was sent since is not known.'],
    doNow: doNow(diagnosis),
    check: check(diagnosis),
    why: [
      `${why.charAt(0).toUpperCase()}${harmless(why.slice(1))}${sqlstate === null ? '' : ` [SQLSTATE ${sqlstate}]`}.`,
      ...diagnosis.cause.map(harmless),
    ],
    unseen: diagnosis.unseen.map(harmless),
    since: [],
    statements: [`${who === '' ? '' : `${who}: `}${harmlessSql(text)}`],
    error: [],
  };
}

function nothingFound(answers: readonly WorkloadAnswer[]): readonly string[] {
  const problems = answers.flatMap(({ problem }) => (problem === null ? [] : [harmless(problem)]));
  return problems.length > 0
    ? [
        'The drift check found statements of the application that no longer plan, and which ones could not be asked now:',
        ...problems.map((problem) => `- ${problem}`),
        'The log of the drift check names them; so does `trueup rehearse --stack`.',
      ]
    : [
        'The drift check found statements of the application that no longer planned. Asked again for this page, all of them plan.',
      ];
}

const counts = (answers: readonly WorkloadAnswer[]): readonly string[] =>
  answers.flatMap(({ database, workload }) => {
    if (workload === null || workload.problem !== null) return [];
    const { statements, plan, broken, failing, undecided, unkept } = workload;
    const open = Object.values(undecided).reduce((sum, count) => sum + count, 0);
    const rest = [
      failing > 0 ? `${failing} failed already when it was deployed` : '',
      open > 0 ? `${open} undecided` : '',
      unkept > 0 ? `${unkept} compared with nothing` : '',
    ].filter(Boolean);
    return [
      `${harmless(database)}: of ${statements} statements ${plan} plan, ${broken} no longer${rest.length > 0 ? `, ${rest.join(', ')}` : ''}.`,
    ];
  });
