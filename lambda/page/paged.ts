/** What has been paged, in the pager's own log: the one place where it is kept. No names are in it but the alarm's. */
import { log } from '../log';
import type { PageDocument } from './document';

/** @param lines where the errors are to be found again; null for a page that is not about lines */
export function logPaged(
  document: PageDocument,
  lines: { readonly fromMs: number; readonly untilIngestedMs: number } | null,
): void {
  const { alarm, followUp, findings, subject } = document;
  log('paged', {
    alarm: alarm?.name,
    followUp,
    findings: findings.length,
    subject,
    keys: findings.map(({ dedupKey }) => dedupKey),
    ...lines,
  });
}
