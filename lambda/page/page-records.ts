/**
 * Reads which pages are open from the pager's own log, the only place where that is recorded. The log lines contain
 * keys, times and object names, and a page that a topic refused.
 */
import { log } from '../log';
import { limitDocument, type PageDocument, type PageFinding } from './document/document';
import type { PageOutbound } from './page-outbound';

/** The log window in which the errors of a page can be found again. */
export interface PagedLines {
  readonly fromMs: number;
  /** Lines that were ingested later belong to another page. */
  readonly untilIngestedMs: number;
}

export interface PagedRecord {
  /** The window of the errors, or null for a page that is not about log lines. */
  readonly lines: PagedLines | null;
  /** Keys of errors that the page listed without a finding, or that were checked and found harmless. @default - none */
  readonly further?: readonly string[];
  /** Number of errors that were not diagnosed, and are left to a later check. @default 0 */
  readonly undiagnosed?: number;
  /** For the key of a finding, the keys of the errors that it combines. @default - each finding is one error */
  readonly parts?: ReadonlyMap<string, readonly string[]>;
  /** Topics that the page could not be published to. @default - none */
  readonly failedTopics?: readonly string[];
}

/** Records a page after it was sent, including the topics that it could not be published to. */
export function logPaged(
  document: PageDocument,
  { lines, failedTopics = [], parts, ...record }: PagedRecord,
): void {
  const { alarm, followUp, findings, subject } = document;
  log('page-published', {
    alarm: alarm?.name,
    followUp,
    findings: findings.length,
    subject,
    about: findings.map((each) => {
      const of = parts?.get(each.dedupKey);
      return of === undefined ? toPageIdentity(each) : { ...toPageIdentity(each), parts: of.map(shortenKey) };
    }),
    ...toPagedRecord(record),
    ...(failedTopics.length > 0 ? { failedTopics } : {}),
    ...lines,
  });
}

/** Records a page together with the topics that refused it; without topics, that every topic has it by now. */
export const logUnsent = (document: PageDocument, failedTopics: readonly string[]): void =>
  log('page-unsent', {
    id: document.id,
    failedTopics,
    ...(failedTopics.length > 0 ? { document: limitDocument(document) } : {}),
  });

/** Records that errors were checked and do not justify a page. */
export const logNotPaged = (
  alarm: string,
  followUp: boolean,
  { lines, ...record }: Omit<PagedRecord, 'failedTopics' | 'parts'>,
): void => log('page-skipped', { alarm, followUp, ...toPagedRecord(record), ...lines });

const toPagedRecord = ({ further = [], undiagnosed = 0 }: Pick<PagedRecord, 'further' | 'undiagnosed'>) => ({
  ...(further.length > 0 ? { further: further.map(shortenKey) } : {}),
  ...(undiagnosed > 0 ? { undiagnosed } : {}),
});

/** Shortens a key, so that a thousand of them fit into a log line. */
export const shortenKey = (dedupKey: string): string => dedupKey.slice(-16);

/**
 * Records the end of pages, before the resolved page is sent. The function that forwards pages checks this record, so
 * that it does not deliver a page that has already ended.
 */
export const logPagesOver = (alarm: string, pages: readonly PageIdentity[]): void =>
  log('resolution-found', { alarm, about: pages.map(toPageIdentity) });

export const logResolved = ({ alarm, findings }: PageDocument, failedTopics: readonly string[] = []): void =>
  log('resolution-published', {
    alarm: alarm?.name,
    about: findings.map(toPageIdentity),
    ...(failedTopics.length > 0 ? { failedTopics } : {}),
  });

/** The part of a finding that is recorded: its key, and what is needed to describe it when it is resolved. */
export interface PageIdentity extends Pick<PageFinding, 'dedupKey' | 'checkId' | 'database' | 'object'> {
  /** The {@link shortenKey}s of the errors that the finding combines, if there are several. */
  readonly parts?: readonly string[];
}
const toPageIdentity = ({ dedupKey, checkId: kind, database, object }: PageIdentity): PageIdentity => ({
  dedupKey,
  checkId: kind,
  database,
  object,
});

/** A finding that was paged and is still open. */
export interface OpenPage extends PageIdentity {
  readonly alarm: string;
  /** Time of its first page. */
  readonly pagedMs: number;
  readonly lines: PagedLines | null;
  /**
   * Time at which an earlier check found that it had ended, if not all recipients were notified of the end. @default -
   * no check did
   */
  readonly overMs?: number;
  /** Topics that still have to be notified of the end. @default - all of them */
  readonly failedTopics?: readonly string[];
}

/** Maximum age of a page that is resolved automatically. Older pages are left to a person. */
const MAX_OPEN_DAYS = 7;

