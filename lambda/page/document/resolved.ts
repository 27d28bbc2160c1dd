/** The end of pages: the document that says so. Pure. */
import { kindOf } from '../../defects';
import { signatureOf } from '../../defects/signatures';
import { clock, duration } from '../logs/moments';
import type { OpenPage } from '../paged';
import { hashOf, type PageAlarm, type PageDocument, type PageFinding, subjectWith } from './document';
import { harmless } from './harmless';
import { TITLE } from './workload-page';

/** An open page whose end was seen. */
export interface Over {
  readonly page: OpenPage;
  readonly signature: string;
  readonly test: boolean;
  /** The first error, ms since the epoch; null where there was none. */
  readonly firstMs: number | null;
  /** What the catalogue says now. */
  readonly seen: readonly string[];
}

export interface Resolved {
  readonly alarm: PageAlarm;
  readonly over: readonly Over[];
  /** When the alarm returned to OK. */
  readonly okSinceMs: number;
  readonly nowMs: number;
}

export function resolvedDocument({ alarm, over, okSinceMs, nowMs }: Resolved): PageDocument {
  const findings = over.map((each) => endOf(each, okSinceMs, nowMs));
  const [first] = findings;
  const further = findings.length > 1 ? ` +${findings.length - 1} more` : '';
  const where = first?.database ? `${first.database}: ` : '';
  return {
    version: 1,
    id: hashOf(['resolve', alarm, findings.map(({ dedupKey }) => dedupKey), nowMs]),
    action: 'resolve',
    at: iso(nowMs),
    alarm,
    followUp: false,
    complete: true,
    subject: subjectWith(
      `[Trueup${first?.test ? ' test' : ''}] resolved: `,
      `${where}${first?.object} - ${first?.title}`,
      further,
    ),
    instead: [],
    findings,
    also: [],
    counts: [],
    links: [],
    until: '',
    notes: [],
  };
}

function endOf(
  { page, signature, test, firstMs, seen }: Over,
  okSinceMs: number,
  nowMs: number,
): PageFinding {
  const { dedupKey, kind, database, object, pagedMs } = page;
  const beganMs = firstMs ?? pagedMs;
  const began = `${firstMs === null ? 'the page was sent' : 'the first error was'} at ${clock(iso(beganMs), null)}`;
  return {
    dedupKey,
    signature,
    kind,
    title: (kind === null ? null : kindOf(kind)?.title) ?? signatureOf(signature)?.title ?? TITLE,
    database,
    object,
    severity: 'info',
    test,
    count: null,
    first: firstMs === null ? null : iso(firstMs),
    last: null,
    impact: [],
    now: [
      `resolved after ${duration(nowMs - beganMs)}: ${began}, and the alarm is OK since ${clock(iso(okSinceMs), null)}.`,
    ],
    doNow: [],
    check: [],
    why: seen.map(harmless),
    unseen: [],
    since: [],
    statements: [],
    error: [],
  };
}

const iso = (timeMs: number): string => new Date(timeMs).toISOString();
