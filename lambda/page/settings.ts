/**
 * What the pager is told by its environment. The construct writes it as {@link PAGE_VARIABLE}, the handler reads it
 * with {@link pageSettings}.
 */
import type { ApplicationFormat } from './logs/application-lines';

export interface WatchedLogGroup {
  readonly name: string;
  /** How its lines are read: a database's, or an application's. */
  readonly lines: { readonly format: 'postgresql' } | ApplicationFormat;
}

export interface PageSettings {
  /** What the names of alarms and metrics begin with. */
  readonly prefix: string;
  readonly topicArn: string;
  /** Where chats are told, in the form of Amazon Q Developer. @default - no chat is told */
  readonly chatTopicArns?: readonly string[];
  /** Where the document goes, for those who send it on over HTTPS. @default - nobody does */
  readonly documentTopicArn?: string;
  /** The pager's own, which holds what was paged. @default - nothing is resolved */
  readonly ownLogGroup?: string;
  readonly logGroups: readonly WatchedLogGroup[];
  /** By database: the functions that answer questions about it, one a namespace. */
  readonly functions: Readonly<Record<string, readonly string[]>>;
  /** By function that checks a fleet's server: what pages call it. @default - none is checked */
  readonly fleets?: Readonly<Record<string, string>>;
  /** Phrases; lines that hold one do not count, as in the metric filters. */
  readonly ignore: readonly string[];
  /** Roles whose own errors do not count. */
  readonly exceptRoles: readonly string[];
  /** How often the schedule calls. */
  readonly lookAgainMs: number;
  /** Where docs/defects is to be read, with a slash at the end; null where it is not. */
  readonly runbookUrl: string | null;
}

/** The variable that holds them, as JSON. Lambda allows 4 KB for all variables together. */
export const PAGE_VARIABLE = 'TRUEUP_PAGE';

/** @throws {Error} when it is missing or no JSON */
export function pageSettings(env: NodeJS.ProcessEnv): PageSettings {
  const text = env[PAGE_VARIABLE];
  if (!text) throw new Error(`The environment variable ${PAGE_VARIABLE} is not set.`);
  return JSON.parse(text) as PageSettings;
}
