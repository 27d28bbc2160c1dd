/**
 * Joins the lines of one error: ERROR, then CONTEXT and STATEMENT of the same backend, other backends' lines between
 * them. Literals, DETAIL and every other text that can hold row data end here.
 */
import { type MatchedMessage, matchMessage } from '../../defects/signatures';
import { normalize } from '../../sql/tokens';
import { beginsReport, type LogLine, parseLogLine } from './log-lines';

/** One event of a log group. */
export interface LogEvent {
  readonly message: string;
  /** Milliseconds since the epoch. */
  readonly timestampMs?: number;
  readonly ingestedMs?: number;
  readonly logGroup?: string;
  /** A cluster's instances write to one group, and their process ids are equal now and then. */
  readonly stream?: string;
}

/** One error. No row data. */
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
  /** Of `timeMs`, where that is not UTC; see LogTime. */
  readonly zone: string | null;
  readonly ingestedMs: number;
}

export interface ErrorListener {
  error(error: ReadError): void;
  /** A command was refused with 25P02 in the transaction that this error had aborted. */
  aborted(error: ReadError): void;
}

/** What stands beside the message; each null where it is not logged. */
export interface ReportParts {
  readonly context: string | null;
  readonly query: string | null;
  readonly statement: string | null;
}

interface Open extends Mutable<ReportParts> {
  readonly matched: MatchedMessage;
  readonly line: LogLine;
  readonly event: LogEvent;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const ABORTED = 'current transaction is aborted, commands ignored until end of transaction block';
/** Backends followed at a time; the one that was quiet longest is let go. */
const MOST_BACKENDS = 2_000;

export class ErrorReader {
  /** By log group and backend. A Map keeps the order of insertion, so the first is the oldest. */
  private readonly open = new Map<string, Open>();
  private readonly last = new Map<string, ReadError>();

  /** @param ignored ERROR lines that do not count, as they are in the log */
  constructor(
    private readonly listener: ErrorListener,
    private readonly ignored: (event: string) => boolean = () => false,
  ) {}

  push(event: LogEvent): void {
    const line = parseLogLine(event.message);
    if (line !== null) this.line(line, event);
  }

  /** A report that is whole from the start: a record of csvlog or jsonlog. */
  report(line: LogLine, parts: ReportParts, event: LogEvent): void {
    this.line(line, event);
    const current = this.open.get(keyOf(line, event));
    if (current !== undefined) Object.assign(current, parts);
  }

  private line(line: LogLine, event: LogEvent): void {
    const key = keyOf(line, event);
    if (beginsReport(line)) {
      this.close(key);
      if (line.severity === 'ERROR') this.begin(key, line, event);
      return;
    }
    const current = this.open.get(key);
    if (current === undefined) return;
    // The first of each: later ones belong to a LOG line that was filtered out before it came here.
    if (line.severity === 'CONTEXT') current.context ??= line.text;
    if (line.severity === 'QUERY') current.query ??= line.text;
    if (line.severity === 'STATEMENT') current.statement ??= line.text;
  }

  /** Reports what is still open. */
  end(): void {
    for (const key of [...this.open.keys()]) this.close(key);
    this.last.clear();
  }

  private begin(key: string, line: LogLine, event: LogEvent): void {
    if (line.text === ABORTED) {
      const cause = this.last.get(key);
      if (cause !== undefined) this.listener.aborted(cause);
      return;
    }
    this.last.delete(key);
    const matched = matchMessage(line.text, line.sqlstate);
    if (matched === null || this.ignored(event.message)) return;
    if (this.open.size >= MOST_BACKENDS) this.close(this.open.keys().next().value!);
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
      statement: statementOf(current),
      timeMs,
      zone: event.timestampMs === undefined ? line.time.zone : null,
      ingestedMs: event.ingestedMs ?? timeMs,
    };
    if (this.last.size >= MOST_BACKENDS) this.last.delete(this.last.keys().next().value!);
    this.last.set(key, error);
    this.listener.error(error);
  }
}

const keyOf = (line: LogLine, { logGroup = '', stream = '' }: LogEvent): string =>
  `${logGroup} ${stream} ${line.pid}`;

/**
 * The statement that failed: inside a function the one that QUERY or CONTEXT quotes, and not the call. Of CONTEXT nothing
 * else is taken: for COPY it quotes the row, for a parameter its value.
 */
function statementOf({ context, query, statement }: Open): string | null {
  const inner =
    context === null ? null : /^SQL statement "([\s\S]*?)"(?:\n(?:PL\/|SQL )|$)/.exec(context)?.[1];
  const text = query ?? inner ?? statement;
  return text === null ? null : normalize(text);
}
