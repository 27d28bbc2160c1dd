/**
 * Collects the statements that a server logged because of log_statement or log_min_duration_statement, from a log in
 * any format.
 */
import type { LogEvent, ReportParts } from '../../../lambda/page/logs/error-reader';
import { type LogLine, parseLogLine } from '../../../lambda/page/logs/log-lines';
import type { SentStatement } from '../collect-workload';

/**
 * Matches `statement: …` of the simple query protocol and `execute name: …` of the extended one, with or without a
 * duration in front. `parse` and `bind` messages are ignored: they report the same execution again (see errmsg in
 * PostgreSQL's postgres.c).
 */
const EXECUTED_MESSAGE =
  /^(?:duration: [\d.]+ ms {2})?(?:statement|execute (?:fetch from )?[^:\n]*): ([\s\S]*)$/;

export class StatementReader {
  readonly sent: SentStatement[] = [];

  /** @param database only statements sent to this database are collected. @default - statements of all databases */
  constructor(private readonly database?: string) {}

  push(event: LogEvent): void {
    const line = parseLogLine(event.message);
    if (line !== null) this.line(line);
  }

  /** Takes a record of csvlog or jsonlog. */
  report(line: LogLine, _parts: ReportParts, _event: LogEvent): void {
    this.line(line);
  }

  private line({ severity, text, user, database }: LogLine): void {
    if (severity !== 'LOG' || (this.database !== undefined && database !== this.database)) return;
    const [, sql] = EXECUTED_MESSAGE.exec(text) ?? [];
    if (sql !== undefined) this.sent.push({ sql, role: user || null, searchPath: null, calls: 1 });
  }
}
