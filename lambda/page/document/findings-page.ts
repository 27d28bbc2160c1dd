/** The page about what the drift check's audit found anew. Pure; findings hold names, definitions and counts, never a value of a row. */
import { oneLine } from '../../audit/accepted';
import type { AuditedFinding, NewFindings } from '../../contract/audit';
import { AUDIT_KINDS, kindOf } from '../../defects';
import type { Kind } from '../../defects/kind';
import {
  dedupKeyOf,
  hashOf,
  type PageAlarm,
  type PageDocument,
  type PageFinding,
  type Severity,
  subjectWith,
} from './document';
import { harmless, harmlessSql } from './harmless';

export interface FindingsPageContent {
  readonly alarm: PageAlarm;
  /** The alarm was up already, and has been paged. */
  readonly followUp: boolean;
  /** Of a fleet: a finding is a kind, and says in how many databases. @default false */
  readonly ofFleet?: boolean;
  /** Of each schema that the alarm is about: one, where the alarm says which. */
  readonly answers: readonly FindingsAnswer[];
  readonly runbookUrl: string | null;
  readonly nowMs: number;
}

export interface FindingsAnswer {
  readonly database: string;
  readonly found: NewFindings | null;
  /** Why it could not be asked. */
  readonly problem: string | null;
}

const TITLE = 'The audit found something new';
/** More are named, not described. */
const MOST_DESCRIBED = 10;

export const newIn = (answers: readonly FindingsAnswer[]): number =>
  answers.reduce((sum, { found }) => sum + (found?.count ?? 0), 0);

export function findingsDocument(content: FindingsPageContent): PageDocument {
  const { alarm, followUp, ofFleet = false, answers, runbookUrl, nowMs } = content;
  const words = ofFleet ? FLEETS : SCHEMAS;
  const all = answers.flatMap(({ database, found }) =>
    (found?.findings ?? []).map((each) => ({ database, each })),
  );
  const findings = all.slice(0, MOST_DESCRIBED).map(({ database, each }) => findingOf(each, database, alarm));
  const unnamed = newIn(answers) - all.length;
  const subject = subjectOf(findings[0], newIn(answers), followUp);
  const runbooks =
    runbookUrl === null ? [] : new Set(findings.flatMap(({ kind }) => (kind && kindOf(kind) ? kind : [])));
  return {
    version: 1,
    id: hashOf([alarm, subject, findings.map(({ dedupKey }) => dedupKey), nowMs]),
    action: 'trigger',
    at: new Date(nowMs).toISOString(),
    alarm,
    followUp,
    complete: true,
    subject,
    instead: findings.length === 0 ? notNamed(answers, words) : [],
    findings,
    also: [
      ...all
        .slice(MOST_DESCRIBED)
        .map(
          ({ database, each }) => `${each.grade}  ${harmless(database)}: ${each.id} ${harmless(each.object)}`,
        ),
      ...(unnamed > 0 ? [`${unnamed} more: ${words.whole} names them.`] : []),
    ],
    counts: counts(answers, findings.length > 0),
    links: [...runbooks].map((kind) => ({ label: 'Runbook', url: `${runbookUrl}${kind}.md` })),
    until: 'It ends by itself.',
    notes: [`${words.once} Rows are left out.`],
  };
}

interface Words {
  /** When something is paged, and when again. */
  readonly once: string;
  /** What shows all of it. */
  readonly whole: string;
}

const SCHEMAS: Words = {
  once: 'Each finding is paged once, and again when it was gone and comes back.',
  whole: '`trueup audit --stack`',
};
const FLEETS: Words = {
  once: 'A kind is paged once a day, with the databases that were audited by then; within a day all of them are. A finding that was told is not told again.',
  whole: "the line `fleet-drift` of the fleet's log",
};

function subjectOf(first: PageFinding | undefined, count: number, followUp: boolean): string {
  const further = count > 1 ? ` +${count - 1} more` : '';
  const what = first ? `${first.database}: ${first.object} - ${first.title}` : TITLE;
  return subjectWith(`[Trueup] ${followUp ? 'also ' : ''}`, what, further);
}

/** The function may be of a newer version than the pager. */
const kindIn = ({ id }: AuditedFinding): Kind | undefined => AUDIT_KINDS.find((kind) => kind.id === id);
const NOT_KNOWN = 'This version of the pager does not know the kind; `trueup audit --stack` does.';

const SURE: Readonly<Record<AuditedFinding['grade'], string>> = {
  A: 'proved',
  B: 'lost',
  C: 'odd one out: its siblings are otherwise, and a person must decide whether it is meant',
  D: 'habit',
};
const SEVERITY: Readonly<Record<AuditedFinding['grade'], Severity>> = {
  A: 'error',
  B: 'error',
  C: 'warning',
  D: 'info',
};

function findingOf(each: AuditedFinding, database: string, alarm: PageAlarm): PageFinding {
  const { id, grade, object, message, evidence } = each;
  const kind = kindIn(each);
  return {
    dedupKey: dedupKeyOf(alarm, JSON.stringify([database, id, object])),
    signature: 'findings',
    kind: id,
    title: kind?.title ?? harmless(id),
    database: harmless(database),
    object: harmless(object),
    severity: SEVERITY[grade],
    test: false,
    count: null,
    first: null,
    last: null,
    impact: kind ? [kind.impact] : [],
    now: [`Found by looking, not by an error. Grade ${grade}, ${SURE[grade]}.`],
    doNow: [
      kind?.audit.remedy ?? NOT_KNOWN,
      'If it is meant as it is, this line in the file of `audit.accept`, and a deployment:',
      `    ${id} ${harmlessSql(oneLine(object))}  # why it is meant`,
    ],
    check: [],
    why: [harmless(message), ...evidence.map((line) => harmlessSql(oneLine(line)))],
    unseen: [],
    since: [],
    statements: [],
    error: [],
  };
}

const notNamed = (answers: readonly FindingsAnswer[], { whole }: Words): readonly string[] => [
  'The drift check found something that nobody was told of, and what could not be asked now:',
  ...answers.flatMap(({ problem }) => (problem === null ? [] : [`- ${harmless(problem)}`])),
  `The log of the drift check names the surest; ${whole} says all of it.`,
];

const counts = (answers: readonly FindingsAnswer[], named: boolean): readonly string[] =>
  answers.flatMap(({ database, found, problem }) => [
    ...(found === null
      ? []
      : [`${harmless(database)}: ${found.count} new ${found.count === 1 ? 'finding' : 'findings'}.`]),
    ...(named && problem !== null ? [`${harmless(database)}: ${harmless(problem)}`] : []),
  ]);
