/** Everything that leaves a sender: the secret is read, the page is posted, what is refused goes to the dead letters. */
import { request } from 'node:https';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { within } from '../aws-timeouts';

export interface Post {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Outbound {
  secret(arn: string): Promise<string>;
  /**
   * The status of the answer; redirects are not followed, and the answer's body is not read.
   * @throws {Error} with a `code` when there is no answer in time
   */
  post(url: string, post: Post, timeoutMs: number): Promise<number>;
  refuse(topicArn: string, body: string): Promise<void>;
}

export function outbound(): Outbound {
  return {
    async secret(arn) {
      const client = new SecretsManagerClient({ maxAttempts: 3, requestHandler: within(3_000, 2_000) });
      const { SecretString = '' } = await client.send(new GetSecretValueCommand({ SecretId: arn }));
      return SecretString;
    },
    post,
    async refuse(topicArn, body) {
      const client = new SNSClient({ maxAttempts: 3, requestHandler: within(3_000, 2_000) });
      await client.send(new PublishCommand({ TopicArn: topicArn, Message: body }));
    },
  };
}

const post: Outbound['post'] = (url, { headers, body }, timeoutMs) =>
  new Promise((answered, failed) => {
    const sent = request(
      url,
      {
        method: 'POST',
        headers: { ...headers, 'content-length': Buffer.byteLength(body) },
        // Of the whole exchange, whatever trickles in.
        signal: AbortSignal.timeout(timeoutMs),
      },
      (response) => {
        answered(response.statusCode ?? 0);
        response.destroy();
      },
    );
    sent.on('error', failed);
    // An answer that is none, 101 for example, ends it without an error. After an answer this does nothing.
    sent.on('close', () =>
      failed(Object.assign(new Error('closed without an answer'), { code: 'ECONNRESET' })),
    );
    sent.end(body);
  });
