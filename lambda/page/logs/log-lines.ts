/**
 * Lines of a PostgreSQL log on RDS and Aurora. Only two prefixes can be set there: `%t:%r:%u@%d:[%p]:`, and from
 * PostgreSQL 16 on `%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a`, which people also write with a colon at its end
 * (https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_LogAccess.Concepts.PostgreSQL.overview.parameter-groups.html).
 *
 * Every line with a prefix is an event of its own in CloudWatch; continuation lines begin with a TAB, always, also those
 * inside literals, and belong to the event above.
 */
export interface LogTime {
  /** Milliseconds since the epoch; with a `zone`, what the clock there showed, taken as if it were UTC. */
  readonly ms: number;
  /**
   * Null for UTC. An abbreviation such as CST stands for several offsets, and nothing in the log says which: such times
   * are shown as they are.
   */
  readonly zone: string | null;
}

export interface LogLine {
  /** When, as the log says it. */
  readonly time: LogTime;
  /** Empty for a background process. */
  readonly user: string;
  readonly database: string;
  readonly pid: string;
  /** From the newer prefix, or verbose logging; null where the log does not say it. */
  readonly sqlstate: string | null;
  readonly severity: string;
  /** May hold row data. Continuation lines follow as lines, without their TAB. */
  readonly text: string;
}

const SEVERITY =
  'DEBUG[1-5]?|LOG|INFO|NOTICE|WARNING|ERROR|FATAL|PANIC|DETAIL|HINT|QUERY|CONTEXT|LOCATION|BACKTRACE|STATEMENT';
const TIME = '\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d(?:\\.\\d{3})? [A-Za-z0-9+:-]+?';

/**
 * Up to `:[pid]:`. The host may hold colons (IPv6), and so may user and database, which may also hold `@`: the first
 * `:[pid]:` ends them, and the last `@` is the one of the prefix.
 */
const PREFIX = new RegExp(`^(${TIME}):(\\[local\\]|[^()\\s]*\\(\\d+\\)|):(.*?)@([^@]*?):\\[(\\d+)\\]:`);
/** Line number, SQLSTATE, session start, virtual transaction, transaction, session; then the application's name. */
const SESSION_FIELDS = new RegExp(`^\\d+:([0-9A-Z]{5}):${TIME}:[^:]*:\\d+:[0-9a-f]+\\.[0-9a-f]+:`);
const REST = new RegExp(`^(${SEVERITY}):  ([\\s\\S]*)$`);
/** The application's name stands in front of the severity, with or without a colon. */
const REST_AFTER_NAME = new RegExp(`^[^\\n]*?(${SEVERITY}):  ([\\s\\S]*)$`);
const VERBOSE = /^([0-9A-Z]{5}): {1,2}([\s\S]*)$/;

const PRIMARY = new Set(['LOG', 'INFO', 'NOTICE', 'WARNING', 'ERROR', 'FATAL', 'PANIC']);

/** True for a line that begins a report, false for one that belongs to the report before (DETAIL, STATEMENT, …). */
export const beginsReport = ({ severity }: LogLine): boolean =>
  PRIMARY.has(severity) || severity.startsWith('DEBUG');

/** Null for what is no line of such a log. */
export function parseLogLine(event: string): LogLine | null {
  const prefix = PREFIX.exec(event);
  if (prefix === null) return null;
  const [whole, time, , user, database, pid] = prefix as unknown as string[];
  let rest = event.slice(whole!.length);
  const fields = SESSION_FIELDS.exec(rest);
  if (fields !== null) rest = rest.slice(fields[0].length);
  const parsed = (fields === null ? REST : REST_AFTER_NAME).exec(rest);
  if (parsed === null) return null;
  const severity = parsed[1]!;
  const text = parsed[2]!.replaceAll('\n\t', '\n').trimEnd();
  const verbose = PRIMARY.has(severity) ? VERBOSE.exec(text) : null;
  return {
    time: logTime(time!),
    user: user!,
    database: database!,
    pid: pid!,
    sqlstate: fields?.[1] ?? verbose?.[1] ?? null,
    severity,
    text: verbose?.[2] ?? text,
  };
}

/** `2026-11-21 09:01:22.316 CET`, `… UTC`, `… +0530`: what log_timezone makes of it. */
export function logTime(text: string): LogTime {
  const [, date, clock, zone] = /^(\S+) (\S+) (\S+)$/.exec(text) ?? [];
  const ms = Date.parse(`${date}T${clock}Z`);
  if (Number.isNaN(ms)) return { ms: 0, zone: null };
  if (/^(UTC|GMT|UCT|Z|Etc\/UTC)$/.test(zone!)) return { ms, zone: null };
  const [, sign, hours, minutes = '0'] = /^([+-]?)(\d\d):?(\d\d)?$/.exec(zone!) ?? [];
  if (hours === undefined) return { ms, zone: zone! };
  const offset = (Number(hours) * 60 + Number(minutes)) * 60_000;
  return { ms: sign === '-' ? ms + offset : ms - offset, zone: null };
}

/** Cuts a log file into the events that CloudWatch would have. What has neither prefix nor TAB is left out. */
export async function* eventsOfFile(lines: AsyncIterable<string> | Iterable<string>): AsyncGenerator<string> {
  let event: string | null = null;
  for await (const line of lines) {
    if (line.startsWith('\t')) {
      if (event !== null && event.length < LONGEST_EVENT) event += `\n${line}`;
    } else {
      if (event !== null) yield event;
      event = PREFIX.test(line) ? line : null;
    }
  }
  if (event !== null) yield event;
}

/** CloudWatch's own limit is 1 MB an event; nothing that far into a statement is of use. */
const LONGEST_EVENT = 256 * 1024;
