/** Reads a server log in any supported format, which its first line reveals. */
import type { LogEvent, ReportParts } from '../../../lambda/page/logs/error-reader';
import { type LogLine, parseLogTime, readEventsOfFile } from '../../../lambda/page/logs/log-lines';
import { parseCsvRecords } from './csv';
import { readDocumentEvents } from './events-document';

/** Receives the lines, as events or as complete records. */
export interface LogReader {
  push(event: LogEvent): void;
  report(line: LogLine, parts: ReportParts, event: LogEvent): void;
}

/**
 * Reads a log.
 * @returns the number of lines that belong to a server log
 */
export async function readLog(lines: AsyncIterable<string>, reader: LogReader): Promise<number> {
  const { first, all } = await peekFirstLine(lines);
  if (/^[[{]/.test(first)) return readJson(first, all, reader);
  if (/^"?@?\w+"?(?:,"?@?\w+"?)*$/.test(first) && first.includes('@message'))
    return readEvents(await readInsightsEvents(all), reader);
  if (CSVLOG_LINE.test(first)) return readCsvlog(all, reader);
  let count = 0;
  for await (const message of readEventsOfFile(stripOuterTime(all))) {
    count++;
    reader.push({ message });
  }
  return count;
}

/** Returns the first line that is not empty, and all lines. */
async function peekFirstLine(
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

/** Removes the time and the name of the stream that `aws logs tail` writes before each line by default. */
async function* stripOuterTime(lines: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const line of lines)
    yield line.replace(
      /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d)? (?:\S+ )?(?=\d{4}-\d\d-\d\d \d\d:)/,
      '',
    );
}

function readEvents(events: readonly LogEvent[], reader: LogReader): number {
  const [first, last] = [events[0]?.timestampMs ?? 0, events.at(-1)?.timestampMs ?? 0];
  // Logs Insights lists the newest events first by default, but a STATEMENT belongs to the ERROR before it.
  for (const event of first > last ? [...events].reverse() : events) reader.push(event);
  return events.length;
}

async function readInsightsEvents(lines: AsyncIterable<string>): Promise<readonly LogEvent[]> {
  const events: LogEvent[] = [];
  let header: readonly string[] | null = null;
  for await (const record of parseCsvRecords(lines)) {
    if (header === null) header = record;
    else events.push(...readDocumentEvents(Object.fromEntries(header.map((name, i) => [name, record[i]]))));
  }
  return events;
}

/** Reads jsonlog, which has one record per line, or a single document, as the AWS command line prints it. */
async function readJson(first: string, lines: AsyncIterable<string>, reader: LogReader): Promise<number> {
  const record = parseJson(first);
  const isJsonlog = isRecord(record) && typeof record.error_severity === 'string';
  if (!isJsonlog) {
    const all: string[] = [];
    for await (const line of lines) all.push(line);
    const document = parseJson(all.join('\n'));
    return readEvents(
      document === undefined
        ? all.flatMap((line) => readDocumentEvents(parseJson(line)))
        : readDocumentEvents(document),
      reader,
    );
  }
  let count = 0;
  for await (const line of lines) {
    const each = parseJson(line);
    if (!isRecord(each)) continue;
    count++;
    const text = (name: string): string => (typeof each[name] === 'string' ? each[name] : '');
    reportRecord(reader, {
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

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const CSVLOG_LINE =
  /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [^,"]+,(?:"(?:[^"]|"")*")?,(?:"(?:[^"]|"")*")?,\d+,/;

/** Reads csvlog: https://www.postgresql.org/docs/current/runtime-config-logging.html#RUNTIME-CONFIG-LOGGING-CSVLOG */
async function readCsvlog(lines: AsyncIterable<string>, reader: LogReader): Promise<number> {
  let count = 0;
  for await (const record of parseCsvRecords(lines)) {
    const [time = '', user = '', database = '', pid = ''] = record;
    const [severity = '', sqlstate = '', message = ''] = record.slice(11);
    const [query = '', , context = '', statement = ''] = record.slice(16);
    count++;
    reportRecord(reader, {
      time,
      user,
      database,
      pid,
      severity,
      sqlstate,
      message,
      context,
      query,
      statement,
    });
  }
  return count;
}

interface LogRecord {
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

function reportRecord(reader: LogReader, { context, query, statement, ...rest }: LogRecord): void {
  const line: LogLine = {
    time: parseLogTime(rest.time),
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
