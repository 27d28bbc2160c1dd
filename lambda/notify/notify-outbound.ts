/**
 * All outgoing calls of the function that sends pages: reads the secret and the pager's log, posts the page, and
 * publishes refused pages as dead letters.
 */
import { request } from 'node:https';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { buildRequestTimeouts } from '../aws-timeouts';
import { type LogSearch, searchLogs } from '../page/logs/search';

export interface HttpPost {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface NotifyOutbound {
  /** @throws {Error} if the log cannot be read in time */
  searchLogs(search: LogSearch, timeoutMs: number): Promise<readonly string[]>;
  secret(arn: string): Promise<string>;
  /**
   * Returns the status of the response. Redirects are not followed, and the response's body is not read.
   * @throws {Error} with a `code` if there is no response in time
   */
  post(url: string, post: HttpPost, timeoutMs: number): Promise<number>;
  refuse(topicArn: string, body: string): Promise<void>;
}

export function makeNotifyOutbound(): NotifyOutbound {
  return {
    async searchLogs(search, timeoutMs) {
      const client = new CloudWatchLogsClient({
        maxAttempts: 3,
        requestHandler: buildRequestTimeouts(2_000, 1_000),
      });
      const untilMs = Date.now() + timeoutMs;
      const lines: string[] = [];
      for await (const page of searchLogs(client, search)) {
        lines.push(...page.map(({ message }) => message));
        if (Date.now() > untilMs) throw new Error('The search took too long.');
      }
      return lines;
    },
    async secret(arn) {
      const client = new SecretsManagerClient({
        maxAttempts: 3,
        requestHandler: buildRequestTimeouts(3_000, 2_000),
      });
      const { SecretString = '' } = await client.send(new GetSecretValueCommand({ SecretId: arn }));
      return SecretString;
    },
    post: postOverHttps,
    async refuse(topicArn, body) {
      const client = new SNSClient({ maxAttempts: 3, requestHandler: buildRequestTimeouts(3_000, 2_000) });
      await client.send(new PublishCommand({ TopicArn: topicArn, Message: body }));
    },
  };
}

const postOverHttps: NotifyOutbound['post'] = (url, { headers, body }, timeoutMs) =>
  new Promise((answered, failed) => {
    const sent = request(
      url,
      {
        method: 'POST',
        headers: { ...headers, 'content-length': Buffer.byteLength(body) },
        // The timeout covers the whole exchange, even if the receiver sends single bytes.
        signal: AbortSignal.timeout(timeoutMs),
      },
      (response) => {
        answered(response.statusCode ?? 0);
        response.destroy();
      },
    );
    sent.on('error', failed);
    // An incomplete response, 101 for example, ends the exchange without an error. After a complete response this has
    // no effect.
    sent.on('close', () =>
      failed(Object.assign(new Error('closed without an answer'), { code: 'ECONNRESET' })),
    );
    sent.end(body);
  });
