/** Links into the console. */

export interface InsightsQuery {
  readonly region: string;
  readonly logGroups: readonly string[];
  readonly fromMs: number;
  readonly toMs: number;
  /** A phrase of the ERROR line. */
  readonly phrase: string;
}

/** Opens Logs Insights with the query filled in; nothing runs before somebody presses the button. */
export function insightsUrl({ region, logGroups, fromMs, toMs, phrase }: InsightsQuery): string {
  // The console's own defaults do the rest: both columns, the newest first. The link is long enough as it is.
  const query = `filter @message like "${phrase}"`;
  const detail =
    `~(end~'${jsurl(new Date(toMs).toISOString())}~start~'${jsurl(new Date(fromMs).toISOString())}` +
    `~timeType~'ABSOLUTE~tz~'UTC~editorString~'${jsurl(query)}` +
    `~source~(${logGroups.map((name) => `~'${jsurl(name)}`).join('')}))`;
  return `https://${console(region)}/cloudwatch/home?region=${region}#logsV2:logs-insights$3FqueryDetail$3D${detail}`;
}

function console(region: string): string {
  if (region.startsWith('cn-')) return `${region}.console.amazonaws.cn`;
  if (region.startsWith('us-gov-')) return `${region}.console.amazonaws-us-gov.com`;
  return `${region}.console.aws.amazon.com`;
}

/** The console's own encoding of strings: what is not plain becomes `*` and two hexadecimal digits. */
const jsurl = (text: string): string =>
  text.replace(/[^A-Za-z0-9_.-]/g, (char) => `*${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
