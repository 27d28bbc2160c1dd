/**
 * The settings of the pager, passed in an environment variable. The construct writes it as {@link PAGE_VARIABLE}, and
 * the handler reads it with {@link readPageSettings}.
 */
import type { ApplicationFormat } from './logs/application-lines';

export interface WatchedLogGroup {
  readonly name: string;
  /** Format of the lines: a PostgreSQL log or an application's log. */
  readonly lines: { readonly format: 'postgresql' } | ApplicationFormat;
}

export interface PageSettings {
  /** Prefix of the names of alarms and metrics. */
  readonly prefix: string;
  readonly topicArn: string;
  /** Topics for chats, with messages in the format of Amazon Q Developer. @default - no chats */
  readonly chatTopicArns?: readonly string[];
  /** Topic for the document, which is forwarded over HTTPS. @default - the document is not published */
  readonly documentTopicArn?: string;
  /** The pager's own log group, which records what was paged. @default - pages are not resolved */
  readonly ownLogGroup?: string;
  readonly logGroups: readonly WatchedLogGroup[];
  /** The functions that answer questions about each database, one per ledger namespace. */
  readonly functions: Readonly<Record<string, readonly string[]>>;
  /** The name that pages use for a fleet's server, by the function that checks it. @default - no fleets */
  readonly fleets?: Readonly<Record<string, string>>;
  /** Phrases to ignore. Lines that contain one do not count, as in the metric filters. */
  readonly ignore: readonly string[];
  /** Roles whose own errors do not count. */
  readonly excludedRoles: readonly string[];
  /** Interval of the follow-up checks. */
  readonly rescanIntervalMs: number;
  /** Base URL of docs/defects with a trailing slash, or null if the runbooks are not available online. */
  readonly runbookUrl: string | null;
}

/** The variable that contains the settings as JSON. Lambda allows 4 KB for all variables together. */
export const PAGE_VARIABLE = 'TRUEUP_PAGE';

/** Reads the settings. @throws {Error} if the variable is missing or not valid JSON */
export function readPageSettings(env: NodeJS.ProcessEnv): PageSettings {
  const text = env[PAGE_VARIABLE];
  if (!text) throw new Error(`The environment variable ${PAGE_VARIABLE} is not set.`);
  return JSON.parse(text) as PageSettings;
}
