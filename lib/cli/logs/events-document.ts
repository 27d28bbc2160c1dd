/**
 * Log events in a JSON document: the answers of `aws logs filter-log-events`, `get-log-events` and `get-query-results`,
 * what `--query` makes of them, and the console's exports.
 */
import type { LogEvent } from '../../../lambda/page/logs/error-reader';

export function eventsInDocument(document: unknown): readonly LogEvent[] {
  if (typeof document === 'string') return [{ message: document }];
  if (Array.isArray(document)) {
    const row = insightsRow(document);
    return row === null ? document.flatMap(eventsInDocument) : eventsInDocument(row);
  }
  if (typeof document !== 'object' || document === null) return [];
  const fields = document as Record<string, unknown>;
  const message = fields.message ?? fields['@message'];
  if (typeof message !== 'string') {
    // An answer holds its events in a list; what else is in it is no event.
    return Object.values(fields).flatMap((each) => (Array.isArray(each) ? listed(each) : []));
  }
  const timestampMs = timeOf(fields.timestamp ?? fields['@timestamp']);
  const stream = fields.logStreamName ?? fields['@logStream'];
  return [
    {
      message,
      ...(timestampMs === null ? {} : { timestampMs }),
      ...(typeof stream === 'string' ? { stream } : {}),
    },
  ];
}

/** Not strings: in an answer they are names and tokens. */
const listed = (list: readonly unknown[]): readonly LogEvent[] =>
  list.filter((each) => typeof each === 'object').flatMap(eventsInDocument);

/** `[{ field: '@message', value: '…' }, …]` */
function insightsRow(list: readonly unknown[]): Record<string, unknown> | null {
  const pairs = list.map((each) => each as { readonly field?: unknown; readonly value?: unknown } | null);
  if (list.length === 0 || !pairs.every((pair) => typeof pair?.field === 'string')) return null;
  return Object.fromEntries(pairs.map((pair) => [pair!.field as string, pair!.value]));
}

/** Milliseconds, or what Logs Insights writes: `2026-11-21 09:01:22.316`, in UTC. */
function timeOf(value: unknown): number | null {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string') return null;
  const ms = /^\d{12,}$/.test(value)
    ? Number(value)
    : Date.parse(`${value.replace(' ', 'T').replace(/Z$/, '')}Z`);
  return Number.isNaN(ms) ? null : ms;
}
