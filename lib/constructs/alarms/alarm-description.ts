/** What an alarm on errors says of itself. */
import { Token } from 'aws-cdk-lib';
import { kindsOf } from '../../../lambda/defects';
import type { LogSignature } from '../../../lambda/defects/defect';

export function folderUrl(url: string | undefined): string | null {
  if (url === undefined) return null;
  return url.endsWith('/') ? url : `${url}/`;
}

export function descriptionOf(signature: LogSignature, runbookUrl: string | undefined): string {
  const kinds = kindsOf(signature);
  const url = folderUrl(runbookUrl);
  return [
    `${signature.title} (SQLSTATE ${[...new Set(signature.messages.map((each) => each.sqlstate))].join(', ')}).`,
    ...kinds.map((kind) => (url === null ? `${kind.title}.` : `${kind.title}: ${url}${kind.id}.md`)),
    signature.pagedWhen === 'diagnosed'
      ? 'Such errors are common. A page follows only if the catalogue shows this defect, so do not roll a deployment back on this alarm.'
      : 'The page that follows says which one, and what to do.',
  ].join('\n');
}

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html */
export function fitDescription(text: string): string {
  if (Token.isUnresolved(text) || text.length <= 1_024) return text;
  throw new Error(
    `An alarm's description would have ${text.length} characters, and CloudWatch takes 1024. Shorten runbookUrl.`,
  );
}
