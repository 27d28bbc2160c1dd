/** Streams the errors of a time window from the log groups. */
import { findSignature } from '../../defects/signatures';
import type { PageOutbound } from '../page-outbound';
import type { PageSettings, WatchedLogGroup } from '../page-settings';
import { readApplicationEvent } from './application-lines';
import { ErrorCollection, type ErrorGroup } from './collect';
import { ErrorReader, type LogEvent, type ReadError } from './error-reader';

export interface ReadRequest {
  readonly signature: string;
  readonly fromMs: number;
  /** Excludes lines that were ingested after this time. */
  readonly untilIngestedMs: number;
  /** Excludes lines that were ingested up to this time. @default - none */
  readonly afterIngestedMs?: number;
  /** Stops reading early if it returns true. @default - never */
  readonly enough?: (collection: ErrorCollection) => boolean;
}

export interface ReadResult {
  readonly groups: readonly ErrorGroup[];
  /** Number of errors that are in none of the groups. */
  readonly overflow: number;
  /** False if there were more lines than could be read, so that every count is a lower bound. */
  readonly complete: boolean;
}

/**
 * Filter pattern for the lines of a database's log that a page needs. DETAIL, which contains row data, never leaves
 * CloudWatch.
 */
const DATABASE_LOG_PATTERN = '?"ERROR:  " ?"STATEMENT:  " ?"CONTEXT:  " ?"QUERY:  "';

export interface ReadLimits {
  readonly events: number;
  /** Time at which reading stops, in milliseconds since the epoch. */
  readonly deadline: number;
}

export async function readErrors(
  out: Pick<PageOutbound, 'searchLogs'>,
  settings: Pick<PageSettings, 'logGroups' | 'ignore' | 'excludedRoles'>,
  request: ReadRequest,
  limits: ReadLimits,
): Promise<ReadResult> {
  const collection = new ErrorCollection((error) => isWanted(error, settings, request));
  let left = limits.events;
  let complete = true;
  for (const group of settings.logGroups) {
    const push = makeLineReader(group, settings, collection);
    const search = {
      logGroup: group.name,
      fromMs: request.fromMs,
      toMs: request.untilIngestedMs,
      pattern: buildSearchPattern(group, request.signature),
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

function isWanted(
  error: ReadError,
  { excludedRoles }: Pick<PageSettings, 'excludedRoles'>,
  { signature, untilIngestedMs, afterIngestedMs }: ReadRequest,
): boolean {
  return (
    error.signature === signature &&
    error.ingestedMs <= untilIngestedMs &&
    (afterIngestedMs === undefined || error.ingestedMs > afterIngestedMs) &&
    !excludedRoles.includes(error.user)
  );
}

/**
 * Returns the filter pattern. An application's log is searched for the messages themselves, because it may be large and
 * each error is a single event.
 */
export function buildSearchPattern({ lines }: Pick<WatchedLogGroup, 'lines'>, signature: string): string {
  if (lines.format === 'postgresql') return DATABASE_LOG_PATTERN;
  const messages = findSignature(signature)?.messages ?? [];
  return messages.map(({ begins }) => `?"${begins}"`).join(' ');
}

function makeLineReader(
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
