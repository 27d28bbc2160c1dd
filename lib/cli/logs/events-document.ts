/**
 * Extracts log events from a JSON document: the output of `aws logs filter-log-events`, `get-log-events` and
 * `get-query-results`, what `--query` makes of it, and exports of the console.
 */
import type { LogEvent } from '../../../lambda/page/logs/error-reader';

export function readDocumentEvents(document: unknown): readonly LogEvent[] {
  if (typeof document === 'string') return [{ message: document }];
  if (Array.isArray(document)) {
    const row = readInsightsRow(document);
    return row === null ? document.flatMap(readDocumentEvents) : readDocumentEvents(row);
  }
  if (typeof document !== 'object' || document === null) return [];
  const fields = document as Record<string, unknown>;
  const message = fields.message ?? fields['@message'];
  if (typeof message !== 'string') {
    // A response holds its events in a list; its other fields are no events.
    return Object.values(fields).flatMap((each) => (Array.isArray(each) ? listEvents(each) : []));
  }
  const timestampMs = parseTimeMs(fields.timestamp ?? fields['@timestamp']);
  const stream = fields.logStreamName ?? fields['@logStream'];
  return [
    {
      message,
      ...(timestampMs === null ? {} : { timestampMs }),
      ...(typeof stream === 'string' ? { stream } : {}),
    },
  ];
}

/** Skips strings, which in a response are names and tokens. */
const listEvents = (list: readonly unknown[]): readonly LogEvent[] =>
  list.filter((each) => typeof each === 'object').flatMap(readDocumentEvents);

/** Converts a row `[{ field: '@message', value: '…' }, …]` of Logs Insights; `null` if it is something else. */
function readInsightsRow(list: readonly unknown[]): Record<string, unknown> | null {
  const pairs = list.map((each) => each as { readonly field?: unknown; readonly value?: unknown } | null);
  if (list.length === 0 || !pairs.every((pair) => typeof pair?.field === 'string')) return null;
  return Object.fromEntries(pairs.map((pair) => [pair!.field as string, pair!.value]));
}

/** Reads a time in milliseconds, or in the form of Logs Insights: `2026-11-21 09:01:22.316` (UTC). */
function parseTimeMs(value: unknown): number | null {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string') return null;
  const ms = /^\d{12,}$/.test(value)
    ? Number(value)
    : Date.parse(`${value.replace(' ', 'T').replace(/Z$/, '')}Z`);
  return Number.isNaN(ms) ? null : ms;
}
