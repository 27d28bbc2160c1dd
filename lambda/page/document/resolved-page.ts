/** Builds the document of a resolved page. Pure. */
import { findDefectKind } from '../../defects';
import { findSignature } from '../../defects/signatures';
import { formatClockTime, formatDuration } from '../logs/moments';
import type { OpenPage } from '../page-records';
import { buildSubject, hashParts, type PageAlarm, type PageDocument, type PageFinding } from './document';
import { escapeForDisplay } from './escape-text';
import { WORKLOAD_TITLE } from './workload-page';

/** An open page whose end was confirmed. */
export interface ResolvedPage {
  readonly page: OpenPage;
  readonly signature: string;
  readonly test: boolean;
  /** Time of the first error in milliseconds since the epoch, or null if there was none. */
  readonly firstMs: number | null;
  /** The current diagnosis from the catalog. */
  readonly seen: readonly string[];
}

export interface ResolvedPageContent {
  readonly alarm: PageAlarm;
  readonly over: readonly ResolvedPage[];
  /** When the alarm returned to OK. */
  readonly okSinceMs: number;
  readonly nowMs: number;
}

export function buildResolvedDocument({ alarm, over, okSinceMs, nowMs }: ResolvedPageContent): PageDocument {
  const findings = over.map((each) => toResolvedFinding(each, okSinceMs, nowMs));
  const [first] = findings;
  const further = findings.length > 1 ? ` +${findings.length - 1} more` : '';
  const where = first?.database ? `${first.database}: ` : '';
  return {
    version: 1,
    id: hashParts(['resolve', alarm, findings.map(({ dedupKey }) => dedupKey), okSinceMs]),
    action: 'resolve',
    at: toIsoTime(nowMs),
    alarm,
    followUp: false,
    complete: true,
    subject: buildSubject(
      `[Trueup${first?.test ? ' test' : ''}] resolved: `,
      `${where}${first?.object} - ${first?.title}`,
      further,
    ),
    fallback: [],
    findings,
    additionalFindings: [],
    counts: [],
    links: [],
    resolvesWhen: '',
    notes: [],
  };
}

function toResolvedFinding(
  { page, signature, test, firstMs, seen }: ResolvedPage,
  okSinceMs: number,
  nowMs: number,
): PageFinding {
  const { dedupKey, checkId: kind, database, object, pagedMs } = page;
  const beganMs = firstMs ?? pagedMs;
  const began = `${firstMs === null ? 'the page was sent' : 'the first error was'} at ${formatClockTime(toIsoTime(beganMs), null)}`;
  return {
    dedupKey,
    errorPattern: signature,
    checkId: kind,
    title:
      (kind === null ? null : findDefectKind(kind)?.title) ??
      findSignature(signature)?.title ??
      WORKLOAD_TITLE,
    database,
    object,
    severity: 'info',
    test,
    count: null,
    first: firstMs === null ? null : toIsoTime(firstMs),
    last: null,
    impact: [],
    now: [
      `resolved after ${formatDuration(nowMs - beganMs)}: ${began}, and the alarm is OK since ${formatClockTime(toIsoTime(okSinceMs), null)}.`,
    ],
    remedy: [],
    check: [],
    why: seen.map(escapeForDisplay),
    notChecked: [],
    since: [],
    statements: [],
    error: [],
  };
}

const toIsoTime = (timeMs: number): string => new Date(timeMs).toISOString();
