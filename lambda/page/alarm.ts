/** Reads CloudWatch alarm events, and derives which errors to search for and in which time window. */
import { SIGNATURES } from '../defects/signatures';

/** Returns the name shared by a signature's metric and alarm. */
export const buildAlarmName = (prefix: string, signature: string): string => `${prefix}-${signature}`;
export const buildMetricNamespace = (prefix: string): string => `Trueup/${prefix}`;

export const listAlarmNames = (prefix: string): readonly string[] =>
  SIGNATURES.map((signature) => buildAlarmName(prefix, signature.id));

/** Returns the signature of an alarm, or null if the alarm is not for a signature. */
export const parseAlarmSignature = (prefix: string, name: string): string | null =>
  SIGNATURES.find((signature) => buildAlarmName(prefix, signature.id) === name)?.id ?? null;

/**
 * Returns the name of a workload alarm. There is one per schema with a drift check; it does not count errors in a log,
 * so it has no signature.
 */
export const buildWorkloadAlarmName = (prefix: string, schema: string): string =>
  `${prefix}-workload-${schema}`;
export const isWorkloadAlarm = (prefix: string, name: string): boolean =>
  name.startsWith(buildWorkloadAlarmName(prefix, ''));

/** Returns the name of an alarm on unpaged audit findings of the drift check. There is one per schema. */
export const buildFindingsAlarmName = (prefix: string, schema: string): string =>
  `${prefix}-findings-${schema}`;
export const isFindingsAlarm = (prefix: string, name: string): boolean =>
  name.startsWith(buildFindingsAlarmName(prefix, ''));

/**
 * The alarm event that CloudWatch sends to a function
 * (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html).
 */
export interface AlarmEvent {
  readonly source: 'aws.cloudwatch';
  readonly alarmArn: string;
  readonly accountId: string;
  readonly region: string;
  readonly alarmData: {
    readonly alarmName: string;
    readonly state: {
      readonly value: string;
      readonly reason?: string;
      readonly reasonData?: string;
      readonly timestamp: string;
    };
    readonly configuration?: {
      readonly metrics?: readonly {
        readonly metricStat?: {
          readonly period?: number;
          readonly metric?: { readonly dimensions?: Readonly<Record<string, string>> };
        };
      }[];
    };
  };
}

/** Returns the function name in the dimensions of the alarm's metric, or null if it has none. */
export const findFunctionName = ({ alarmData: { configuration } }: AlarmEvent): string | null =>
  configuration?.metrics?.[0]?.metricStat?.metric?.dimensions?.FunctionName ?? null;

/**
 * The event of the schedule. `time` is when the run was due, so the windows of consecutive runs neither overlap nor
 * leave gaps.
 */
export interface RescanEvent {
  readonly action: 'look-again';
  readonly time: string;
}

export type PageEvent = AlarmEvent | RescanEvent;

export interface LogWindow {
  /** Start of the window, by the time in the lines. */
  readonly fromMs: number;
  /** End of the window, by ingestion time. Lines ingested later belong to the next follow-up check. */
  readonly untilIngestedMs: number;
}

/**
 * How long after a state change or a scheduled time lines still belong to it. A search finds lines some seconds after
 * the metric has counted them. This is also the border between a page and the next follow-up check, so each line is
 * processed once and no state has to be kept.
 */
export const SETTLE_MS = 10_000;
const MARGIN_MS = 60_000;
/** Used if the alarm does not report the period it evaluated. */
const DEFAULT_SPAN_MS = 15 * 60_000;

/** Returns the window of the lines that raised the alarm. @throws {Error} if the event has no time */
export function computeAlarmWindow({ alarmData }: AlarmEvent): LogWindow {
  const { state, configuration } = alarmData;
  const changedMs = parseTime(state.timestamp);
  if (changedMs === null) throw new Error('The alarm event does not say when the state changed.');
  const periodMs = (configuration?.metrics?.[0]?.metricStat?.period ?? 60) * 1_000;
  const seen = parseEvaluatedTimes(state.reasonData);
  const first = seen.length > 0 ? Math.min(...seen) : changedMs - DEFAULT_SPAN_MS;
  return {
    fromMs: Math.min(first, changedMs - periodMs) - MARGIN_MS,
    untilIngestedMs: changedMs + SETTLE_MS,
  };
}

