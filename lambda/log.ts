/**
 * Writes one JSON object per line to standard output. CloudWatch Logs Insights and metric filters can read it in either
 * of Lambda's log formats.
 */

export type LogFields = Readonly<Record<string, unknown>>;

/** @param event a stable name in kebab-case; alarms and saved queries match on it */
export function log(event: string, fields: LogFields = {}): void {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), event, ...fields })}\n`);
}
