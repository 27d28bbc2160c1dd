/** One JSON object a line on standard output: what CloudWatch Logs Insights and metric filters read, in either log format. */

export type LogFields = Readonly<Record<string, unknown>>;

/** @param event a stable name in kebab-case; alarms and saved queries match on it */
export function log(event: string, fields: LogFields = {}): void {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), event, ...fields })}\n`);
}
