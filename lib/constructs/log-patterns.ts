/**
 * CloudWatch filter patterns for the errors that Trueup knows, made from the signatures.
 *
 * What the forms rest on (https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html): terms
 * are case-sensitive and all of them must be in the event, a quoted phrase exactly as it is, `-` excludes. Regular
 * expressions are not used: a log group has five of them for metric and subscription filters together, and those belong
 * to whoever else watches the group.
 */
import type { LoggedMessage, LogSignature } from '../../lambda/defects/defect';
import { HEARTBEAT_WORDS } from '../../lambda/migrate/heartbeat';
import type { ApplicationFormat } from '../../lambda/page/application-lines';

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html */
export const LIMITS = { patternLength: 1024, filtersPerLogGroup: 100 } as const;

export interface DatabasePatternOptions {
  /** Roles whose own errors do not count: the migrator's, where it has a role of its own. @default - everybody's count */
  readonly exceptRoles?: readonly string[];
  /** Phrases; an event that holds one does not count. @default - none */
  readonly ignore?: readonly string[];
}

/**
 * For the log group of a database. A line is an event, and an error counts when its ERROR line *begins* with the words:
 * `ERROR:  null value …`, and with verbose logging `ERROR:  23502: null value …`, which makes two patterns a wording.
 * The same words in other lines (a STATEMENT that inserts log lines into a table, a logged statement) are excluded by
 * the names of these lines. RAISE EXCEPTION with the very same words is told apart where the log has its SQLSTATE, P0001:
 * with verbose logging, and with the prefix that PostgreSQL 16 brought. Otherwise it counts.
 */
export function databasePatterns(
  signature: LogSignature,
  options: DatabasePatternOptions = {},
): readonly string[] {
  return signature.messages.flatMap((message) => [
    linePattern(`ERROR:  ${message.begins}`, message, [':P0001:'], options),
    linePattern(`ERROR:  ${message.sqlstate}: ${message.begins}`, message, [], options),
  ]);
}

/** Lines that quote what somebody wrote. */
const OTHER_LINES = [
  'STATEMENT:  ',
  'DETAIL:  ',
  'CONTEXT:  ',
  'QUERY:  ',
  'HINT:  ',
  'LOG:  ',
  'WARNING:  ',
];

function linePattern(
  begins: string,
  message: LoggedMessage,
  lacks: readonly string[],
  { exceptRoles = [], ignore = [] }: DatabasePatternOptions,
): string {
  const excluded = [
    ...message.lacks,
    ...lacks,
    ...OTHER_LINES,
    // `%r:%u@%d`: the role stands between a colon and the database.
    ...exceptRoles.map((role) => `:${role}@`),
    ...ignore,
  ];
  return checked(
    [begins, ...message.holds].map(phrase).join(' ') + excluded.map((each) => ` -${phrase(each)}`).join(''),
  );
}

/**
 * For the log group of an application. Text: the words, wherever they stand, since every driver and logger writes them
 * into another frame; an application that logs one error in several lines counts it as often. JSON: the SQLSTATE, and the
 * words in the message, since SQLSTATEs have several meanings.
 */
export function applicationPatterns(
  signature: LogSignature,
  format: ApplicationFormat,
  ignore: readonly string[] = [],
): readonly string[] {
  if (format.format === 'json') return [checked(jsonPattern(signature, format, ignore))];
  return signature.messages.map((message) =>
    checked(
      [message.begins, ...message.holds].map(phrase).join(' ') +
        [...message.lacks, ...ignore].map((each) => ` -${phrase(each)}`).join(''),
    ),
  );
}

function jsonPattern(
  signature: LogSignature,
  { sqlstate, message }: { readonly sqlstate: string; readonly message: string },
  ignore: readonly string[],
): string {
  const alternatives = signature.messages.map(({ sqlstate: state, begins, holds, lacks }) =>
    [
      `${selector(sqlstate)} = "${state}"`,
      ...[begins, ...holds].map((words) => `${selector(message)} = "*${inert(words)}*"`),
      ...[...lacks, ...ignore].map((words) => `${selector(message)} != "*${inert(words)}*"`),
    ].join(' && '),
  );
  // && binds stronger than ||, so no brackets are needed.
  return `{ ${alternatives.join(' || ')} }`;
}

/** The line that the drift check writes: it arrives when every link from the database to the metric holds. */
export const heartbeatPatterns = (database: string, namespace: string): readonly string[] =>
  ['LOG:  ', 'LOG:  00000: '].map((begins) =>
    checked(phrase(`${begins}${HEARTBEAT_WORDS(database, namespace)}`)),
  );

const phrase = (words: string): string => `"${inert(words)}"`;

/** @throws {Error} for what a quoted phrase cannot hold */
function inert(words: string): string {
  if (/^[\x20-\x7e]+$/.test(words) && !/["\\]/.test(words)) return words;
  throw new Error(
    `A filter pattern cannot hold the phrase ${JSON.stringify(words)}: it takes plain ASCII without double quotes and backslashes. Give a part of it that is.`,
  );
}

/** @throws {Error} when it is no property selector */
function selector(text: string): string {
  if (/^\$(?:\.[\w-]+|\[\d+\]|\.?\['[\w. -]+'\])+$/.test(text)) return text;
  throw new Error(
    `${JSON.stringify(text)} is no property selector. Write where the field is in the JSON document, e.g. $.err.code.`,
  );
}

function checked(pattern: string): string {
  if (pattern.length <= LIMITS.patternLength) return pattern;
  throw new Error(
    `A filter pattern would have ${pattern.length} characters, and CloudWatch takes ${LIMITS.patternLength}. Shorten the list of phrases to ignore.`,
  );
}
