/**
 * What a sender is told by its environment. The construct writes it with {@link notifyEnvironment}, the handler reads it
 * with {@link notifySettings}. No secret is in it.
 */
export interface NotifySettings {
  readonly form: 'pagerduty' | 'webhook';
  /** Where it is posted to: HTTPS. */
  readonly url: string;
  /** Of the routing key, or of what signs the webhook. */
  readonly secretArn: string;
  /** To which the queue of dead letters is subscribed. */
  readonly refusedTopicArn: string;
}

const NAME = 'TRUEUP_NOTIFY';

export const notifyEnvironment = (settings: NotifySettings): Record<string, string> => ({
  [NAME]: JSON.stringify(settings),
});

/** @throws {Error} when it is missing or no JSON */
export function notifySettings(env: NodeJS.ProcessEnv): NotifySettings {
  const text = env[NAME];
  if (!text) throw new Error(`The environment variable ${NAME} is not set.`);
  return JSON.parse(text) as NotifySettings;
}
