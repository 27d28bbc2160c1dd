/** The page: one message for whoever was woken. Pure, and without row data, since nothing that comes in here has any. */
import { kindOf, kindsOf } from '../defects';
import {
  type DefectKind,
  type Diagnosis,
  NO_OBJECT,
  type Repair,
  type RepairingMigration,
} from '../defects/defect';
import { missingIdDefault } from '../defects/missing-id-default';
import { signatureOf } from '../defects/signatures';
import { quoteIdentifier } from '../postgres/quote';
import { ALARM_TEST_NAME } from './alarm-test';
import type { ErrorGroup } from './collect';
import { insightsUrl } from './links';

export interface Finding {
  readonly group: ErrorGroup;
  readonly diagnosis: Diagnosis;
}

export interface PageContent {
  /** Null for `trueup explain`, which has no alarm. */
  readonly alarm: { readonly name: string; readonly region: string } | null;
  readonly signature: string;
  /** `first`: the alarm went up. `again`: this appeared while it was up. */
  readonly look: 'first' | 'again';
  readonly findings: readonly Finding[];
  /** Groups that are not in `findings`. */
  readonly more: number;
  /** Errors that are in no group. */
  readonly overflow: number;
  /** False: every count is a lower bound. */
  readonly complete: boolean;
  readonly logGroups: readonly string[];
  readonly fromMs: number;
  readonly toMs: number;
  /** Ends with a slash; null when docs/defects is to be found in the package only. */
  readonly runbookUrl: string | null;
}

export interface Page {
  /** At most 100 ASCII characters, as SNS wants it. */
  readonly subject: string;
  readonly text: string;
}

/** SNS takes 256 KB; a page that long is read by nobody. */
const LONGEST_TEXT = 60_000;
const LONGEST_STATEMENT = 1_500;

export function renderPage(content: PageContent): Page {
  const parts = [
    ...(content.findings.length === 0
      ? [nothingFound(content)]
      : content.findings.map((each) => section(each, content))),
    footer(content),
  ];
  const text = parts.join(`\n\n${'-'.repeat(72)}\n\n`);
  return {
    subject: subjectOf(content),
    text: text.length <= LONGEST_TEXT ? text : `${text.slice(0, LONGEST_TEXT)}\n… cut`,
  };
}

function subjectOf({ findings, signature, look, more, complete }: PageContent): string {
  const [first] = findings;
  const again = look === 'again' ? 'also ' : '';
  const title = first ? titleOf(first) : (signatureOf(signature)?.title ?? signature);
  const where = first?.group.database ? `${first.group.database}: ` : '';
  // What it is about comes before what it is called: the end may be cut.
  const what = first ? `${subjectNameOf(first)} (${atLeast(complete)}${first.group.count}x) - ` : '';
  const others = findings.length + more - 1;
  const rest = others > 0 ? ` +${others} more` : '';
  const test = first && isTest(first.group) ? ' test' : '';
  const room = 100 - `[Trueup${test}] ${again}`.length - rest.length;
  const ascii = `${where}${what}${title}`.replace(/[^\x20-\x7e]/g, '?');
  return `[Trueup${test}] ${again}${ascii.length <= room ? ascii : `${ascii.slice(0, room - 3)}...`}${rest}`;
}

/** Named by what `trueup alarm-test` raises. */
const isTest = ({ table, statement }: ErrorGroup): boolean =>
  `${table} ${statement}`.includes(ALARM_TEST_NAME);

const atLeast = (complete: boolean): string => (complete ? '' : '>=');

function section({ group, diagnosis }: Finding, content: PageContent): string {
  const finding = { group, diagnosis };
  const kinds = kindsFor(finding);
  const lines = [
    ...(isTest(group) ? ['This is a test: `trueup alarm-test` raised the error.', ''] : []),
    `${titleOf(finding)}: ${subjectNameOf(finding)}`,
    ...kinds.map((kind) => (kinds.length === 1 ? kind.impact : `- ${kind.title}. ${kind.impact}`)),
    '',
    ...facts(finding, content),
  ];
  if (diagnosis.cause.length > 0) lines.push('', 'Cause', ...list(diagnosis.cause));
  lines.push('', 'Repair', ...repair(finding, kinds));
  if (diagnosis.unseen.length > 0) lines.push('', 'Not seen', ...list(diagnosis.unseen));
  return lines.join('\n');
}

/** The kind that the diagnosis named; else all that raise these words. */
function kindsFor({ group, diagnosis }: Finding): readonly DefectKind[] {
  const named = diagnosis.kind === null ? null : kindOf(diagnosis.kind);
  if (named !== null) return [named];
  const signature = signatureOf(group.signature);
  return signature === null ? [] : kindsOf(signature);
}

function titleOf({ group, diagnosis }: Finding): string {
  const kind = diagnosis.kind === null ? null : kindOf(diagnosis.kind);
  return kind?.title ?? signatureOf(group.signature)?.title ?? group.signature;
}

function subjectNameOf({ group, diagnosis }: Finding): string {
  if (diagnosis.subject !== null) return diagnosis.subject;
  const names = [group.table, group.column].filter((name) => name !== null);
  return names.length > 0 ? names.join('.') : group.sqlstate;
}

