/** The pager's context: its settings, its outgoing calls and its time limits. */
import type { PageAlarm } from './document/document';
import type { PageOutbound } from './page-outbound';
import type { PageSettings } from './page-settings';

/** Time limits, in milliseconds unless the name says otherwise. Tests shorten them. */
export interface PageTiming {
  /** How long to search for lines that the metric has counted. */
  readonly linesWaitMs: number;
  readonly linesRetryMs: number;
  /** Time limit for reading a window once. */
  readonly readMs: number;
  readonly readEvents: number;
  readonly diagnosisMs: number;
  /** Time limit for all questions about errors that are usually harmless. */
  readonly allDiagnosesMs: number;
  /** How long to wait until the pager's own log shows that a page has ended. */
  readonly overWaitMs: number;
  readonly overRetryMs: number;
}

export const DEFAULT_TIMING: PageTiming = {
  linesWaitMs: 30_000,
  linesRetryMs: 5_000,
  readMs: 45_000,
  readEvents: 250_000,
  diagnosisMs: 25_000,
  allDiagnosesMs: 75_000,
  overWaitMs: 30_000,
  overRetryMs: 2_000,
};

export interface PageContext {
  readonly settings: PageSettings;
  readonly out: PageOutbound;
  readonly region: string;
  readonly timing?: PageTiming;
}

/** Describes the alarm. Its account is that of the topic. */
export const buildPageAlarm = (name: string, { settings, region }: PageContext): PageAlarm => ({
  name,
  region,
  account: settings.topicArn.split(':')[4] ?? '',
});
