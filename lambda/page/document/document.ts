/**
 * The page as data. The text, the chat message, PagerDuty's events and the webhook's body are all built from it. It
 * contains no row data, since none of its sources do, and special characters in names are escaped (`harmless`).
 */
import { createHash } from 'node:crypto';

export interface PageAlarm {
  readonly name: string;
  readonly region: string;
  readonly account: string;
}

export type Severity = 'critical' | 'error' | 'warning' | 'info';

/**
 * One problem, current or resolved. The lists are sentences and lines of SQL, as the text shows them next to their
 * labels.
 */
export interface PageFinding {
  /** Identifies an incident. It is the same in the first page, in each repetition and in the resolved page. */
  readonly dedupKey: string;
  /** The signature that the alarm counts, e.g. `not-null`, or `workload` for a statement that no longer plans. */
  readonly errorPattern: string;
  /** Id of the check, or null if the diagnosis names none. */
  readonly checkId: string | null;
  readonly title: string;
  /** Empty if the database is unknown. */
  readonly database: string;
  /** Name of the object, e.g. `public.orders.id`. */
  readonly object: string;
  readonly severity: Severity;
  /** Whether `trueup alarm-test` raised the error. */
  readonly test: boolean;
  /** Number of errors, which is a lower bound if the document is not `complete`. Null if errors were not counted. */
  readonly count: number | null;
  /** ISO times of the first and the last error. */
  readonly first: string | null;
  readonly last: string | null;
  readonly impact: readonly string[];
  readonly now: readonly string[];
  /** The remedy. SQL is indented by four spaces. */
  readonly remedy: readonly string[];
  readonly check: readonly string[];
  readonly why: readonly string[];
  readonly notChecked: readonly string[];
  readonly since: readonly string[];
  readonly statements: readonly string[];
  readonly error: readonly string[];
}

export interface PageLink {
  readonly label: 'Runbook' | 'Log lines';
  readonly url: string;
}

export interface PageDocument {
  readonly version: 1;
  /** Identifies a page. It is the same each time the page is sent. */
  readonly id: string;
  /** `resolve` ends what an earlier page with the same `dedupKey` began. */
  readonly action: 'trigger' | 'resolve';
  /** Time of the page in ISO format. */
  readonly at: string;
  /** The alarm, or null for `trueup explain`, which has none. */
  readonly alarm: PageAlarm | null;
  /** Whether the alarm was already in ALARM and had been paged when this appeared. */
  readonly followUp: boolean;
  /** False if every count is a lower bound. */
  readonly complete: boolean;
  /** At most 100 ASCII characters, the limit of SNS. */
  readonly subject: string;
  /** Text that replaces the findings if there are none. */
  readonly fallback: readonly string[];
  readonly findings: readonly PageFinding[];
  /** Errors that are named but not described. */
  readonly additionalFindings: readonly string[];
  readonly counts: readonly string[];
  readonly links: readonly PageLink[];
  /** The event that ends the alarm. Empty if there is no alarm. */
  readonly resolvesWhen: string;
  readonly notes: readonly string[];
}

/** Returns the key of an incident. It is a hash, because PagerDuty accepts 255 characters and names can be longer. */
export const buildDedupKey = (alarm: PageAlarm | null, about: string): string =>
  `trueup:${hashParts([alarm?.account, alarm?.region, alarm?.name, about])}`;

/** Returns the key of a page without findings, which concerns the alarm itself. */
export const buildAlarmKey = (alarm: PageAlarm | null): string => buildDedupKey(alarm, '');

export const hashParts = (parts: readonly unknown[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex');

/**
 * Builds a subject of 100 ASCII characters, the limit of SNS. The object comes before the title, since the end may be
 * cut.
 */
export function buildSubject(lead: string, text: string, further: string): string {
  const room = 100 - lead.length - further.length;
  const ascii = text.replace(/[^\x20-\x7e]/g, '?');
  return `${lead}${ascii.length <= room ? ascii : `${ascii.slice(0, room - 3)}...`}${further}`;
}

/** Maximum size in bytes. SNS, the queue behind it and a log line all accept 256 KB. */
const MAX_DOCUMENT_BYTES = 200_000;
const MAX_NAMED_FINDINGS = 200;

/** Shortens a document that is too long for a queue or a log line. The text of the page has all of it. */
export function limitDocument(document: PageDocument): PageDocument {
  const { findings } = document;
  const unnamed = document.additionalFindings.length - MAX_NAMED_FINDINGS;
  const also =
    unnamed > 0
      ? [
          ...document.additionalFindings.slice(0, MAX_NAMED_FINDINGS),
          `${unnamed} more: the text of the page names them.`,
        ]
      : document.additionalFindings;
  for (let whole = findings.length; ; whole--) {
    const some = findings.map((each, i) => (i < whole ? each : removeDetails(each)));
    const limited = { ...document, additionalFindings: also, findings: some };
    if (Buffer.byteLength(JSON.stringify(limited)) <= MAX_DOCUMENT_BYTES || whole === 0) return limited;
  }
}

const removeDetails = (finding: PageFinding): PageFinding => ({
  ...finding,
  remedy: ['The text of the page says what to do: this message had no room for it.'],
  check: [],
  why: [],
  notChecked: [],
  since: [],
  statements: [],
  error: [],
});
