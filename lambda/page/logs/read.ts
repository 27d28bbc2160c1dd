/** Reads the errors of a window out of the log groups, as a stream. */
import { signatureOf } from '../../defects/signatures';
import type { Outbound } from '../outbound';
import type { PageSettings, WatchedLogGroup } from '../settings';
import { readApplicationEvent } from './application-lines';
import { ErrorCollection, type ErrorGroup } from './collect';
import { ErrorReader, type LogEvent, type ReadError } from './error-reader';

export interface ReadRequest {
  readonly signature: string;
  readonly fromMs: number;
  /** Lines that came in after this moment are left out. */
  readonly untilIngestedMs: number;
  /** And those that came in up to this one. @default - none are */
  readonly afterIngestedMs?: number;
  /** Ends the reading before the last line when it answers true. @default - never */
  readonly enough?: (collection: ErrorCollection) => boolean;
}

export interface Read {
  readonly groups: readonly ErrorGroup[];
  /** Errors that are in none of the groups. */
  readonly overflow: number;
  /** False when there were more lines than could be read: every count is a lower bound. */
  readonly complete: boolean;
}

/** What a page needs of a database's log. DETAIL, which holds rows, does not even leave CloudWatch. */
const LINES = '?"ERROR:  " ?"STATEMENT:  " ?"CONTEXT:  " ?"QUERY:  "';

export interface ReadLimits {
  readonly events: number;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
}

export async function readErrors(
  out: Pick<Outbound, 'searchLogs'>,
  settings: Pick<PageSettings, 'logGroups' | 'ignore' | 'exceptRoles'>,
  request: ReadRequest,
  limits: ReadLimits,
): Promise<Read> {
  const collection = new ErrorCollection((error) => wanted(error, settings, request));
  let left = limits.events;
  let complete = true;
  for (const group of settings.logGroups) {
    const push = readerOf(group, settings, collection);
    const search = {
      logGroup: group.name,
      fromMs: request.fromMs,
      toMs: request.untilIngestedMs,
      pattern: searchPattern(group, request.signature),
    };
    for await (const page of out.searchLogs(search)) {
      for (const event of page) push.event(event);
      left -= page.length;
      if (request.enough?.(collection)) break;
      if (left <= 0 || Date.now() >= limits.deadline) {
        complete = false;
        break;
      }
    }
    push.end();
  }
  return { groups: collection.result(), overflow: collection.overflow, complete };
}

function wanted(
  error: ReadError,
  { exceptRoles }: Pick<PageSettings, 'exceptRoles'>,
  { signature, untilIngestedMs, afterIngestedMs }: ReadRequest,
): boolean {
  return (
    error.signature === signature &&
    error.ingestedMs <= untilIngestedMs &&
    (afterIngestedMs === undefined || error.ingestedMs > afterIngestedMs) &&
    !exceptRoles.includes(error.user)
  );
}

/** An application's lines are searched for the words themselves: it may log a lot, and each of its errors is one event. */
export function searchPattern({ lines }: Pick<WatchedLogGroup, 'lines'>, signature: string): string {
  if (lines.format === 'postgresql') return LINES;
  const messages = signatureOf(signature)?.messages ?? [];
  return messages.map(({ begins }) => `?"${begins}"`).join(' ');
}

function readerOf(
  { lines }: WatchedLogGroup,
  { ignore }: Pick<PageSettings, 'ignore'>,
  collection: ErrorCollection,
): { event(event: LogEvent): void; end(): void } {
  const ignored = (text: string): boolean => ignore.some((phrase) => text.includes(phrase));
  if (lines.format === 'postgresql') {
    const reader = new ErrorReader(collection, ignored);
    return { event: (event) => reader.push(event), end: () => reader.end() };
  }
  return {
    event(event) {
      const error = ignored(event.message) ? null : readApplicationEvent(event, lines);
      if (error !== null) collection.error(error);
    },
    end() {},
  };
}
