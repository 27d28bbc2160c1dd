/** The handler behind a queue: one page a call, to one receiver over HTTPS. */
import type { SQSEvent } from 'aws-lambda';
import { deliver } from './deliver';
import { outbound } from './outbound';
import { Secrets } from './secret';
import { notifySettings } from './settings';

const out = outbound();
const secrets = new Secrets((arn) => out.secret(arn));

export async function handler(event: SQSEvent): Promise<void> {
  const settings = notifySettings(process.env);
  for (const { body } of event.Records) await deliver(body, { settings, out, secrets });
}
