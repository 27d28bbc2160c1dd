/**
 * Parses lines of a PostgreSQL log on RDS and Aurora. Only two prefixes can be set there: `%t:%r:%u@%d:[%p]:` and, from
 * PostgreSQL 16 on, `%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a`, which is also written with a trailing colon
 * (https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_LogAccess.Concepts.PostgreSQL.overview.parameter-groups.html).
 *
 * In CloudWatch, every line with a prefix is a separate event. Continuation lines always begin with a TAB, even inside
 * literals, and belong to the event above.
 */
export interface LogTime {
  /** Milliseconds since the epoch. With a `zone`, it is the local time of that zone taken as if it were UTC. */
  readonly ms: number;
  /**
   * Null for UTC. An abbreviation such as CST stands for several offsets, and the log does not tell which, so these
   * times are shown unconverted.
   */
  readonly zone: string | null;
}

export interface LogLine {
  /** Time in the line's prefix. */
  readonly time: LogTime;
  /** Empty for a background process. */
  readonly user: string;
  readonly database: string;
  readonly pid: string;
  /** From the newer prefix or from verbose logging. Null if the log does not contain it. */
  readonly sqlstate: string | null;
  readonly severity: string;
  /** The message, which may contain row data. Continuation lines are included without their TAB. */
  readonly text: string;
}

const SEVERITY_PATTERN =
  'DEBUG[1-5]?|LOG|INFO|NOTICE|WARNING|ERROR|FATAL|PANIC|DETAIL|HINT|QUERY|CONTEXT|LOCATION|BACKTRACE|STATEMENT';
const TIME_PATTERN = '\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d(?:\\.\\d{3})? [A-Za-z0-9+:-]+?';

/**
 * Matches up to `:[pid]:`. The host may contain colons (IPv6); so may user and database, which may also contain `@`.
 * They end at the first `:[pid]:`, and the last `@` is the one from the prefix.
 */
const PREFIX_PATTERN = new RegExp(
  `^(${TIME_PATTERN}):(\\[local\\]|[^()\\s]*\\(\\d+\\)|):(.*?)@([^@]*?):\\[(\\d+)\\]:`,
);
/**
 * Line number, SQLSTATE, session start, virtual transaction, transaction and session. The application's name follows.
 */
const SESSION_FIELDS_PATTERN = new RegExp(
  `^\\d+:([0-9A-Z]{5}):${TIME_PATTERN}:[^:]*:\\d+:[0-9a-f]+\\.[0-9a-f]+:`,
);
const REST_PATTERN = new RegExp(`^(${SEVERITY_PATTERN}):  ([\\s\\S]*)$`);
/** The application's name precedes the severity, with or without a colon. */
const REST_AFTER_NAME_PATTERN = new RegExp(`^[^\\n]*?(${SEVERITY_PATTERN}):  ([\\s\\S]*)$`);
const VERBOSE_PATTERN = /^([0-9A-Z]{5}): {1,2}([\s\S]*)$/;

const PRIMARY_SEVERITIES = new Set(['LOG', 'INFO', 'NOTICE', 'WARNING', 'ERROR', 'FATAL', 'PANIC']);

/** Returns true if the line begins a report, and false if it continues one (DETAIL, STATEMENT, …). */
export const isReportStart = ({ severity }: LogLine): boolean =>
  PRIMARY_SEVERITIES.has(severity) || severity.startsWith('DEBUG');

/** Parses a line. Returns null if it is not a line of a PostgreSQL log. */
export function parseLogLine(event: string): LogLine | null {
  const prefix = PREFIX_PATTERN.exec(event);
  if (prefix === null) return null;
  const [whole, time, , user, database, pid] = prefix as unknown as string[];
  let rest = event.slice(whole!.length);
  const fields = SESSION_FIELDS_PATTERN.exec(rest);
  if (fields !== null) rest = rest.slice(fields[0].length);
  const parsed = (fields === null ? REST_PATTERN : REST_AFTER_NAME_PATTERN).exec(rest);
  if (parsed === null) return null;
  const severity = parsed[1]!;
  const text = parsed[2]!.replaceAll('\n\t', '\n').trimEnd();
  const verbose = PRIMARY_SEVERITIES.has(severity) ? VERBOSE_PATTERN.exec(text) : null;
  return {
    time: parseLogTime(time!),
    user: user!,
    database: database!,
    pid: pid!,
    sqlstate: fields?.[1] ?? verbose?.[1] ?? null,
    severity,
    text: verbose?.[2] ?? text,
  };
}

/** Parses a time as log_timezone formats it: `2026-11-21 09:01:22.316 CET`, `… UTC` or `… +0530`. */
export function parseLogTime(text: string): LogTime {
  const [, date, clock, zone] = /^(\S+) (\S+) (\S+)$/.exec(text) ?? [];
  const ms = Date.parse(`${date}T${clock}Z`);
  if (Number.isNaN(ms)) return { ms: 0, zone: null };
  if (/^(UTC|GMT|UCT|Z|Etc\/UTC)$/.test(zone!)) return { ms, zone: null };
  const [, sign, hours, minutes = '0'] = /^([+-]?)(\d\d):?(\d\d)?$/.exec(zone!) ?? [];
  if (hours === undefined) return { ms, zone: zone! };
  const offset = (Number(hours) * 60 + Number(minutes)) * 60_000;
  return { ms: sign === '-' ? ms + offset : ms - offset, zone: null };
}

/** Splits a log file into the events that CloudWatch would show. Lines with neither a prefix nor a TAB are left out. */
export async function* readEventsOfFile(
  lines: AsyncIterable<string> | Iterable<string>,
): AsyncGenerator<string> {
  let event: string | null = null;
  for await (const line of lines) {
    if (line.startsWith('\t')) {
      if (event !== null && event.length < MAX_EVENT_LENGTH) event += `\n${line}`;
    } else {
      if (event !== null) yield event;
      event = PREFIX_PATTERN.test(line) ? line : null;
    }
  }
  if (event !== null) yield event;
}

/** Maximum length of an event. CloudWatch's own limit is 1 MB, but nothing that far into a statement is useful. */
const MAX_EVENT_LENGTH = 256 * 1024;
