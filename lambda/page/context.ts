/** What the pager works with: its settings, the way out, and how long it may take. */
import type { PageAlarm } from './document/document';
import type { Outbound } from './outbound';
import type { PageSettings } from './settings';

/** Milliseconds, unless the name says otherwise; shortened in tests. */
export interface PageTiming {
  /** Lines that the metric has counted are searched for this long. */
  readonly linesWaitMs: number;
  readonly linesRetryMs: number;
  /** For one reading of a window. */
  readonly readMs: number;
  readonly readEvents: number;
  readonly diagnosisMs: number;
}

export const TIMING: PageTiming = {
  linesWaitMs: 30_000,
  linesRetryMs: 5_000,
  readMs: 45_000,
  readEvents: 250_000,
  diagnosisMs: 25_000,
};

export interface PageContext {
  readonly settings: PageSettings;
  readonly out: Outbound;
  readonly region: string;
  readonly timing?: PageTiming;
}

/** The topic is in the account of the alarms. */
export const pageAlarm = (name: string, { settings, region }: PageContext): PageAlarm => ({
  name,
  region,
  account: settings.topicArn.split(':')[4] ?? '',
});