export async function readOpenPages(
  out: Pick<PageOutbound, 'searchLogs'>,
  logGroup: string,
  nowMs: number,
): Promise<readonly OpenPage[]> {
  const search = {
    logGroup,
    fromMs: nowMs - MAX_OPEN_DAYS * 24 * 60 * 60_000,
    toMs: nowMs,
    pattern: ENDS_PATTERN,
  };
  return listOpenPages(await readRecordLines(out, search));
}

export interface UnsentPage {
  readonly document: PageDocument;
  /** Topics that still have to be notified. */
  readonly failedTopics: readonly string[];
}

/** Maximum age of a page that is sent again. */
const MAX_UNSENT_HOURS = 24;

/** Returns the pages that some topics refused and that have not ended. @throws {Error} if the log cannot be read */
export async function readUnsentPages(
  out: Pick<PageOutbound, 'searchLogs'>,
  logGroup: string,
  nowMs: number,
): Promise<readonly UnsentPage[]> {
  const fromMs = nowMs - MAX_UNSENT_HOURS * 60 * 60_000;
  const pattern = `{ ($.event = "page-unsent") || ${ENDS_PATTERN.slice(2)}`;
  const lines = await readRecordLines(out, { logGroup, fromMs, toMs: nowMs, pattern });
  const last = new Map<string, RecordLine>();
  for (const line of parseLines(lines))
    if (line.event === 'page-unsent' && line.id !== undefined) last.set(line.id, line);
  return [...last.values()].flatMap(({ document, failedTopics = [] }) => {
    if (document === undefined) return [];
    const { over } = readEnds(lines, Date.parse(document.at));
    const hasEnded =
      document.findings.length > 0 && document.findings.every(({ dedupKey }) => over.has(dedupKey));
    return hasEnded ? [] : [{ document, failedTopics }];
  });
}

/** Returns the kinds that this alarm has paged since `sinceMs`. */
export async function readPagedKinds(
  out: Pick<PageOutbound, 'searchLogs'>,
  logGroup: string,
  alarm: string,
  sinceMs: number,
  nowMs: number,
): Promise<ReadonlySet<string | null>> {
  const search = { logGroup, fromMs: sinceMs, toMs: nowMs, pattern: '{ $.event = "page-published" }' };
  const lines = (await readRecordLines(out, search)).map(parseLine);
  return new Set(
    lines.flatMap((line) =>
      line?.alarm === alarm ? (line.about ?? []).map(({ checkId: kind }) => kind) : [],
    ),
  );
}

async function readRecordLines(
  out: Pick<PageOutbound, 'searchLogs'>,
  search: Parameters<PageOutbound['searchLogs']>[0],
): Promise<string[]> {
  const lines: string[] = [];
  for await (const page of out.searchLogs(search)) lines.push(...page.map(({ message }) => message));
  return lines;
}

/** Pages and checks since an alarm was raised. */
export interface PageHistory {
  /** Whether the alarm's own page was sent, or its check found nothing to page. */
  readonly isPaged: boolean;
  /** Time up to which lines were checked and all recipients notified, or null if there is none. */
  readonly doneUntilMs: number | null;
  /** The known errors by {@link shortenKey}. */
  readonly known: ReadonlyMap<string, PagedKey>;
}

export interface PagedKey {
  /** When it was last paged or checked. */
  readonly atMs: number;
  /** Topics that the page could not be published to. */
  readonly failedTopics: readonly string[];
}

const NO_HISTORY: PageHistory = { isPaged: false, doneUntilMs: null, known: new Map() };

/**
 * Reads the histories, and returns a function from an alarm's name to its history. @throws if the log cannot be read
 */
export async function readHistories(
  out: Pick<PageOutbound, 'searchLogs'>,
  logGroup: string,
  alarms: readonly { readonly name: string; readonly sinceMs: number }[],
  nowMs: number,
): Promise<(alarm: string) => PageHistory> {
  if (alarms.length === 0) return () => NO_HISTORY;
  const oldest = Math.min(...alarms.map(({ sinceMs }) => sinceMs));
  const search = {
    logGroup,
    fromMs: Math.max(oldest, nowMs - MAX_OPEN_DAYS * 24 * 60 * 60_000),
    toMs: nowMs,
    pattern: '{ ($.event = "page-published") || ($.event = "page-skipped") || ($.event = "rescan-ended") }',
  };
  const lines = await readRecordLines(out, search);
  const histories = new Map(alarms.map(({ name, sinceMs }) => [name, buildHistory(lines, name, sinceMs)]));
  return (alarm) => histories.get(alarm) ?? NO_HISTORY;
}

