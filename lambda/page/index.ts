/**
 * The handler outside the VPC: alarms and a schedule invoke it, asynchronously and without retries. If it throws, Lambda
 * sends the event as it is to the topic (the function's destination for failures), so that the raw alarm arrives in place
 * of the page.
 */
import { log } from '../log';
import type { PageEvent } from './alarm';
import { handlePage } from './handle';
import { outbound } from './outbound';
import { pageSettings } from './settings';

export async function handler(event: PageEvent): Promise<void> {
  try {
    await handlePage(event, {
      settings: pageSettings(process.env),
      out: outbound(),
      region: process.env.AWS_REGION ?? '',
    });
  } catch (error) {
    // Names and messages of the SDK's errors and of ours; no text of a log line is in any of them.
    const { name, message } = error as Error;
    log('pager-failed', { error: name, message });
    throw error;
  }
}