function facts({ group, diagnosis }: Finding, { complete, runbookUrl }: PageContent): readonly string[] {
  const rows: [string, string][] = [
    ['Database', group.database || 'not known: an application logged it'],
    ...(group.logGroup ? [['Log group', group.logGroup] as [string, string]] : []),
    ['Error', `SQLSTATE ${group.sqlstate}: ${group.message}`],
    ['How often', `${howOften(group, complete)}${group.user ? `, as ${group.user}` : ''}`],
    ...(group.aborted > 0
      ? [
          [
            'Afterwards',
            `${group.aborted} more command${group.aborted === 1 ? '' : 's'} refused in the same transaction (25P02)`,
          ] as [string, string],
        ]
      : []),
    ...(group.statement === null ? [] : [['Statement', shorten(group.statement)] as [string, string]]),
    ...kindsFor({ group, diagnosis }).map((kind): [string, string] => ['Runbook', runbook(kind, runbookUrl)]),
  ];
  return rows.map(([name, value]) => `${name.padEnd(11)} ${value}`);
}

function howOften({ count, first, last }: ErrorGroup, complete: boolean): string {
  const times = `${complete ? '' : 'at least '}${count === 1 ? 'once' : `${count} times`}`;
  return count === 1 ? `${times}, at ${clock(first)}` : `${times} since ${clock(first)}, last ${clock(last)}`;
}

const clock = (iso: string): string => `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
const list = (sentences: readonly string[]): readonly string[] =>
  sentences.map((sentence) => `- ${sentence}`);
const shorten = (statement: string): string =>
  statement.length <= LONGEST_STATEMENT
    ? statement
    : `${statement.slice(0, LONGEST_STATEMENT / 2)} … ${statement.slice(-LONGEST_STATEMENT / 2)}`;

const runbook = (kind: DefectKind, url: string | null): string => `${url ?? 'docs/defects/'}${kind.id}.md`;

function repair({ group, diagnosis }: Finding, kinds: readonly DefectKind[]): readonly string[] {
  const said = repairLines(diagnosis.repair);
  return [
    ...(said.length > 0 ? said : possibleRepairs(group, kinds)),
    ...list(migrationSentences(diagnosis)),
  ];
}

const repairLines = ({ words, sql }: Repair): readonly string[] => [
  ...(words === '' ? [] : [words]),
  ...sql.map((statement) => `    ${statement}`),
];

/** Where the catalogue was not asked: what the log's own names allow, for each kind that it can be. */
function possibleRepairs({ table, column }: ErrorGroup, kinds: readonly DefectKind[]): readonly string[] {
  if (table === null || column === null)
    return ['See the runbooks; which of them it is, the statement tells.'];
  const object = {
    ...NO_OBJECT,
    table: quoteIdentifier(table),
    column: quoteIdentifier(column),
    columns: [quoteIdentifier(column)],
  };
  // Nobody wants a generated default for a column that is no key.
  const possible = kinds.filter((kind) => kind !== missingIdDefault || /id$/i.test(column));
  return possible.flatMap((kind) => [`${kind.title}?`, ...repairLines(kind.repair(object))]);
}

/** Cases in which the schema is already as it should be. */
const SETTLED = new Set(['repaired-since', 'serves-now', 'exists-now', 'explicit-null', 'default-exists']);

function migrationSentences({
  kind,
  case: which,
  migrations,
  repair: { sql },
}: Diagnosis): readonly string[] {
  if (kind === null || migrations === null) return [];
  const settled = which !== null && SETTLED.has(which);
  if (migrations.length === 0)
    return settled || sql.length === 0
      ? []
      : ['No migration of the deployed code is about this: it has to be written.'];
  return migrations.map(
    (migration) => `Migration ${migration.name} is about this and ${standing(migration, settled)}`,
  );
}

function standing({ state }: RepairingMigration, settled: boolean): string {
  switch (state) {
    case 'pending':
    case 'late':
    case 'changed':
      return `is not applied (${state}): deploy it.`;
    case 'applied':
    case 'unverified':
    case 'superseded':
    case 'edited': {
      const applied = state === 'applied' ? 'is applied' : `is applied (${state})`;
      return settled
        ? `${applied}.`
        : `${applied}, and yet the defect is there: something has undone it since. \`trueup verify\` says more.`;
    }
    case 'partial':
      return 'stopped half way: deploy again, and it goes on where it stopped.';
    default:
      return 'the ledger could not be asked whether it is applied.';
  }
}

function nothingFound({ signature, logGroups }: PageContent): string {
  const known = signatureOf(signature);
  const kinds = known === null ? [] : kindsOf(known);
  return [
    known?.title ?? signature,
    '',
    `The metric counted errors, but their lines were not found in ${logGroups.join(', ')}.`,
    'They may have arrived late, or the log group was replaced. Search it with the link below.',
    '',
    'What it can be',
    ...kinds.map((kind) => `- ${kind.title}. ${kind.impact}`),
  ].join('\n');
}

function footer({
  alarm,
  signature,
  look,
  more,
  overflow,
  complete,
  logGroups,
  fromMs,
  toMs,
}: PageContent): string {
  const lines: string[] = [];
  if (more > 0)
    lines.push(`${more} more tables, columns or statements failed in the same way and are not shown.`);
  if (overflow > 0) lines.push(`${overflow} more errors were counted without telling them apart.`);
  if (!complete)
    lines.push('There were more lines than could be read in time: every number is a lower bound.');
  if (look === 'again') lines.push('This appeared after the alarm had gone up, while it was still up.');
  if (alarm !== null) {
    const phrase = signatureOf(signature)?.messages[0]?.begins ?? '';
    lines.push(
      `Alarm       ${alarm.name}. It stays up until the errors have stopped for a while.`,
      `Log lines   ${insightsUrl({ region: alarm.region, logGroups, fromMs, toMs, phrase })}`,
    );
  }
  lines.push('Literals in statements are replaced by ?, and rows are left out.');
  return lines.join('\n');
}
