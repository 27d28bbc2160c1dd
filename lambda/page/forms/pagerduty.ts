/**
 * A page for PagerDuty: events of its Events API v2
 * (https://developer.pagerduty.com/docs/events-api-v2-overview). One event for each finding, so that each is an incident
 * that ends when it is repaired. Pure.
 */
import { alarmKeyOf, type PageDocument, type PageFinding, type Severity } from '../document/document';
import { cut, harmless, withoutMarkup } from '../document/harmless';

export interface PagerDutyEvent {
  readonly routing_key: string;
  readonly event_action: 'trigger' | 'resolve';
  readonly dedup_key: string;
  readonly client?: string;
  readonly payload?: {
    readonly summary: string;
    readonly source: string;
    readonly severity: Severity;
    readonly timestamp: string;
    readonly component?: string;
    readonly group?: string;
    readonly class?: string;
    readonly custom_details: Readonly<Record<string, unknown>>;
  };
  readonly links?: readonly { readonly href: string; readonly text: string }[];
}

const LONGEST_SUMMARY = 1_024;
/** An event may have 512 KB; nobody reads a longer list in an incident. */
const MOST_LINES = 50;
const LONGEST_LINE = 2_000;

/** @param routingKey 32 characters, of the service's integration */
export function pagerDutyEvents(document: PageDocument, routingKey: string): readonly PagerDutyEvent[] {
  const { action, findings, alarm } = document;
  const keys = findings.length > 0 ? findings.map(({ dedupKey }) => dedupKey) : [alarmKeyOf(alarm)];
  return keys.map((dedup_key, i) => {
    const event = { routing_key: routingKey, event_action: action, dedup_key };
    return action === 'resolve' ? event : { ...event, ...trigger(document, findings[i], i === 0) };
  });
}

/** @param first carries what is not about one finding alone */
function trigger(document: PageDocument, finding: PageFinding | undefined, first: boolean) {
  const { alarm, subject, at, instead, also, counts, links, notes } = document;
  const where = [finding?.database, alarm?.account, alarm?.region].filter(Boolean).join(', ');
  const details = {
    ...(finding === undefined ? { what: lines(instead) } : detailsOf(finding)),
    ...(first ? optional({ also: lines(also), counts: lines(counts) }) : {}),
    alarm: alarm?.name ?? '',
    ...optional({ notes: lines(notes) }),
  };
  return {
    client: 'Trueup',
    payload: {
      summary: cut(finding === undefined ? subject : summaryOf(finding), LONGEST_SUMMARY),
      source: where === '' ? 'Trueup' : where,
      severity: finding?.severity ?? 'error',
      timestamp: at,
      ...(finding === undefined
        ? {}
        : {
            component: finding.object,
            ...(finding.database === '' ? {} : { group: finding.database }),
            class: finding.kind ?? finding.signature,
          }),
      custom_details: details,
    },
    ...(links.length === 0 ? {} : { links: links.map(({ label, url }) => ({ href: url, text: label })) }),
  };
}

function summaryOf({ test, database, object, count, severity, title }: PageFinding): string {
  const times = count === null ? '' : ` (${count}x${severity === 'critical' ? ', ongoing' : ''})`;
  return `[Trueup${test ? ' test' : ''}] ${database === '' ? '' : `${database}: `}${object}${times} - ${title}`;
}

const detailsOf = (finding: PageFinding): Record<string, unknown> =>
  optional({
    impact: lines(finding.impact),
    now: lines(finding.now),
    do_now: lines(withoutMarkup(finding.doNow)),
    check: lines(finding.check),
    why: lines(finding.why),
    unseen: lines(finding.unseen),
    since: lines(finding.since),
    statements: lines(finding.statements),
    error: lines(finding.error),
  });

const lines = (all: readonly string[]): readonly string[] => [
  ...all.slice(0, MOST_LINES).map((line) => cut(harmless(line), LONGEST_LINE)),
  ...(all.length > MOST_LINES ? [`${all.length - MOST_LINES} more: the whole page has them.`] : []),
];

const optional = (lists: Readonly<Record<string, readonly string[]>>): Record<string, readonly string[]> =>
  Object.fromEntries(Object.entries(lists).filter(([, all]) => all.length > 0));
