/** Builds a page about errors in a log, as a document and as text. Pure. */
import { listKindsOfSignature } from '../../defects';
import { findSignature, matchMessage } from '../../defects/signatures';
import { renderText, type TextPage } from '../forms/text';
import type { ErrorGroup } from '../logs/collect';
import { isOngoing } from '../logs/moments';
import {
  type DiagnosedError,
  findTitle,
  formatLoggedName,
  formatSubjectName,
  isAlarmTest,
  listPossibleKinds,
} from './diagnosed-error';
import { buildSubject, hashParts, type PageAlarm, type PageDocument, type PageLink } from './document';
import { escapeForDisplay } from './escape-text';
import { buildInsightsUrl } from './links';
import { toPageFinding } from './section';

export interface PageContent {
  /** The alarm, or null for `trueup explain`, which has none. */
  readonly alarm: PageAlarm | null;
  readonly signature: string;
  /** Whether the alarm was already in ALARM and had been paged when this appeared. */
  readonly followUp: boolean;
  readonly findings: readonly DiagnosedError[];
  /** Groups that are not in `findings`. Each one is named. */
  readonly others: readonly ErrorGroup[];
  /** Number of groups of usually harmless errors that were not diagnosed. @default 0 */
  readonly undiagnosed?: number;
  /** Number of errors that are in no group. */
  readonly overflow: number;
  /** False if every count is a lower bound. */
  readonly complete: boolean;
  readonly logGroups: readonly string[];
  readonly fromMs: number;
  readonly toMs: number;
  /** End of the window. It is the same for every delivery of one event. @default toMs */
  readonly coversUntilMs?: number;
  /** Base URL of docs/defects with a trailing slash, or null if the runbooks are not available online. */
  readonly runbookUrl: string | null;
}

export const renderPage = (content: PageContent): TextPage => renderText(buildDocument(content));

export function buildDocument(content: PageContent): PageDocument {
  const { alarm, followUp, complete, toMs } = content;
  const subject = buildErrorsSubject(content);
  const context = { complete, nowMs: getPageTime(content) };
  const findings = content.findings.map((each) => toPageFinding(each, alarm, context));
  return {
    version: 1,
    id: hashParts([alarm, findings.map(({ dedupKey }) => dedupKey), content.coversUntilMs ?? toMs]),
    action: 'trigger',
    at: new Date(toMs).toISOString(),
    alarm,
    followUp,
    complete,
    subject,
    fallback: findings.length === 0 ? describeNothingFound(content) : [],
    findings,
    additionalFindings: listAdditionalFindings(content),
    counts: [],
    links: buildLinks(content),
    resolvesWhen: 'It stays in ALARM until the errors stop.',
    notes: listNotes(content),
  };
}

const getPageTime = ({ alarm, toMs }: PageContent): number | null => (alarm === null ? null : toMs);

function buildErrorsSubject(content: PageContent): string {
  const { findings, signature, followUp, others, complete } = content;
  const [first] = findings;
  const again = followUp ? 'also ' : '';
  const title = first ? findTitle(first) : (findSignature(signature)?.title ?? signature);
  const where = first?.group.database ? `${escapeForDisplay(first.group.database)}: ` : '';
  const ongoing = first && isOngoing(first.group, getPageTime(content)) ? ', ongoing' : '';
  const times = first ? `${complete ? '' : '>='}${first.group.count}x${ongoing}` : '';
  const what = first ? `${formatSubjectName(first)} (${times}) - ` : '';
  const rest = findings.length + others.length - 1;
  const further = rest > 0 ? ` +${rest} more` : '';
  const lead = `[Trueup${first && isAlarmTest(first.group) ? ' test' : ''}] ${again}`;
  return buildSubject(lead, `${where}${what}${title}`, further);
}

function describeNothingFound({ signature, logGroups }: PageContent): readonly string[] {
  const known = findSignature(signature);
  const kinds = known === null ? [] : listKindsOfSignature(known);
  return [
    `The metric counted errors, but their lines were not found in ${logGroups.join(', ')}.`,
    'They may have arrived late, or the log group was replaced. Search it with the link below.',
    '',
    'Possible causes',
    ...kinds.map((kind) => `- ${kind.title}. ${kind.impact}`),
  ];
}

/** Names all errors that are not described, so that the page mentions every failing table. */
function listAdditionalFindings({
  others,
  undiagnosed = 0,
  overflow,
  complete,
}: PageContent): readonly string[] {
  const atLeast = complete ? '' : '>=';
  return [
    ...others.map(
      (group) =>
        `${atLeast}${group.count}x ${group.database ? `${escapeForDisplay(group.database)}: ` : ''}${formatLoggedName(group)}`,
    ),
    ...(undiagnosed > 0
      ? [
          `${undiagnosed} more ${undiagnosed === 1 ? 'key' : 'keys'} with such errors ${undiagnosed === 1 ? 'was' : 'were'} not diagnosed in time for this page. The next check diagnoses them.`,
        ]
      : []),
    ...(overflow > 0
      ? [`${overflow} more errors, on objects beyond the first thousand, which were not diagnosed`]
      : []),
  ];
}

function buildLinks(content: PageContent): readonly PageLink[] {
  const { alarm, signature, logGroups, fromMs, toMs, runbookUrl, findings } = content;
  const kinds = runbookUrl === null ? [] : new Set(findings.flatMap(listPossibleKinds));
  const runbooks = [...kinds].map(({ id }) => ({ label: 'Runbook', url: `${runbookUrl}${id}.md` }) as const);
  if (alarm === null) return runbooks;
  const seen = findings[0] && matchMessage(findings[0].group.message, findings[0].group.sqlstate);
  const phrase = (seen?.message ?? findSignature(signature)?.messages[0])?.begins ?? '';
  const url = buildInsightsUrl({ region: alarm.region, logGroups, fromMs, toMs, phrase });
  return [...runbooks, { label: 'Log lines', url }];
}

const listNotes = ({ followUp, complete }: PageContent): readonly string[] => [
  ...(followUp ? ['This appeared while the alarm was already in ALARM.'] : []),
  ...(complete ? [] : ['Not all log lines could be read in time, so every number is a lower bound.']),
  'Literals in statements are replaced by ?, and rows are left out.',
];
