/** The page: one message for whoever was woken. Pure, and without row data, since nothing that comes in here has any. */
import { kindsOf } from '../defects';
import { matchMessage, signatureOf } from '../defects/signatures';
import type { ErrorGroup } from './collect';
import { type DiagnosedError, isTest, kindsFor, nameIn, subjectNameOf, titleOf } from './finding';
import { insightsUrl } from './links';
import { isOngoing } from './moments';
import { section } from './section';

export interface PageContent {
  /** Null for `trueup explain`, which has no alarm. */
  readonly alarm: { readonly name: string; readonly region: string; readonly account: string } | null;
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

export interface Page {
  /** At most 100 ASCII characters, as SNS wants it. */
  readonly subject: string;
  readonly text: string;
}

/** SNS takes 256 KB. A thousand names have room in this, and what is described comes first. */
const LONGEST_TEXT = 100_000;
/** Kept free of findings, however long they are. */
const OTHERS_TEXT = 60_000;

const RULE = `\n\n${'-'.repeat(72)}\n\n`;

export function renderPage(content: PageContent): Page {
  const end = `\n\n${[...more(content)].join('\n')}`;
  const others = cut(also(content).join('\n'), OTHERS_TEXT);
  const findings = cut(textOfFindings(content), LONGEST_TEXT - others.length - end.length);
  return { subject: subjectOf(content), text: findings + others + end };
}

const cut = (text: string, longest: number): string =>
  text.length <= longest ? text : `${text.slice(0, longest)}\n… cut`;

function textOfFindings(content: PageContent): string {
  const { findings } = content;
  if (findings.length === 0) return nothingFound(content);
  const context = { complete: content.complete, nowMs: nowOf(content) };
  if (findings.length === 1) return section(findings[0]!, context);
  return findings
    .map((each, i) => `${i + 1}. ${subjectNameOf(each)} - ${titleOf(each)}\n${section(each, context)}`)
    .join(RULE);
}

const nowOf = ({ alarm, toMs }: PageContent): number | null => (alarm === null ? null : toMs);

/** At most 100 ASCII characters. */
export function subjectOf(content: PageContent): string {
  const { findings, signature, followUp, others, complete } = content;
  const [first] = findings;
  const again = followUp ? 'also ' : '';
  const title = first ? titleOf(first) : (signatureOf(signature)?.title ?? signature);
  const where = first?.group.database ? `${first.group.database}: ` : '';
  const ongoing = first && isOngoing(first.group, nowOf(content)) ? ', ongoing' : '';
  const times = first ? `${complete ? '' : '>='}${first.group.count}x${ongoing}` : '';
  // What it is about comes before what it is called: the end may be cut.
  const what = first ? `${subjectNameOf(first)} (${times}) - ` : '';
  const rest = findings.length + others.length - 1;
  const further = rest > 0 ? ` +${rest} more` : '';
  const lead = `[Trueup${first && isTest(first.group) ? ' test' : ''}] ${again}`;
  const room = 100 - lead.length - further.length;
  const ascii = `${where}${what}${title}`.replace(/[^\x20-\x7e]/g, '?');
  return `${lead}${ascii.length <= room ? ascii : `${ascii.slice(0, room - 3)}...`}${further}`;
}

function nothingFound({ signature, logGroups }: PageContent): string {
  const known = signatureOf(signature);
  const kinds = known === null ? [] : kindsOf(known);
  return [
    `The metric counted errors, but their lines were not found in ${logGroups.join(', ')}.`,
    'They may have arrived late, or the log group was replaced. Search it with the link below.',
    '',
    'What it can be',
    ...kinds.map((kind) => `- ${kind.title}. ${kind.impact}`),
  ].join('\n');
}

/** What is not described is named, all of it: nobody is to find out tomorrow which tables failed. */
function also({ others, overflow, complete }: PageContent): readonly string[] {
  if (others.length === 0 && overflow === 0) return [];
  const atLeast = complete ? '' : '>=';
  return [
    '',
    '',
    'ALSO',
    ...others.map(
      (group) => `  ${atLeast}${group.count}x ${group.database ? `${group.database}: ` : ''}${nameIn(group)}`,
    ),
    ...(overflow > 0 ? [`  ${overflow} more errors, on objects beyond the first thousand`] : []),
  ];
}

function* more(content: PageContent): Generator<string> {
  const { alarm, signature, followUp, complete, logGroups, fromMs, toMs, runbookUrl, findings } = content;
  yield 'MORE';
  if (runbookUrl !== null) {
    const kinds = new Set(findings.flatMap(kindsFor));
    for (const { id } of kinds) yield `  Runbook    ${runbookUrl}${id}.md`;
  }
  if (alarm !== null) {
    const seen = findings[0] && matchMessage(findings[0].group.message, findings[0].group.sqlstate);
    const phrase = (seen?.message ?? signatureOf(signature)?.messages[0])?.begins ?? '';
    yield `  Log lines  ${insightsUrl({ region: alarm.region, logGroups, fromMs, toMs, phrase })}`;
    yield `  Alarm      ${alarm.name}, account ${alarm.account}, ${alarm.region}. It stays in ALARM until the errors stop.`;
  }
  if (followUp) yield '  This appeared while the alarm was already in ALARM.';
  if (!complete) yield '  There were more lines than could be read in time: every number is a lower bound.';
  yield '  Literals in statements are replaced by ?, and rows are left out.';
}