function parseEvaluatedTimes(reasonData: string | undefined): readonly number[] {
  if (reasonData === undefined) return [];
  try {
    const data = JSON.parse(reasonData) as {
      startDate?: string;
      evaluatedDatapoints?: readonly { timestamp?: string }[];
    };
    return [data.startDate, ...(data.evaluatedDatapoints ?? []).map((each) => each.timestamp)]
      .map((text) => (text === undefined ? null : parseTime(text)))
      .filter((time) => time !== null);
  } catch {
    return [];
  }
}

/** Parses CloudWatch's time format, e.g. `2026-11-21T12:36:15.490+0000`. */
function parseTime(text: string): number | null {
  const time = Date.parse(text.replace(/([+-]\d\d)(\d\d)$/, '$1:$2'));
  return Number.isNaN(time) ? null : time;
}

export interface RaisedAlarm {
  readonly name: string;
  /** Time of the change to ALARM, in milliseconds since the epoch. */
  readonly sinceMs: number;
}

export interface AlarmState extends RaisedAlarm {
  /** `OK`, `ALARM` or `INSUFFICIENT_DATA`. `sinceMs` is the time of the change to this state. */
  readonly state: string;
  /** The function in the dimensions of the alarm's metric, or null if it has none. */
  readonly of: string | null;
}

export interface RescanWindow {
  /** Start of the lines that show which errors are already known. */
  readonly fromMs: number;
  /**
   * Start of the lines that may be new. It is before `newAfterMs`, because a line can be ingested later than its own
   * time.
   */
  readonly newFromMs: number;
  /** A line is new if it was ingested after this time and not after `untilIngestedMs`. */
  readonly newAfterMs: number;
  readonly untilIngestedMs: number;
  /** False while the alarm's own page may still be in progress. The lines that it covers are then left to it. */
  readonly isSettled: boolean;
}

/** The pager's timeout, plus some time for its log to become searchable. */
const PAGE_UNDER_WAY_MS = 6 * 60_000;

/**
 * Returns the window of a follow-up check, or null while the alarm's own page still covers everything.
 * @param history what was paged since the alarm was raised, or null if that is unknown. Lines are new from the point up
 * to which all recipients were notified: a failed check or an unsent page leaves its lines to the next check.
 */
export function computeRescanWindow(
  alarm: RaisedAlarm,
  dueMs: number,
  intervalMs: number,
  history: { readonly isPaged: boolean; readonly doneUntilMs: number | null } | null = null,
): RescanWindow | null {
  const untilIngestedMs = dueMs - SETTLE_MS;
  const covered = alarm.sinceMs + SETTLE_MS;
  const lateMs = DEFAULT_SPAN_MS + MARGIN_MS;
  const isSettled = history?.isPaged === true || dueMs - alarm.sinceMs > PAGE_UNDER_WAY_MS;
  const newAfterMs =
    history === null
      ? Math.max(covered, untilIngestedMs - intervalMs)
      : isSettled
        ? Math.max(history.doneUntilMs ?? alarm.sinceMs - lateMs, untilIngestedMs - MAX_LOOKBACK_MS)
        : covered;
  if (newAfterMs >= untilIngestedMs) return null;
  const fromMs = Math.max(alarm.sinceMs - lateMs, newAfterMs - MAX_LOOKBACK_MS);
  return { fromMs, newFromMs: Math.max(fromMs, newAfterMs - lateMs), newAfterMs, untilIngestedMs, isSettled };
}

/**
 * Maximum span that is searched for known errors. An alarm may stay in ALARM for days, and a window that is too long to
 * read would hide new errors. An error that reappears after this much time without occurrences is paged again.
 */
const MAX_LOOKBACK_MS = 6 * 60 * 60_000;

/** Returns the time at which the run was due. @throws {Error} if the event has no time */
export function readDueTime({ time }: RescanEvent): number {
  const due = parseTime(time);
  if (due === null) throw new Error('The schedule does not say when it was due.');
  return due;
}
