/**
 * What has been paged and not resolved: read from the pager's own log, which is the one place where it is kept. Its lines
 * hold keys, times and names of objects.
 */
import { log } from '../log';
import type { PageDocument, PageFinding } from './document/document';
import type { Outbound } from './outbound';

/** Where the errors of a page are to be found again. */
export interface PagedLines {
  readonly fromMs: number;
  /** Lines that came in later belong to another page. */
  readonly untilIngestedMs: number;
}

/** @param lines null for a page that is not about lines of a log */
export function logPaged(document: PageDocument, lines: PagedLines | null): void {
  const { alarm, followUp, findings, subject } = document;
  log('paged', {
    alarm: alarm?.name,
    followUp,
    findings: findings.length,
    subject,
    about: findings.map(aboutOf),
    ...lines,
  });
}

export const logResolved = ({ alarm, findings }: PageDocument): void =>
  log('resolved', { alarm: alarm?.name, about: findings.map(aboutOf) });

/** What is kept of a finding: its key, and how to name it at the end. */
export type About = Pick<PageFinding, 'dedupKey' | 'kind' | 'database' | 'object'>;
const aboutOf = ({ dedupKey, kind, database, object }: PageFinding): About => ({
  dedupKey,
  kind,
  database,
  object,
});

/** One finding that was paged and is open. */
export interface OpenPage extends About {
  readonly alarm: string;
  /** Of its first page. */
  readonly pagedMs: number;
  readonly lines: PagedLines | null;
}

/** A page that is older is left to a person. */
export const OPEN_DAYS = 7;

export async function openPages(
  out: Pick<Outbound, 'searchLogs'>,
  logGroup: string,
  nowMs: number,
): Promise<readonly OpenPage[]> {
  const search = {
    logGroup,
    fromMs: nowMs - OPEN_DAYS * 24 * 60 * 60_000,
    toMs: nowMs,
    pattern: '{ ($.event = "paged") || ($.event = "resolved") }',
  };
  return openIn(await linesOf(out, search));
}

/** Kinds that this alarm has paged since then. */
export async function kindsPaged(
  out: Pick<Outbound, 'searchLogs'>,
  logGroup: string,
  alarm: string,
  sinceMs: number,
  nowMs: number,
): Promise<ReadonlySet<string | null>> {
  const search = { logGroup, fromMs: sinceMs, toMs: nowMs, pattern: '{ $.event = "paged" }' };
  const lines = (await linesOf(out, search)).map(lineIn);
  return new Set(
    lines.flatMap((line) => (line?.alarm === alarm ? (line.about ?? []).map(({ kind }) => kind) : [])),
  );
}

async function linesOf(
  out: Pick<Outbound, 'searchLogs'>,
  search: Parameters<Outbound['searchLogs']>[0],
): Promise<string[]> {
  const lines: string[] = [];
  for await (const page of out.searchLogs(search)) lines.push(...page.map(({ message }) => message));
  return lines;
}

interface Line extends Partial<PagedLines> {
  readonly time: string;
  readonly event: string;
  readonly alarm?: string;
  readonly about?: readonly About[];
}

/** Of lines in any order, since they are of several streams. */
export function openIn(lines: readonly string[]): readonly OpenPage[] {
  const read = lines
    .map(lineIn)
    .filter((line) => line !== null)
    .sort((a, b) => Date.parse(a.time) - Date.parse(b.time));
  const open = new Map<string, OpenPage>();
  for (const { event, alarm, about = [], time, fromMs, untilIngestedMs } of read) {
    for (const each of about) {
      if (event === 'resolved') open.delete(each.dedupKey);
      else if (event === 'paged' && alarm !== undefined && !open.has(each.dedupKey))
        open.set(each.dedupKey, {
          ...each,
          alarm,
          pagedMs: Date.parse(time),
          lines: fromMs === undefined || untilIngestedMs === undefined ? null : { fromMs, untilIngestedMs },
        });
    }
  }
  return [...open.values()];
}

function lineIn(message: string): Line | null {
  try {
    const line = JSON.parse(message) as Line | null;
    return typeof line?.event === 'string' && typeof line.time === 'string' ? line : null;
  } catch {
    return null;
  }
}

/**
 * Whether the database is asked in this look: at each in the first hour after the alarm ended, then once an hour, since
 * asking wakes a paused server.
 */
export function isAskedAt(dueMs: number, okSinceMs: number, intervalMs: number): boolean {
  const HOUR_MS = 60 * 60_000;
  if (dueMs - okSinceMs < HOUR_MS) return true;
  return Math.floor(dueMs / HOUR_MS) !== Math.floor((dueMs - intervalMs) / HOUR_MS);
}
