/**
 * Sends pages that some topics refused. The errors of the log are read again instead (look-again.ts). Findings and
 * statements are paged only once, so their page itself is kept in the pager's log until every topic has it.
 */
import { log } from '../../log';
import type { PageContext } from '../context';
import type { PageDocument } from '../document/document';
import { logPaged, logUnsent, readUnsentPages, type UnsentPage } from '../page-records';
import { publishPage } from '../publish';

/** Sends and records a page that is not about lines of the log. @throws {Error} if the text could not be sent */
export async function publishOnce(document: PageDocument, context: PageContext): Promise<void> {
  const { failedTopics, textError } = await publishPage(document, context);
  logPaged(document, { lines: null, failedTopics });
  if (failedTopics.length > 0) logUnsent(document, failedTopics);
  if (textError !== null) throw textError;
}

/**
 * Sends the kept pages to the topics that still have to be notified, unless the page has ended.
 * @throws {Error} if the text of one could not be sent; by then all of them were attempted
 */
export async function resendPages(context: PageContext): Promise<void> {
  let failure: Error | null = null;
  for (const { document, failedTopics } of await readUnsentPagesNow(context)) {
    const sent = await publishPage(document, context, failedTopics);
    if (sent.failedTopics.length < failedTopics.length) logUnsent(document, sent.failedTopics);
    failure ??= sent.textError;
  }
  if (failure !== null) throw failure;
}

/** Returns none if the log cannot be read, since new errors must be paged regardless. */
async function readUnsentPagesNow({ settings, out }: PageContext): Promise<readonly UnsentPage[]> {
  if (settings.ownLogGroup === undefined) return [];
  try {
    return await readUnsentPages(out, settings.ownLogGroup, Date.now());
  } catch (error) {
    log('pager-log-unreadable', { reason: (error as Error).name });
    return [];
  }
}
