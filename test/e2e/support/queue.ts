/** A queue that is subscribed to a topic: what would arrive at a pager. Plain requests, for the SDK's SQS client is no dependency of ours. */

import { setTimeout as sleep } from 'node:timers/promises';
import { SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import { ACCOUNT, REGION } from './emulator';
import { clientConfig, localAws } from './scenario';

export interface Notification {
  readonly subject: string;
  readonly message: string;
}

export class Queue {
  private constructor(
    private readonly url: string,
    readonly arn: string,
  ) {}

  static async subscribedTo(topicArn: string, name: string): Promise<Queue> {
    const { QueueUrl } = await sqs<{ QueueUrl: string }>('CreateQueue', { QueueName: name });
    const queue = new Queue(QueueUrl, `arn:aws:sqs:${REGION}:${ACCOUNT}:${name}`);
    await new SNSClient(clientConfig()).send(
      new SubscribeCommand({ TopicArn: topicArn, Protocol: 'sqs', Endpoint: queue.arn }),
    );
    return queue;
  }

  /** How many messages wait in a queue. */
  static async waiting(url: string): Promise<number> {
    const { Attributes } = await sqs<{ Attributes: Record<string, string> }>('GetQueueAttributes', {
      QueueUrl: url,
      AttributeNames: ['ApproximateNumberOfMessages'],
    });
    return Number(Attributes.ApproximateNumberOfMessages);
  }

  /** Everything that is in the queue now; removed from it. */
  async receive(): Promise<Notification[]> {
    const received: Notification[] = [];
    for (;;) {
      const { Messages = [] } = await sqs<{ Messages?: { Body: string; ReceiptHandle: string }[] }>(
        'ReceiveMessage',
        { QueueUrl: this.url, MaxNumberOfMessages: 10 },
      );
      if (Messages.length === 0) return received;
      for (const { Body, ReceiptHandle } of Messages) {
        const { Subject = '', Message } = JSON.parse(Body) as { Subject?: string; Message: string };
        received.push({ subject: Subject, message: Message });
        await sqs('DeleteMessage', { QueueUrl: this.url, ReceiptHandle });
      }
    }
  }

  /** Waits for a notification that matches; the others that came before it are kept in `seen`. */
  async waitFor(matches: (each: Notification) => boolean, timeoutMs: number, seen: Notification[] = []) {
    for (const end = Date.now() + timeoutMs; Date.now() < end; await sleep(500)) {
      seen.push(...(await this.receive()));
      const found = seen.find(matches);
      if (found) return found;
    }
    throw new Error(
      `No such message within ${timeoutMs} ms. Received:\n${seen.map((each) => `${each.subject}\n${each.message}`).join('\n---\n')}`,
    );
  }
}

async function sqs<Answer>(action: string, body: object): Promise<Answer> {
  const response = await fetch(localAws().endpoint, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': `AmazonSQS.${action}`,
      authorization: `AWS4-HMAC-SHA256 Credential=test/20260101/${REGION}/sqs/aws4_request, SignedHeaders=host, Signature=0`,
    },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${action}: ${response.status} ${text}`);
  return (text ? JSON.parse(text) : {}) as Answer;
}
