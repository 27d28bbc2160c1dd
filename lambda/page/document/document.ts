/**
 * The page as data: the text, the chat's message, PagerDuty's events and the webhook's body are all made from this. No row
 * data, since nothing that it is made from has any; names are shown as what they are (`harmless`).
 */
import { createHash } from 'node:crypto';

export interface PageAlarm {
  readonly name: string;
  readonly region: string;
  readonly account: string;
}

export type Severity = 'critical' | 'error' | 'warning' | 'info';

/** One thing that is wrong, or was. The lists are sentences and lines of SQL, as the text shows them beside their labels. */
export interface PageFinding {
  /** Equal for what one incident is: of the page that begins it, of each that repeats it, and of the one that ends it. */
  readonly dedupKey: string;
  /** What the alarm counts, e.g. `not-null`; `workload` for a statement that no longer plans. */
  readonly signature: string;
  /** Id of the defect; null where the catalogue has not named one. */
  readonly kind: string | null;
  readonly title: string;
  /** Empty where it is not known. */
  readonly database: string;
  /** E.g. `public.orders.id`. */
  readonly object: string;
  readonly severity: Severity;
  /** `trueup alarm-test` raised it. */
  readonly test: boolean;
  /** Errors, at least where the document is not `complete`; null where no error was counted. */
  readonly count: number | null;
  /** ISO times of the first and the last error. */
  readonly first: string | null;
  readonly last: string | null;
  readonly impact: readonly string[];
  readonly now: readonly string[];
  /** SQL is indented by four blanks. */
  readonly doNow: readonly string[];
  readonly check: readonly string[];
  readonly why: readonly string[];
  readonly unseen: readonly string[];
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
  /** Equal for one page, however often it is sent. */
  readonly id: string;
  /** `resolve` ends what an earlier page with the same `dedupKey` began. */
  readonly action: 'trigger' | 'resolve';
  /** ISO time. */
  readonly at: string;
  /** Null for `trueup explain`, which has no alarm. */
  readonly alarm: PageAlarm | null;
  /** The alarm was up already, and has been paged: this appeared since. */
  readonly followUp: boolean;
  /** False: every count is a lower bound. */
  readonly complete: boolean;
  /** At most 100 ASCII characters, as SNS wants it. */
  readonly subject: string;
  /** In place of findings, where there are none. */
  readonly instead: readonly string[];
  readonly findings: readonly PageFinding[];
  /** Named, not described. */
  readonly also: readonly string[];
  readonly counts: readonly string[];
  readonly links: readonly PageLink[];
  /** What ends the alarm; empty where there is none. */
  readonly until: string;
  readonly notes: readonly string[];
}

/** PagerDuty takes 255 characters, and names alone may be longer. */
export const dedupKeyOf = (alarm: PageAlarm | null, about: string): string =>
  `trueup:${hashOf([alarm?.account, alarm?.region, alarm?.name, about])}`;

/** A page without findings is about its alarm. */
export const alarmKeyOf = (alarm: PageAlarm | null): string => dedupKeyOf(alarm, '');

export const hashOf = (parts: readonly unknown[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex');

/** SNS takes 100 ASCII characters. What it is about comes before what it is called: the end may be cut. */
export function subjectWith(lead: string, text: string, further: string): string {
  const room = 100 - lead.length - further.length;
  const ascii = text.replace(/[^\x20-\x7e]/g, '?');
  return `${lead}${ascii.length <= room ? ascii : `${ascii.slice(0, room - 3)}...`}${further}`;
}