/** Builds the history from log lines in any order. Pure. */
export function buildHistory(lines: readonly string[], alarm: string, sinceMs: number): PageHistory {
  const known = new Map<string, PagedKey>();
  let isPaged = false;
  let doneUntilMs: number | null = null;
  for (const line of parseLines(lines)) {
    const atMs = Date.parse(line.time);
    if (line.alarm !== alarm || atMs < sinceMs) continue;
    const {
      event,
      followUp,
      about = [],
      further = [],
      failedTopics = [],
      undiagnosed = 0,
      untilIngestedMs,
    } = line;
    for (const key of [...about.map(({ dedupKey }) => shortenKey(dedupKey)), ...further])
      known.set(key, { atMs, failedTopics });
    if (event !== 'rescan-ended' && followUp !== true) isPaged = true;
    // The line of a follow-up check is written after the pages that it sent.
    const isEnd = event === 'rescan-ended' || followUp !== true;
    if (isEnd && failedTopics.length === 0 && undiagnosed === 0 && untilIngestedMs !== undefined)
      doneUntilMs = Math.max(doneUntilMs ?? 0, untilIngestedMs);
  }
  return { isPaged, doneUntilMs, known };
}

interface RecordLine extends Partial<PagedLines> {
  readonly time: string;
  readonly event: string;
  readonly alarm?: string;
  readonly followUp?: boolean;
  readonly about?: readonly PageIdentity[];
  readonly further?: readonly string[];
  readonly failedTopics?: readonly string[];
  readonly undiagnosed?: number;
  /** Identifies a page that some topics refused. */
  readonly id?: string;
  readonly document?: PageDocument;
}

/** Parses log lines and sorts them by time, since they come from several log streams. */
const parseLines = (lines: readonly string[]): readonly RecordLine[] =>
  lines
    .map(parseLine)
    .filter((line) => line !== null)
    .sort((a, b) => Date.parse(a.time) - Date.parse(b.time));

/** Determines the open pages from log lines, which may be in any order. */
export function listOpenPages(lines: readonly string[]): readonly OpenPage[] {
  const open = new Map<string, OpenPage>();
  for (const { event, alarm, about = [], time, fromMs, untilIngestedMs, failedTopics = [] } of parseLines(
    lines,
  )) {
    for (const each of about) {
      const page = open.get(each.dedupKey);
      if (event === 'resolution-published' && failedTopics.length === 0) open.delete(each.dedupKey);
      else if (event === 'resolution-published' && page !== undefined)
        open.set(each.dedupKey, { ...page, failedTopics });
      else if (event === 'resolution-found' && page !== undefined)
        open.set(each.dedupKey, { ...page, overMs: Date.parse(time) });
      // Paged again before all recipients were notified of the end, so the next end goes to all of them.
      else if (event === 'page-published' && page !== undefined)
        open.set(each.dedupKey, { ...page, overMs: undefined, failedTopics: undefined });
      else if (event === 'page-published' && alarm !== undefined)
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

/** Filter pattern for the lines that {@link readEnds} reads. */
export const ENDS_PATTERN =
  '{ ($.event = "page-published") || ($.event = "resolution-found") || ($.event = "resolution-published") }';

export interface PageEnds {
  /** Keys of findings that have ended. A page from the time in question must not be forwarded. */
  readonly over: ReadonlySet<string>;
  /**
   * Keys of findings that were paged again. A resolution that was determined before the new page must not be sent after
   * it.
   */
  readonly pagedAgain: ReadonlySet<string>;
}

/** Determines the state of each finding by its last line after `afterMs`. Pure. */
export function readEnds(lines: readonly string[], afterMs: number): PageEnds {
  const last = new Map<string, string>();
  for (const { event, about = [], time } of parseLines(lines))
    if (Date.parse(time) > afterMs) for (const { dedupKey } of about) last.set(dedupKey, event);
  const keys = (...events: string[]) =>
    new Set([...last].flatMap(([key, event]) => (events.includes(event) ? [key] : [])));
  return { over: keys('resolution-found', 'resolution-published'), pagedAgain: keys('page-published') };
}

function parseLine(message: string): RecordLine | null {
  try {
    const line = JSON.parse(message) as RecordLine | null;
    return typeof line?.event === 'string' && typeof line.time === 'string' ? line : null;
  } catch {
    return null;
  }
}

/**
 * Whether this check queries the database: every check in the first hour after the alarm returned to OK, then once an
 * hour, because a query wakes a paused server.
 */
export function isQueryDue(dueMs: number, okSinceMs: number, intervalMs: number): boolean {
  const HOUR_MS = 60 * 60_000;
  if (dueMs - okSinceMs < HOUR_MS) return true;
  return Math.floor(dueMs / HOUR_MS) !== Math.floor((dueMs - intervalMs) / HOUR_MS);
}
