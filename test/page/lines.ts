/** Log lines as they are written, and what is counted of them. */
import { ErrorCollection, type ErrorGroup } from '../../lambda/page/logs/collect';
import { ErrorReader, type LogEvent } from '../../lambda/page/logs/error-reader';
import { readEventsOfFile } from '../../lambda/page/logs/log-lines';

/** Stands for row data: it may come out nowhere. */
export const ROWS = 'CANARY';

export function collect(events: Iterable<LogEvent | string>): {
  groups: readonly ErrorGroup[];
  collection: ErrorCollection;
} {
  const collection = new ErrorCollection();
  const reader = new ErrorReader(collection);
  for (const event of events) reader.push(typeof event === 'string' ? { message: event } : event);
  reader.end();
  return { groups: collection.result(), collection };
}

/** As CloudWatch would have them. */
export async function eventsOf(lines: readonly string[]): Promise<string[]> {
  const events: string[] = [];
  for await (const event of readEventsOfFile(lines)) events.push(event);
  return events;
}

export const collectLines = async (lines: readonly string[]): Promise<readonly ErrorGroup[]> =>
  collect(await eventsOf(lines)).groups;

export const at = (pid: number, text: string): string =>
  `2026-11-21 08:59:29 UTC:10.0.0.1(42):app@shop:[${pid}]:${text}`;
export const notNull = (table: string, column = 'id'): string =>
  `ERROR:  null value in column "${column}" of relation "${table}" violates not-null constraint`;
export const CONFLICT =
  'ERROR:  there is no unique or exclusion constraint matching the ON CONFLICT specification';
export const ABORTED =
  'ERROR:  current transaction is aborted, commands ignored until end of transaction block';
