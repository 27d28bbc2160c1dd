/** Sends one page to one receiver. The log contains neither the URL nor a secret nor the receiver's responses. */

import type { HttpsForm } from '../contract/notify';
import { log } from '../log';
import { buildSubject, hashParts, type PageDocument, type PageFinding } from '../page/document/document';
import { buildPagerDutyEvents } from '../page/forms/pagerduty';
import { buildWebhookRequest } from '../page/forms/webhook';
import { ENDS_PATTERN, type PageEnds, readEnds } from '../page/page-records';
import { classifyStatus, type DeliveryOutcome } from './answer';
import type { HttpPost, NotifyOutbound } from './notify-outbound';
import type { NotifySettings } from './notify-settings';
import type { SecretCache } from './secret';

export interface NotifyContext {
  readonly settings: NotifySettings;
  readonly out: NotifyOutbound;
  readonly secrets: SecretCache;
  /** Timeouts in milliseconds, for one response and for all requests of a page. @default - {@link DEFAULT_TIMING} */
  readonly timing?: { readonly answerMs: number; readonly allMs: number };
}

const DEFAULT_TIMING = { answerMs: 6_000, allMs: 14_000 };
/**
 * The age from which a page may have been sent before: the queue delivers a new message within seconds, and one that
 * failed only after its visibility timeout of three minutes.
 */
const FIRST_RETRY_MS = 60_000;
/** Timeout for one search of the pager's log. There are two searches, and the function has 30 seconds. */
const READ_ENDS_TIMEOUT_MS = 5_000;

/**
 * Delivers a page. Messages arrive in any order: a receiver that was down may get a page after the page has ended. A
 * page that has ended by now is therefore sent as resolved, and a page that ended while it was being sent is followed
 * by its end. The pager records an end, and reads that record back, before it sends the end
 * (lambda/page/causes/resolve.ts). If this function finds no record, the end itself will still arrive later. An end whose
 * finding was paged again is not sent. If an earlier attempt may have sent it, the finding is triggered once more, because
 * a slow receiver may have acted on that attempt after the newer page.
 *
 * @throws {Error} if the delivery should be retried later: the queue does that, and finally moves the message to the
 * dead letters
 */
export async function deliverPage(body: string, context: NotifyContext): Promise<void> {
  const { settings } = context;
  const document = parseDocument(body);
  if (document === null) return sendToDeadLetters(body, 'it is not a page of version 1', context);
  const before = await readEndsSince(document, context);
  if (before === null && document.action === 'resolve')
    throw new Error(`${settings.form}: the pager's log could not be read. Retrying.`);
  const isRetry = Date.now() - Date.parse(document.at) >= FIRST_RETRY_MS;
  const parts = before === null ? [document] : splitByCurrentState(document, before, isRetry);
  if (parts.length === 0)
    return log('delivery-skipped', { form: settings.form, page: document.id, why: 'paged again' });
  if (!(await sendAll(parts, body, context))) return;
  const [page] = parts.filter(({ action }) => action === 'trigger');
  if (page === undefined) return;
  const after = await readEndsSince(page, context);
  if (after === null)
    throw new Error(
      `${settings.form}: the page was sent, but the pager's log could not be read to find out whether it has ended. Retrying.`,
    );
  await sendAll(
    splitByCurrentState(page, after).filter(({ action }) => action === 'resolve'),
    body,
    context,
  );
}

/** Returns null if the log cannot be read. */
async function readEndsSince(
  { at }: PageDocument,
  { settings, out }: NotifyContext,
): Promise<PageEnds | null> {
  const { pagerLogGroup: logGroup } = settings;
  if (logGroup === undefined) return { over: new Set(), pagedAgain: new Set() };
  const search = { logGroup, fromMs: Date.parse(at), toMs: Date.now(), pattern: ENDS_PATTERN };
  try {
    return readEnds(await out.searchLogs(search, READ_ENDS_TIMEOUT_MS), Date.parse(at));
  } catch (error) {
    log('pager-log-unreadable', { reason: (error as Error).name });
    return null;
  }
}

/**
 * Returns the documents that should be sent now for a page or for an end. Pure.
 *
 * @param isRetry whether an earlier attempt may have sent it
 */
function splitByCurrentState(
  document: PageDocument,
  { over, pagedAgain }: PageEnds,
  isRetry = false,
): readonly PageDocument[] {
  const { action, findings, id, subject } = document;
  if (findings.length === 0) return [document];
  if (action === 'resolve') {
    const still = findings.filter(({ dedupKey }) => !pagedAgain.has(dedupKey));
    const again = findings.filter(({ dedupKey }) => pagedAgain.has(dedupKey));
    return [
      ...(still.length > 0 ? [{ ...document, findings: still }] : []),
      ...(isRetry && again.length > 0 ? [reopen(document, again)] : []),
    ];
  }
  const open = findings.filter(({ dedupKey }) => !over.has(dedupKey));
  const ended = findings.filter(({ dedupKey }) => over.has(dedupKey));
  return [
    ...(open.length > 0 ? [{ ...document, findings: open }] : []),
    ...(ended.length > 0
      ? [
          {
            ...document,
            id: hashParts([id, 'over']),
            action: 'resolve' as const,
            subject: buildSubject('[Trueup] resolved: ', subject.replace(/^\[Trueup[^\]]*\] /, ''), ''),
            findings: ended,
          },
        ]
      : []),
  ];
}

