/**
 * The handler outside the VPC. Alarms and a schedule invoke it asynchronously and without retries. If it throws, Lambda
 * sends the unchanged event to the topic (the function's on-failure destination), so that the raw alarm arrives in
 * place of the page.
 */
import { log } from '../log';
import type { PageEvent } from './alarm';
import { handlePage } from './handle';
import { makePageOutbound } from './page-outbound';
import { readPageSettings } from './page-settings';

export async function handler(event: PageEvent): Promise<void> {
  try {
    await handlePage(event, {
      settings: readPageSettings(process.env),
      out: makePageOutbound(),
      region: process.env.AWS_REGION ?? '',
    });
  } catch (error) {
    // These are errors of the SDK and our own. None of them contains text from a log line.
    const { name, message } = error as Error;
    log('pager-failed', { error: name, message });
    throw error;
  }
}
