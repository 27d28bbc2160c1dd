/** A page about errors in a log: the document, and its text. Pure. */
import { kindsOf } from '../../defects';
import { matchMessage, signatureOf } from '../../defects/signatures';
import { type Page, renderText } from '../forms/text';
import type { ErrorGroup } from '../logs/collect';
import { isOngoing } from '../logs/moments';
import { hashOf, type PageAlarm, type PageDocument, type PageLink, subjectWith } from './document';
import { type DiagnosedError, isTest, kindsFor, nameIn, subjectNameOf, titleOf } from './finding';
import { harmless } from './harmless';
import { insightsUrl } from './links';
import { findingOf } from './section';

export interface PageContent {
  /** Null for `trueup explain`, which has no alarm. */
  readonly alarm: PageAlarm | null;
  readonly signature: string;
  /** The alarm was up already, and has been paged: this appeared since. */
  readonly followUp: boolean;
  readonly findings: readonly DiagnosedError[];
  /** Groups that are not in `findings`: each is named. */
  readonly others: readonly ErrorGroup[];
  /** Errors that are in no group. */
  readonly overflow: number;
  /** False: every count is a lower bound. */
  readonly complete: boolean;
  readonly logGroups: readonly string[];
  readonly fromMs: number;
  readonly toMs: number;
  /** Where docs/defects is to be read, with a slash at the end; null where the reader has no such place. */
  readonly runbookUrl: string | null;
}

export const renderPage = (content: PageContent): Page => renderText(documentOf(content));

export function documentOf(content: PageContent): PageDocument {
  const { alarm, followUp, complete, toMs } = content;
  const subject = subjectOf(content);
  const context = { complete, nowMs: nowOf(content) };
  const findings = content.findings.map((each) => findingOf(each, alarm, context));
  return {
    version: 1,
    id: hashOf([alarm, subject, findings.map(({ dedupKey }) => dedupKey), toMs]),
    action: 'trigger',
    at: new Date(toMs).toISOString(),
    alarm,
    followUp,
    complete,
    subject,
    instead: findings.length === 0 ? nothingFound(content) : [],
    findings,
    also: also(content),
    counts: [],
    links: links(content),
    until: 'It stays in ALARM until the errors stop.',
    notes: notes(content),
  };
}

const nowOf = ({ alarm, toMs }: PageContent): number | null => (alarm === null ? null : toMs);

function subjectOf(content: PageContent): string {
  const { findings, signature, followUp, others, complete } = content;
  const [first] = findings;
  const again = followUp ? 'also ' : '';
  const title = first ? titleOf(first) : (signatureOf(signature)?.title ?? signature);
  const where = first?.group.database ? `${harmless(first.group.database)}: ` : '';
  const ongoing = first && isOngoing(first.group, nowOf(content)) ? ', ongoing' : '';
  const times = first ? `${complete ? '' : '>='}${first.group.count}x${ongoing}` : '';
  const what = first ? `${subjectNameOf(first)} (${times}) - ` : '';
  const rest = findings.length + others.length - 1;
  const further = rest > 0 ? ` +${rest} more` : '';
  const lead = `[Trueup${first && isTest(first.group) ? ' test' : ''}] ${again}`;
  return subjectWith(lead, `${where}${what}${title}`, further);
}

function nothingFound({ signature, logGroups }: PageContent): readonly string[] {
  const known = signatureOf(signature);
  const kinds = known === null ? [] : kindsOf(known);
  return [
    `The metric counted errors, but their lines were not found in ${logGroups.join(', ')}.`,
    'They may have arrived late, or the log group was replaced. Search it with the link below.',
    '',
    'What it can be',
    ...kinds.map((kind) => `- ${kind.title}. ${kind.impact}`),
  ];
}

/** What is not described is named, all of it: nobody is to find out tomorrow which tables failed. */
function also({ others, overflow, complete }: PageContent): readonly string[] {
  const atLeast = complete ? '' : '>=';
  return [
    ...others.map(
      (group) =>
        `${atLeast}${group.count}x ${group.database ? `${harmless(group.database)}: ` : ''}${nameIn(group)}`,
    ),
    ...(overflow > 0 ? [`${overflow} more errors, on objects beyond the first thousand`] : []),
  ];
}

function links(content: PageContent): readonly PageLink[] {
  const { alarm, signature, logGroups, fromMs, toMs, runbookUrl, findings } = content;
  const kinds = runbookUrl === null ? [] : new Set(findings.flatMap(kindsFor));
  const runbooks = [...kinds].map(({ id }) => ({ label: 'Runbook', url: `${runbookUrl}${id}.md` }) as const);
  if (alarm === null) return runbooks;
  const seen = findings[0] && matchMessage(findings[0].group.message, findings[0].group.sqlstate);
  const phrase = (seen?.message ?? signatureOf(signature)?.messages[0])?.begins ?? '';
  const url = insightsUrl({ region: alarm.region, logGroups, fromMs, toMs, phrase });
  return [...runbooks, { label: 'Log lines', url }];
}

const notes = ({ followUp, complete }: PageContent): readonly string[] => [
  ...(followUp ? ['This appeared while the alarm was already in ALARM.'] : []),
  ...(complete ? [] : ['There were more lines than could be read in time: every number is a lower bound.']),
  'Literals in statements are replaced by ?, and rows are left out.',
];
