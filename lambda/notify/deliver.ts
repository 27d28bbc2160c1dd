/** One page, to one receiver. Neither the URL, nor a secret, nor what the receiver answers is in any log. */
import { log } from '../log';
import type { PageDocument } from '../page/document/document';
import { pagerDutyEvents } from '../page/forms/pagerduty';
import { webhookRequest } from '../page/forms/webhook';
import { type Meaning, meaningOf } from './answer';
import type { Outbound, Post } from './outbound';
import type { Secrets } from './secret';
import type { NotifySettings } from './settings';

export interface NotifyContext {
  readonly settings: NotifySettings;
  readonly out: Outbound;
  readonly secrets: Secrets;
  /** Milliseconds, for one answer and for all of a page. @default - {@link TIMING} */
  readonly timing?: { readonly answerMs: number; readonly allMs: number };
}

export const TIMING = { answerMs: 6_000, allMs: 20_000 };

/** @throws {Error} when it is to be tried again later: the queue does that, and ends with the dead letters */
export async function deliver(body: string, context: NotifyContext): Promise<void> {
  const { settings, secrets } = context;
  const document = documentIn(body);
  if (document === null) return refuse(body, 'it is no page of version 1', context);
  const secret = await secrets.get(settings.secretArn);
  let sent = await send(document, secret.value, context).catch((error: Error) => {
    secrets.forget(settings.secretArn);
    throw error;
  });
  if (sent.refused > 0 && secret.kept) {
    // It may have been rotated since.
    secrets.forget(settings.secretArn);
    sent = await send(document, (await secrets.get(settings.secretArn)).value, context);
  }
  log('sent', { form: settings.form, page: document.id, action: document.action, ...sent });
  if (sent.later > 0)
    throw new Error(
      `${settings.form}: no answer that settles it (${sent.answers.join(', ')}). It is tried again.`,
    );
  if (sent.refused > 0) await refuse(body, `it was refused (${sent.answers.join(', ')})`, context);
}

function documentIn(body: string): PageDocument | null {
  try {
    const document = JSON.parse(body) as Partial<PageDocument> | null;
    return document?.version === 1 && Array.isArray(document.findings) ? (document as PageDocument) : null;
  } catch {
    return null;
  }
}

type Sent = Record<Meaning, number> & { readonly answers: readonly string[] };

async function send(document: PageDocument, secret: string, context: NotifyContext): Promise<Sent> {
  const { settings, out, timing = TIMING } = context;
  const sent = { delivered: 0, refused: 0, later: 0 };
  const answers: string[] = [];
  const until = Date.now() + timing.allMs;
  for (const post of postsOf(document, secret, settings)) {
    const answer = await answerTo(post, settings.url, out, Math.min(timing.answerMs, until - Date.now()));
    sent[typeof answer === 'number' ? meaningOf(answer) : 'later']++;
    answers.push(String(answer));
  }
  return { ...sent, answers };
}

/** A status, or the code of what went wrong. */
async function answerTo(post: Post, url: string, out: Outbound, timeoutMs: number): Promise<number | string> {
  if (timeoutMs <= 0) return 'no time left';
  try {
    return await out.post(url, post, timeoutMs);
  } catch (error) {
    const { name, code } = error as NodeJS.ErrnoException;
    return name === 'AbortError' || name === 'TimeoutError' ? 'no answer in time' : String(code ?? name);
  }
}

/** @throws {Error} where the secret is another one's: PagerDuty is sent its key, and nothing else that a secret may hold */
function postsOf(document: PageDocument, secret: string, { form }: NotifySettings): readonly Post[] {
  if (form === 'webhook') return [webhookRequest(document, secret, Date.now())];
  if (/^[{[]/.test(secret))
    throw new Error(
      'The secret is a JSON object with other values than the key alone, so nothing was sent. Give it the key as its only value.',
    );
  return pagerDutyEvents(document, secret).map((event) => ({
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(event),
  }));
}

/** Straight to the dead letters: what is not retried would not be there else. */
async function refuse(body: string, why: string, { settings, out }: NotifyContext): Promise<void> {
  log('not-delivered', { form: settings.form, why });
  await out.refuse(settings.refusedTopicArn, body);
}
