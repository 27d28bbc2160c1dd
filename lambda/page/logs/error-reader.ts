/**
 * Joins the log lines of one error: ERROR, then CONTEXT and STATEMENT of the same backend, possibly interleaved with
 * lines of other backends. Literals, DETAIL and all other text that can contain row data are dropped here.
 */
import { type MatchedMessage, matchMessage } from '../../defects/signatures';
import { normalizeStatement } from '../../sql/tokens';
import { isReportStart, type LogLine, parseLogLine } from './log-lines';

/** One event of a log group. */
export interface LogEvent {
  readonly message: string;
  /** Time of the event in milliseconds since the epoch. */
  readonly timestampMs?: number;
  readonly ingestedMs?: number;
  readonly logGroup?: string;
  /** The log stream. The instances of a cluster write to one log group, and their process ids can coincide. */
  readonly stream?: string;
}

/** One error, without row data. */
export interface ReadError {
  readonly signature: string;
  readonly sqlstate: string;
  readonly message: string;
  readonly names: Readonly<Record<string, string>>;
  readonly logGroup: string;
  readonly database: string;
  readonly user: string;
  readonly statement: string | null;
  readonly timeMs: number;
  /** Time zone of `timeMs` if it is not UTC; see LogTime. */
  readonly zone: string | null;
  readonly ingestedMs: number;
}

export interface ErrorListener {
  error(error: ReadError): void;
  /** Called if 25P02 rejects a command in the transaction that this error had aborted. */
  aborted(error: ReadError): void;
  /** Called for an error that is not among those watched. @default - ignored */
  unwatched?(sqlstate: string | null, text: string): void;
}

/** The parts of a report besides the message. Each is null if it was not logged. */
export interface ReportParts {
  readonly context: string | null;
  readonly query: string | null;
  readonly statement: string | null;
}

interface OpenReport extends Mutable<ReportParts> {
  readonly matched: MatchedMessage;
  readonly line: LogLine;
  readonly event: LogEvent;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const ABORTED_TRANSACTION = 'current transaction is aborted, commands ignored until end of transaction block';
/** Maximum number of backends that are tracked. Beyond it, the oldest entry is closed. */
const MAX_BACKENDS = 2_000;

export class ErrorReader {
  /** Open reports by log group and backend. A Map keeps the insertion order, so the first entry is the oldest. */
  private readonly open = new Map<string, OpenReport>();
  private readonly last = new Map<string, ReadError>();

  /** @param ignored whether to ignore an ERROR line, given as it is in the log */
  constructor(
    private readonly listener: ErrorListener,
    private readonly ignored: (event: string) => boolean = () => false,
  ) {}

  push(event: LogEvent): void {
    const line = parseLogLine(event.message);
    if (line !== null) this.line(line, event);
  }

  /** Adds a report that is complete from the start: a record of csvlog or jsonlog. */
  report(line: LogLine, parts: ReportParts, event: LogEvent): void {
    this.line(line, event);
    const current = this.open.get(buildBackendKey(line, event));
    if (current !== undefined) Object.assign(current, parts);
  }

  private line(line: LogLine, event: LogEvent): void {
    const key = buildBackendKey(line, event);
    if (isReportStart(line)) {
      this.close(key);
      if (line.severity === 'ERROR') this.begin(key, line, event);
      return;
    }
    const current = this.open.get(key);
    if (current === undefined) return;
    // Only the first of each kind. Later ones belong to a LOG line that was filtered out earlier.
    if (line.severity === 'CONTEXT') current.context ??= line.text;
    if (line.severity === 'QUERY') current.query ??= line.text;
    if (line.severity === 'STATEMENT') current.statement ??= line.text;
  }

  /** Reports all errors that are still open. */
  end(): void {
    for (const key of [...this.open.keys()]) this.close(key);
    this.last.clear();
  }

  private begin(key: string, line: LogLine, event: LogEvent): void {
    if (line.text === ABORTED_TRANSACTION) {
      const cause = this.last.get(key);
      if (cause !== undefined) this.listener.aborted(cause);
      return;
    }
    this.last.delete(key);
    const matched = matchMessage(line.text, line.sqlstate);
    if (matched === null) {
      this.listener.unwatched?.(line.sqlstate, line.text);
      return;
    }
    if (this.ignored(event.message)) return;
    if (this.open.size >= MAX_BACKENDS) this.close(this.open.keys().next().value!);
    this.open.set(key, { matched, line, event, context: null, query: null, statement: null });
  }

  private close(key: string): void {
    const current = this.open.get(key);
    if (current === undefined) return;
    this.open.delete(key);
    const { matched, line, event } = current;
    const timeMs = event.timestampMs ?? line.time.ms;
    const error: ReadError = {
      signature: matched.signature.id,
      sqlstate: matched.message.sqlstate,
      message: matched.text,
      names: matched.names,
      logGroup: event.logGroup ?? '',
      database: line.database,
      user: line.user,
      statement: findFailedStatement(current),
      timeMs,
      zone: event.timestampMs === undefined ? line.time.zone : null,
      ingestedMs: event.ingestedMs ?? timeMs,
    };
    if (this.last.size >= MAX_BACKENDS) this.last.delete(this.last.keys().next().value!);
    this.last.set(key, error);
    this.listener.error(error);
  }
}

const buildBackendKey = (line: LogLine, { logGroup = '', stream = '' }: LogEvent): string =>
  `${logGroup} ${stream} ${line.pid}`;

/**
 * Returns the statement that failed. Inside a function it is the statement quoted in QUERY or CONTEXT, and not the
 * call. Nothing else of CONTEXT is used, since it contains the row for COPY and the value for a parameter.
 */
function findFailedStatement({ context, query, statement }: OpenReport): string | null {
  const inner =
    context === null ? null : /^SQL statement "([\s\S]*?)"(?:\n(?:PL\/|SQL )|$)/.exec(context)?.[1];
  const text = query ?? inner ?? statement;
  return text === null ? null : normalizeStatement(text);
}
