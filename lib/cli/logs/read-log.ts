/** Reads a server's log in whatever form somebody has it: its first line tells which. */
import type { LogEvent, ReportParts } from '../../../lambda/page/logs/error-reader';
import { eventsOfFile, type LogLine, logTime } from '../../../lambda/page/logs/log-lines';
import { recordsOf } from './csv';
import { eventsInDocument } from './events-document';

/** Who is told of the lines: as events, or as records that are whole from the start. */
export interface LogReader {
  push(event: LogEvent): void;
  report(line: LogLine, parts: ReportParts, event: LogEvent): void;
}

/** @returns how many lines of a server's log there were */
export async function readLog(lines: AsyncIterable<string>, reader: LogReader): Promise<number> {
  const { first, all } = await peek(lines);
  if (/^[[{]/.test(first)) return readJson(first, all, reader);
  if (/^"?@?\w+"?(?:,"?@?\w+"?)*$/.test(first) && first.includes('@message'))
    return readEvents(await insightsEvents(all), reader);
  if (CSVLOG.test(first)) return readCsvlog(all, reader);
  let count = 0;
  for await (const message of eventsOfFile(withoutOuterTime(all))) {
    count++;
    reader.push({ message });
  }
  return count;
}

/** The first line that is not empty, and all of them. */
async function peek(
  lines: AsyncIterable<string>,
): Promise<{ readonly first: string; readonly all: AsyncGenerator<string> }> {
  const iterator = lines[Symbol.asyncIterator]();
  let next = await iterator.next();
  while (!next.done && next.value.trim() === '') next = await iterator.next();
  async function* all(): AsyncGenerator<string> {
    for (; !next.done; next = await iterator.next()) yield next.value;
  }
  return { first: next.done ? '' : next.value.trim(), all: all() };
}

/** `aws logs tail` writes a time, and unless told otherwise the stream's name, in front of each line. */
async function* withoutOuterTime(lines: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const line of lines)
    yield line.replace(
      /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d)? (?:\S+ )?(?=\d{4}-\d\d-\d\d \d\d:)/,
      '',
    );
}

function readEvents(events: readonly LogEvent[], reader: LogReader): number {
  const [first, last] = [events[0]?.timestampMs ?? 0, events.at(-1)?.timestampMs ?? 0];
  // Logs Insights lists the newest first unless told otherwise, and a STATEMENT belongs to the ERROR before it.
  for (const event of first > last ? [...events].reverse() : events) reader.push(event);
  return events.length;
}

async function insightsEvents(lines: AsyncIterable<string>): Promise<readonly LogEvent[]> {
  const events: LogEvent[] = [];
  let header: readonly string[] | null = null;
  for await (const record of recordsOf(lines)) {
    if (header === null) header = record;
    else events.push(...eventsInDocument(Object.fromEntries(header.map((name, i) => [name, record[i]]))));
  }
  return events;
}

/** A record a line, as in jsonlog; else one document, as the AWS command line prints it. */
async function readJson(first: string, lines: AsyncIterable<string>, reader: LogReader): Promise<number> {
  const record = parsed(first);
  const isJsonlog = isRecord(record) && typeof record.error_severity === 'string';
  if (!isJsonlog) {
    const all: string[] = [];
    for await (const line of lines) all.push(line);
    const document = parsed(all.join('\n'));
    return readEvents(
      document === undefined
        ? all.flatMap((line) => eventsInDocument(parsed(line)))
        : eventsInDocument(document),
      reader,
    );
  }
  let count = 0;
  for await (const line of lines) {
    const each = parsed(line);
    if (!isRecord(each)) continue;
    count++;
    const text = (name: string): string => (typeof each[name] === 'string' ? each[name] : '');
    report(reader, {
      time: text('timestamp'),
      user: text('user'),
      database: text('dbname'),
      pid: String(each.pid ?? ''),
      severity: text('error_severity'),
      sqlstate: text('state_code'),
      message: text('message'),
      context: text('context'),
      query: text('internal_query'),
      statement: text('statement'),
    });
  }
  return count;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const CSVLOG = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [^,"]+,(?:"(?:[^"]|"")*")?,(?:"(?:[^"]|"")*")?,\d+,/;

/** https://www.postgresql.org/docs/current/runtime-config-logging.html#RUNTIME-CONFIG-LOGGING-CSVLOG */
async function readCsvlog(lines: AsyncIterable<string>, reader: LogReader): Promise<number> {
  let count = 0;
  for await (const record of recordsOf(lines)) {
    const [time = '', user = '', database = '', pid = ''] = record;
    const [severity = '', sqlstate = '', message = ''] = record.slice(11);
    const [query = '', , context = '', statement = ''] = record.slice(16);
    count++;
    report(reader, { time, user, database, pid, severity, sqlstate, message, context, query, statement });
  }
  return count;
}

interface Report {
  readonly time: string;
  readonly user: string;
  readonly database: string;
  readonly pid: string;
  readonly severity: string;
  readonly sqlstate: string;
  readonly message: string;
  readonly context: string;
  readonly query: string;
  readonly statement: string;
}

function report(reader: LogReader, { context, query, statement, ...rest }: Report): void {
  const line: LogLine = {
    time: logTime(rest.time),
    user: rest.user,
    database: rest.database,
    pid: rest.pid,
    sqlstate: rest.sqlstate || null,
    severity: rest.severity,
    text: rest.message,
  };
  reader.report(
    line,
    { context: context || null, query: query || null, statement: statement || null },
    { message: rest.message },
  );
}
