/** What CloudWatch says of an alarm, and what follows from it: which errors, which window. */
import { SIGNATURES } from '../defects/signatures';

/** One metric and one alarm a signature, named alike on both sides. */
export const alarmName = (prefix: string, signature: string): string => `${prefix}-${signature}`;
export const metricNamespace = (prefix: string): string => `Trueup/${prefix}`;

export const alarmNames = (prefix: string): readonly string[] =>
  SIGNATURES.map((signature) => alarmName(prefix, signature.id));

/** Null for an alarm that is not one of these. */
export const signatureOfAlarm = (prefix: string, name: string): string | null =>
  SIGNATURES.find((signature) => alarmName(prefix, signature.id) === name)?.id ?? null;

/** One for each schema that a drift check looks after; not an error of a log, so it has no signature. */
export const workloadAlarmName = (prefix: string, schema: string): string => `${prefix}-workload-${schema}`;
export const isWorkloadAlarm = (prefix: string, name: string): boolean =>
  name.startsWith(workloadAlarmName(prefix, ''));

/** Findings of the drift check's audit that nobody was told of: one for each schema, too. */
export const findingsAlarmName = (prefix: string, schema: string): string => `${prefix}-findings-${schema}`;
export const isFindingsAlarm = (prefix: string, name: string): boolean =>
  name.startsWith(findingsAlarmName(prefix, ''));

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html */
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

/** Under whose name the alarm's metric of a drift check is; null where it does not say. */
export const functionOf = ({ alarmData: { configuration } }: AlarmEvent): string | null =>
  configuration?.metrics?.[0]?.metricStat?.metric?.dimensions?.FunctionName ?? null;

/** From the schedule. `time` is when it was due, so that neighbouring runs share no moment and leave none out. */
export interface LookAgainEvent {
  readonly action: 'look-again';
  readonly time: string;
}

export type PageEvent = AlarmEvent | LookAgainEvent;

export interface Window {
  /** Lines are read from here on, by their own time. */
  readonly fromMs: number;
  /** Lines that came in later belong to the next look. */
  readonly untilIngestedMs: number;
}

/**
 * How long after a change of state, or a scheduled moment, lines still belong to it. The metric saw them before, but a
 * search sees them some seconds later. It is also the border between a page and the next look, so that each line is
 * looked at once and no state has to be kept.
 */
export const SETTLE_MS = 10_000;
const MARGIN_MS = 60_000;
/** Where the alarm does not say what it looked at. */
const DEFAULT_SPAN_MS = 15 * 60_000;

/** @throws {Error} when the event has no time */
export function alarmWindow({ alarmData }: AlarmEvent): Window {
  const { state, configuration } = alarmData;
  const changedMs = timeOf(state.timestamp);
  if (changedMs === null) throw new Error('The alarm event does not say when the state changed.');
  const periodMs = (configuration?.metrics?.[0]?.metricStat?.period ?? 60) * 1_000;
  const seen = evaluatedTimes(state.reasonData);
  const first = seen.length > 0 ? Math.min(...seen) : changedMs - DEFAULT_SPAN_MS;
  return {
    fromMs: Math.min(first, changedMs - periodMs) - MARGIN_MS,
    untilIngestedMs: changedMs + SETTLE_MS,
  };
}

function evaluatedTimes(reasonData: string | undefined): readonly number[] {
  if (reasonData === undefined) return [];
  try {
    const data = JSON.parse(reasonData) as {
      startDate?: string;
      evaluatedDatapoints?: readonly { timestamp?: string }[];
    };
    return [data.startDate, ...(data.evaluatedDatapoints ?? []).map((each) => each.timestamp)]
      .map((text) => (text === undefined ? null : timeOf(text)))
      .filter((time) => time !== null);
  } catch {
    return [];
  }
}

/** CloudWatch writes `2026-11-21T12:36:15.490+0000`. */
function timeOf(text: string): number | null {
  const time = Date.parse(text.replace(/([+-]\d\d)(\d\d)$/, '$1:$2'));
  return Number.isNaN(time) ? null : time;
}

export interface RaisedAlarm {
  readonly name: string;
  /** When its state changed to ALARM, ms since the epoch. */
  readonly sinceMs: number;
}

export interface AlarmState extends RaisedAlarm {
  /** `OK`, `ALARM` or `INSUFFICIENT_DATA`; `sinceMs` is when it changed to this. */
  readonly state: string;
  /** The function of its metric, where that has one. */
  readonly of: string | null;
}

export interface LookAgain {
  /** Lines from here on are searched for what was there before. */
  readonly fromMs: number;
  /** And from here on for what is new: a line can come in later than the time that it bears. */
  readonly newFromMs: number;
  /** New is what first came in after this moment, and not later than `untilIngestedMs`. */
  readonly newAfterMs: number;
  readonly untilIngestedMs: number;
}

/** Null while the alarm's own page still covers everything. */
export function lookAgainWindow(alarm: RaisedAlarm, dueMs: number, intervalMs: number): LookAgain | null {
  const untilIngestedMs = dueMs - SETTLE_MS;
  const covered = alarm.sinceMs + SETTLE_MS;
  const newAfterMs = Math.max(covered, untilIngestedMs - intervalMs);
  if (newAfterMs >= untilIngestedMs) return null;
  const lateMs = DEFAULT_SPAN_MS + MARGIN_MS;
  const fromMs = Math.max(alarm.sinceMs - lateMs, newAfterMs - LONGEST_BEFORE_MS);
  return { fromMs, newFromMs: Math.max(fromMs, newAfterMs - lateMs), newAfterMs, untilIngestedMs };
}

/**
 * An alarm may stay up for days, and what cannot be read in one go hides what is new. Who was quiet for this long and comes
 * back is paged again.
 */
const LONGEST_BEFORE_MS = 6 * 60 * 60_000;

/** @throws {Error} when the schedule did not say when it was due */
export function dueTime({ time }: LookAgainEvent): number {
  const due = timeOf(time);
  if (due === null) throw new Error('The schedule does not say when it was due.');
  return due;
}
