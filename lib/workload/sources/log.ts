/** The statements that a server logged as it ran them: log_statement, log_min_duration_statement, in any form of log. */
import type { LogEvent, ReportParts } from '../../../lambda/page/logs/error-reader';
import { type LogLine, parseLogLine } from '../../../lambda/page/logs/log-lines';
import type { Sent } from '../workload';

/**
 * `statement: …` in the simple protocol, `execute name: …` in the extended one, perhaps behind a duration. `parse` and
 * `bind` tell of the same execution once more (errmsg in PostgreSQL's postgres.c).
 */
const EXECUTED = /^(?:duration: [\d.]+ ms {2})?(?:statement|execute (?:fetch from )?[^:\n]*): ([\s\S]*)$/;

export class StatementReader {
  readonly sent: Sent[] = [];

  /** @param database its statements alone. @default - those of every database */
  constructor(private readonly database?: string) {}

  push(event: LogEvent): void {
    const line = parseLogLine(event.message);
    if (line !== null) this.line(line);
  }

  /** A record of csvlog or jsonlog. */
  report(line: LogLine, _parts: ReportParts, _event: LogEvent): void {
    this.line(line);
  }

  private line({ severity, text, user, database }: LogLine): void {
    if (severity !== 'LOG' || (this.database !== undefined && database !== this.database)) return;
    const [, sql] = EXECUTED.exec(text) ?? [];
    if (sql !== undefined) this.sent.push({ sql, role: user || null, searchPath: null, calls: 1 });
  }
}
