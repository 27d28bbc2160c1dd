/** Links to the AWS console. */

export interface InsightsQuery {
  readonly region: string;
  readonly logGroups: readonly string[];
  readonly fromMs: number;
  readonly toMs: number;
  /** A phrase from the ERROR line. */
  readonly phrase: string;
}

/**
 * Returns a link that opens Logs Insights with the query filled in. The query does not run until the user starts it.
 */
export function buildInsightsUrl({ region, logGroups, fromMs, toMs, phrase }: InsightsQuery): string {
  // The console's defaults add both columns and sort by the newest first. The link is long enough without them.
  const query = `filter @message like "${phrase}"`;
  const detail =
    `~(end~'${encodeInsightsText(new Date(toMs).toISOString())}~start~'${encodeInsightsText(new Date(fromMs).toISOString())}` +
    `~timeType~'ABSOLUTE~tz~'UTC~editorString~'${encodeInsightsText(query)}` +
    `~source~(${logGroups.map((name) => `~'${encodeInsightsText(name)}`).join('')}))`;
  return `https://${getConsoleHost(region)}/cloudwatch/home?region=${region}#logsV2:logs-insights$3FqueryDetail$3D${detail}`;
}

function getConsoleHost(region: string): string {
  if (region.startsWith('cn-')) return `${region}.console.amazonaws.cn`;
  if (region.startsWith('us-gov-')) return `${region}.console.amazonaws-us-gov.com`;
  return `${region}.console.aws.amazon.com`;
}

/** Encodes a string as the console does: special characters become `*` and two hexadecimal digits. */
const encodeInsightsText = (text: string): string =>
  text.replace(/[^A-Za-z0-9_.-]/g, (char) => `*${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
