/** Writes the description of an alarm on errors. */
import { Token } from 'aws-cdk-lib';
import { listKindsOfSignature } from '../../../lambda/defects';
import type { LogSignature } from '../../../lambda/defects/defect';

export function normalizeFolderUrl(url: string | undefined): string | null {
  if (url === undefined) return null;
  return url.endsWith('/') ? url : `${url}/`;
}

export function buildAlarmDescription(signature: LogSignature, runbookUrl: string | undefined): string {
  const kinds = listKindsOfSignature(signature);
  const url = normalizeFolderUrl(runbookUrl);
  return [
    `${signature.title} (SQLSTATE ${[...new Set(signature.messages.map((each) => each.sqlstate))].join(', ')}).`,
    ...kinds.map((kind) => (url === null ? `${kind.title}.` : `${kind.title}: ${url}${kind.id}.md`)),
    signature.pagedWhen === 'diagnosed'
      ? 'Such errors are common. A page follows only if the catalog shows this problem, so do not roll back a deployment on this alarm.'
      : 'The page that follows names the cause and the remedy.',
  ].join('\n');
}

/**
 * Checks a description against CloudWatch's limit of 1,024 characters:
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
 */
export function fitDescription(text: string): string {
  if (Token.isUnresolved(text) || text.length <= 1_024) return text;
  throw new Error(
    `An alarm's description would have ${text.length} characters, and CloudWatch takes 1024. Shorten runbookUrl.`,
  );
}
