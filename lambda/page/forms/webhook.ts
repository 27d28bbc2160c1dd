/**
 * Builds the request for a webhook: the document as JSON with a signature. The receiver computes the same HMAC over
 * time and body, and rejects old requests; docs/notify.md has the code. Pure.
 */
import { createHmac } from 'node:crypto';
import type { PageDocument, PageFinding } from '../document/document';
import { escapeForDisplay, escapeLines } from '../document/escape-text';

export interface WebhookRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Version of the signature scheme. A different way to compute the signature needs another version. */
const SIGNATURE_VERSION = 'v1';

/** Returns the signed request. @param nowMs time of sending; each attempt gets a new signature */
export function buildWebhookRequest(document: PageDocument, secret: string, nowMs: number): WebhookRequest {
  const body = buildWebhookBody(document);
  const timestamp = String(Math.floor(nowMs / 1_000));
  const signature = createHmac('sha256', secret)
    .update(`${SIGNATURE_VERSION}:${timestamp}:${body}`)
    .digest('hex');
  return {
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'trueup-id': document.id,
      'trueup-timestamp': timestamp,
      'trueup-signature': `${SIGNATURE_VERSION}=${signature}`,
    },
    body,
  };
}

/**
 * Serializes the document. `<`, `>`, `&` and line separators in strings are escaped, so that the JSON is safe to embed
 * in HTML or a script.
 */
const buildWebhookBody = (document: PageDocument): string =>
  JSON.stringify({ ...document, findings: document.findings.map(escapeFinding) }).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

const escapeFinding = (finding: PageFinding): PageFinding => ({
  ...finding,
  remedy: escapeLines(finding.remedy),
  check: finding.check.map(escapeForDisplay),
  statements: finding.statements.map(escapeForDisplay),
});
