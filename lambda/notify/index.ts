/** The handler behind a queue: sends one page for each call, to one receiver over HTTPS. */
import type { SQSEvent } from 'aws-lambda';
import { deliverPage } from './deliver';
import { makeNotifyOutbound } from './notify-outbound';
import { readNotifySettings } from './notify-settings';
import { SecretCache } from './secret';

const out = makeNotifyOutbound();
const secrets = new SecretCache((arn) => out.secret(arn));

export async function handler(event: SQSEvent): Promise<void> {
  const settings = readNotifySettings(process.env);
  for (const { body } of event.Records) await deliverPage(body, { settings, out, secrets });
}
