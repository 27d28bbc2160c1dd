/**
 * A page for an endpoint of your own: the document as JSON, signed. The receiver computes the same HMAC over time and
 * body, and refuses what is old; docs/notify.md has the code. Pure.
 */
import { createHmac } from 'node:crypto';
import type { PageDocument, PageFinding } from '../document/document';
import { harmless, withoutMarkup } from '../document/harmless';

export interface WebhookRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Of the signature; another one is another way to compute it. */
const VERSION = 'v1';

/** @param nowMs when it is sent: each attempt is signed anew */
export function webhookRequest(document: PageDocument, secret: string, nowMs: number): WebhookRequest {
  const body = webhookBody(document);
  const timestamp = String(Math.floor(nowMs / 1_000));
  const signature = createHmac('sha256', secret).update(`${VERSION}:${timestamp}:${body}`).digest('hex');
  return {
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'trueup-id': document.id,
      'trueup-timestamp': timestamp,
      'trueup-signature': `${VERSION}=${signature}`,
    },
    body,
  };
}

/** Also harmless where somebody puts it into a page as it is: `<` and its like are escaped within strings. */
const webhookBody = (document: PageDocument): string =>
  JSON.stringify({ ...document, findings: document.findings.map(shown) }).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

const shown = (finding: PageFinding): PageFinding => ({
  ...finding,
  doNow: withoutMarkup(finding.doNow),
  check: finding.check.map(harmless),
  statements: finding.statements.map(harmless),
});
