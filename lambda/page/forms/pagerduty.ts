/**
 * Builds PagerDuty events from a page, for the Events API v2
 * (https://developer.pagerduty.com/docs/events-api-v2-overview). Each finding is a separate event, so each is an
 * incident that ends when it is repaired. Pure.
 */
import { buildAlarmKey, type PageDocument, type PageFinding, type Severity } from '../document/document';
import { escapeForDisplay, escapeLines, truncateEscaped } from '../document/escape-text';

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

const MAX_SUMMARY_LENGTH = 1_024;
/** Maximum number of lines. An event may have 512 KB, but an incident with more lines is not readable. */
const MAX_LINES = 50;
const MAX_LINE_LENGTH = 2_000;

/** Returns the events of a page. @param routingKey the integration key of the service, 32 characters */
export function buildPagerDutyEvents(document: PageDocument, routingKey: string): readonly PagerDutyEvent[] {
  const { action, findings, alarm } = document;
  const keys = findings.length > 0 ? findings.map(({ dedupKey }) => dedupKey) : [buildAlarmKey(alarm)];
  return keys.map((dedup_key, i) => {
    const event = { routing_key: routingKey, event_action: action, dedup_key };
    return action === 'resolve' ? event : { ...event, ...buildTriggerEvent(document, findings[i], i === 0) };
  });
}

/** @param first whether this event also carries what concerns the whole page */
function buildTriggerEvent(document: PageDocument, finding: PageFinding | undefined, first: boolean) {
  const { alarm, subject, at, fallback: instead, additionalFindings: also, counts, links, notes } = document;
  const where = [finding?.database, alarm?.account, alarm?.region].filter(Boolean).join(', ');
  const details = {
    ...(finding === undefined ? { what: limitLines(instead) } : buildDetails(finding)),
    ...(first ? omitEmptyLists({ additionalFindings: limitLines(also), counts: limitLines(counts) }) : {}),
    alarm: alarm?.name ?? '',
    ...omitEmptyLists({ notes: limitLines(notes) }),
  };
  return {
    client: 'Trueup',
    payload: {
      summary: truncateEscaped(finding === undefined ? subject : buildSummary(finding), MAX_SUMMARY_LENGTH),
      source: where === '' ? 'Trueup' : where,
      severity: finding?.severity ?? 'error',
      timestamp: at,
      ...(finding === undefined
        ? {}
        : {
            component: finding.object,
            ...(finding.database === '' ? {} : { group: finding.database }),
            class: finding.checkId ?? finding.errorPattern,
          }),
      custom_details: details,
    },
    ...(links.length === 0 ? {} : { links: links.map(({ label, url }) => ({ href: url, text: label })) }),
  };
}

function buildSummary({ test, database, object, count, severity, title }: PageFinding): string {
  const times = count === null ? '' : ` (${count}x${severity === 'critical' ? ', ongoing' : ''})`;
  return `[Trueup${test ? ' test' : ''}] ${database === '' ? '' : `${database}: `}${object}${times} - ${title}`;
}

const buildDetails = (finding: PageFinding): Record<string, unknown> =>
  omitEmptyLists({
    impact: limitLines(finding.impact),
    now: limitLines(finding.now),
    remedy: limitLines(escapeLines(finding.remedy)),
    check: limitLines(finding.check),
    why: limitLines(finding.why),
    not_checked: limitLines(finding.notChecked),
    since: limitLines(finding.since),
    statements: limitLines(finding.statements),
    error: limitLines(finding.error),
  });

const limitLines = (all: readonly string[]): readonly string[] => [
  ...all.slice(0, MAX_LINES).map((line) => truncateEscaped(escapeForDisplay(line), MAX_LINE_LENGTH)),
  ...(all.length > MAX_LINES ? [`${all.length - MAX_LINES} more lines are in the full page.`] : []),
];

const omitEmptyLists = (
  lists: Readonly<Record<string, readonly string[]>>,
): Record<string, readonly string[]> =>
  Object.fromEntries(Object.entries(lists).filter(([, all]) => all.length > 0));
