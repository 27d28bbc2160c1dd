/** The page about statements that no longer plan. Pure; the statements are normalized, so no value can be in it. */
import type { DriftedStatement, WorkloadDrift } from '../contract/workload';
import { kindOf } from '../defects';
import { harmless, harmlessSql } from './harmless';
import type { Page } from './render';
import { check, doNow, laidOut } from './section';

export interface WorkloadPageContent {
  readonly alarm: { readonly name: string; readonly region: string; readonly account: string };
  /** Of each schema that the alarm is about: one, where the alarm says which. */
  readonly answers: readonly {
    readonly database: string;
    readonly workload: WorkloadDrift | null;
    /** Why it could not be asked. */
    readonly problem: string | null;
  }[];
  readonly runbookUrl: string | null;
}

const TITLE = 'A statement of the application no longer plans';
const RULE = `\n\n${'-'.repeat(72)}\n\n`;
const LONGEST_TEXT = 100_000;

export function renderWorkloadPage(content: WorkloadPageContent): Page {
  const { answers } = content;
  const found = answers.flatMap(({ database, workload }) =>
    (workload?.named ?? []).map((each) => ({ database, each })),
  );
  const broken = answers.reduce((sum, { workload }) => sum + (workload?.broken ?? 0), 0);
  const sections = found.map(
    ({ each }, i) => `${found.length > 1 ? `${i + 1}. ${subjectOf(each)}\n` : ''}${section(each)}`,
  );
  const unnamed = broken - found.length;
  const text = [
    sections.length > 0 ? sections.join(RULE) : nothingFound(answers),
    ...(unnamed > 0
      ? [
          '',
          `And ${unnamed} more: the log of the drift check counts them, \`trueup rehearse --stack\` names them.`,
        ]
      : []),
    '',
    ...more(content),
  ].join('\n');
  return { subject: subject(found[0], broken), text: text.slice(0, LONGEST_TEXT) };
}

function subject(first: { database: string; each: DriftedStatement } | undefined, broken: number): string {
  const further = broken > 1 ? ` +${broken - 1} more` : '';
  const what = first === undefined ? '' : `${first.database}: ${subjectOf(first.each)} - `;
  const room = 100 - '[Trueup] '.length - further.length;
  const ascii = `${what}${TITLE}`.replace(/[^\x20-\x7e]/g, '?');
  return `[Trueup] ${ascii.length <= room ? ascii : `${ascii.slice(0, room - 3)}...`}${further}`;
}

const subjectOf = ({ diagnosis, text }: DriftedStatement): string =>
  harmless(diagnosis.subject ?? text.slice(0, 60));

function section({ text, role, calls, sqlstate, why, diagnosis }: DriftedStatement): string {
  const kind = diagnosis.kind === null ? null : kindOf(diagnosis.kind);
  const ran =
    calls === null
      ? ''
      : `${calls.toLocaleString('en')} ${calls === 1 ? 'call' : 'calls'} seen when it was promised`;
  const who = [role === null ? '' : `as ${harmless(role)}`, ran].filter(Boolean).join(', ');
  return [
    kind?.impact ??
      (sqlstate === null
        ? 'The statement still plans, but not as it did when the running application was deployed.'
        : 'The statement fails whenever the application sends it.'),
    '',
    ...laidOut([
      ['NOW', ['Found by planning it, without running it. Whether it was sent since is not known.']],
      ['DO NOW', doNow(diagnosis)],
      ['CHECK', check(diagnosis)],
      [
        'WHY',
        [
          `${why.charAt(0).toUpperCase()}${harmless(why.slice(1))}${sqlstate === null ? '' : ` [SQLSTATE ${sqlstate}]`}.`,
          ...diagnosis.cause.map(harmless),
        ],
      ],
      ['UNSEEN', diagnosis.unseen.map(harmless)],
      ['STMT', [`${who === '' ? '' : `${who}: `}${harmlessSql(text)}`]],
    ]),
  ].join('\n');
}

function nothingFound(answers: WorkloadPageContent['answers']): string {
  const problems = answers.flatMap(({ problem }) => (problem === null ? [] : [harmless(problem)]));
  return problems.length > 0
    ? [
        'The drift check found statements of the application that no longer plan, and which ones could not be asked now:',
        ...problems.map((problem) => `- ${problem}`),
        'The log of the drift check names them; so does `trueup rehearse --stack`.',
      ].join('\n')
    : 'The drift check found statements of the application that no longer planned. Asked again for this page, all of them plan.';
}

function* more({ alarm, answers, runbookUrl }: WorkloadPageContent): Generator<string> {
  yield 'MORE';
  for (const { database, workload } of answers) {
    if (workload === null || workload.problem !== null) continue;
    const { statements, plan, broken, failing, undecided, unkept } = workload;
    const open = Object.values(undecided).reduce((sum, count) => sum + count, 0);
    const rest = [
      failing > 0 ? `${failing} failed already when it was deployed` : '',
      open > 0 ? `${open} undecided` : '',
      unkept > 0 ? `${unkept} compared with nothing` : '',
    ].filter(Boolean);
    yield `  ${harmless(database)}: of ${statements} statements ${plan} plan, ${broken} no longer${rest.length > 0 ? `, ${rest.join(', ')}` : ''}.`;
  }
  if (runbookUrl !== null) {
    const kinds = new Set(
      answers.flatMap(({ workload }) =>
        (workload?.named ?? []).flatMap(({ diagnosis }) => diagnosis.kind ?? []),
      ),
    );
    for (const kind of kinds) yield `  Runbook    ${runbookUrl}${kind}.md`;
  }
  yield `  Alarm      ${alarm.name}, account ${alarm.account}, ${alarm.region}. It stays in ALARM until all of them plan again.`;
  yield '  Statements are shown as they were promised, without values.';
}