/** Turns an end into a page. What the newer page says is not known here, so this one refers to it. */
function reopen(end: PageDocument, findings: readonly PageFinding[]): PageDocument {
  return {
    ...end,
    id: hashParts([end.id, 'again']),
    action: 'trigger',
    subject: buildSubject('[Trueup] ', end.subject.replace(/^\[Trueup[^\]]*\] resolved: /, ''), ''),
    findings: findings.map((finding) => ({
      ...finding,
      severity: 'error',
      now: ['It was paged again after it had been resolved. The newer page has the details.'],
      why: [],
    })),
  };
}

/** Sends the documents. Returns false if one was refused and the page became a dead letter. */
async function sendAll(
  documents: readonly PageDocument[],
  body: string,
  context: NotifyContext,
): Promise<boolean> {
  const { settings, secrets } = context;
  const refusals: string[] = [];
  for (const document of documents) {
    const secret = await secrets.get(settings.secretArn);
    let sent = await sendToReceiver(document, secret.value, context).catch((error: Error) => {
      secrets.forget(settings.secretArn);
      throw error;
    });
    if (sent.refused > 0 && secret.kept) {
      // The secret may have been rotated since it was cached.
      secrets.forget(settings.secretArn);
      sent = await sendToReceiver(document, (await secrets.get(settings.secretArn)).value, context);
    }
    log('delivery-attempted', { form: settings.form, page: document.id, action: document.action, ...sent });
    if (sent.later > 0)
      throw new Error(`${settings.form}: no conclusive response (${sent.answers.join(', ')}). Retrying.`);
    if (sent.refused > 0) refusals.push(...sent.answers);
  }
  if (refusals.length > 0) await sendToDeadLetters(body, `it was refused (${refusals.join(', ')})`, context);
  return refusals.length === 0;
}

function parseDocument(body: string): PageDocument | null {
  try {
    const document = JSON.parse(body) as Partial<PageDocument> | null;
    return document?.version === 1 && Array.isArray(document.findings) ? (document as PageDocument) : null;
  } catch {
    return null;
  }
}

type SendResult = Record<DeliveryOutcome, number> & { readonly answers: readonly string[] };

async function sendToReceiver(
  document: PageDocument,
  secret: string,
  context: NotifyContext,
): Promise<SendResult> {
  const { settings, out, timing = DEFAULT_TIMING } = context;
  const sent = { delivered: 0, refused: 0, later: 0 };
  const answers: string[] = [];
  const until = Date.now() + timing.allMs;
  for (const post of REQUESTS_BY_FORM[settings.form](document, secret)) {
    const answer = await postWithTimeout(
      post,
      settings.url,
      out,
      Math.min(timing.answerMs, until - Date.now()),
    );
    sent[typeof answer === 'number' ? classifyStatus(answer) : 'later']++;
    answers.push(String(answer));
  }
  return { ...sent, answers };
}

/** Returns the status, or the code of the error. */
async function postWithTimeout(
  post: HttpPost,
  url: string,
  out: NotifyOutbound,
  timeoutMs: number,
): Promise<number | string> {
  if (timeoutMs <= 0) return 'no time left';
  try {
    return await out.post(url, post, timeoutMs);
  } catch (error) {
    const { name, code } = error as NodeJS.ErrnoException;
    return name === 'AbortError' || name === 'TimeoutError' ? 'no answer in time' : String(code ?? name);
  }
}

type BuildRequests = (document: PageDocument, secret: string) => readonly HttpPost[];

/** The requests of each form of receiver. A form without its requests does not compile. */
const REQUESTS_BY_FORM: Readonly<Record<HttpsForm, BuildRequests>> = {
  webhook: (document, secret) => [buildWebhookRequest(document, secret, Date.now())],
  pagerduty: buildPagerDutyRequests,
};

/**
 * Builds the requests.
 * @throws {Error} if the secret has other values besides the key: PagerDuty must not receive them
 */
function buildPagerDutyRequests(document: PageDocument, secret: string): readonly HttpPost[] {
  if (/^[{[]/.test(secret))
    throw new Error(
      'The secret is JSON with values besides the key, so nothing was sent. Store the key as its only value.',
    );
  return buildPagerDutyEvents(document, secret).map((event) => ({
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(event),
  }));
}

/** Publishes the page as a dead letter at once, since it is not retried. */
async function sendToDeadLetters(body: string, why: string, { settings, out }: NotifyContext): Promise<void> {
  log('delivery-failed', { form: settings.form, why });
  await out.refuse(settings.refusedTopicArn, body);
}
