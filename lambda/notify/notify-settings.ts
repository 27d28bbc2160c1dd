/**
 * The settings of the function that sends pages, passed in an environment variable. The construct writes it with
 * {@link buildNotifyEnvironment}, and the handler reads it with {@link readNotifySettings}. It contains no secret.
 */
import type { HttpsForm } from '../contract/notify';

export interface NotifySettings {
  readonly form: HttpsForm;
  /** HTTPS address to which pages are posted. */
  readonly url: string;
  /** ARN of the secret: PagerDuty's routing key, or the key that signs the webhook's requests. */
  readonly secretArn: string;
  /** Topic to which the queue of dead letters is subscribed. */
  readonly refusedTopicArn: string;
  /**
   * The pager's log group, which records which pages were sent and which have ended. @default - pages are sent
   * without checking whether they have ended
   */
  readonly pagerLogGroup?: string;
}

const NOTIFY_VARIABLE = 'TRUEUP_NOTIFY';

export const buildNotifyEnvironment = (settings: NotifySettings): Record<string, string> => ({
  [NOTIFY_VARIABLE]: JSON.stringify(settings),
});

/** @throws {Error} if the variable is missing or not valid JSON */
export function readNotifySettings(env: NodeJS.ProcessEnv): NotifySettings {
  const text = env[NOTIFY_VARIABLE];
  if (!text) throw new Error(`The environment variable ${NOTIFY_VARIABLE} is not set.`);
  return JSON.parse(text) as NotifySettings;
}
