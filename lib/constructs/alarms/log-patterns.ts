/**
 * Builds CloudWatch filter patterns for the errors that Trueup knows, from their signatures.
 *
 * The patterns rely on these rules
 * (https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html): terms are case-sensitive, all
 * of them must be in the event, a quoted phrase must occur exactly as written, and `-` excludes. Regular expressions
 * are not used: a log group allows five of them for metric and subscription filters together, and those are left for
 * the group's other users.
 */
import type { LoggedMessage, LogSignature } from '../../../lambda/defects/defect';
import { formatHeartbeat } from '../../../lambda/migrate/heartbeat';
import type { ApplicationFormat } from '../../../lambda/page/logs/application-lines';

/** Limits of CloudWatch Logs: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html */
export const LOG_FILTER_LIMITS = { patternLength: 1024, filtersPerLogGroup: 100 } as const;

export interface DatabasePatternOptions {
  /** Roles whose errors do not count, e.g. the migrator's dedicated role. @default - the errors of all roles count */
  readonly excludedRoles?: readonly string[];
  /** Phrases that exclude an event that contains one. @default - none */
  readonly ignore?: readonly string[];
}

/**
 * Returns the patterns for the log group of a database. A line is an event, and an error counts when its ERROR line
 * *begins* with the words: `ERROR:  null value …`, or with verbose logging `ERROR:  23502: null value …`. Each wording
 * therefore has two patterns.
 *
 * A pattern has no anchors, and the words can also occur further on: in a STATEMENT, or in another error's message that
 * quotes user input (`ERROR:  invalid input syntax for type uuid: "ERROR:  null value …"`). Input from visitors must
 * not raise an alarm, so a line is excluded if its message or statement begins with something else ({@link
 * otherBeginnings}).
 *
 * RAISE EXCEPTION with exactly the same words is recognized if the log has its SQLSTATE, P0001: with verbose logging,
 * and with the prefix that PostgreSQL 16 introduced. Otherwise it counts.
 */
export function buildDatabasePatterns(
  signature: LogSignature,
  options: DatabasePatternOptions = {},
): readonly string[] {
  return signature.messages.flatMap((message) => [
    buildLinePattern(
      message.begins,
      [...message.lacks, ':P0001:', ...QUOTING_LINE_PREFIXES],
      message,
      options,
    ),
    // The text after another keyword, e.g. STATEMENT, does not begin with an SQLSTATE, so {@link listOtherBeginnings}
    // already excludes it.
    buildLinePattern(`${message.sqlstate}: ${message.begins}`, message.lacks, message, options),
  ]);
}

/**
 * Keywords of other lines that can quote text written by users. They are excluded by keyword: the text may begin with
 * the same letter as one of our messages, and {@link listOtherBeginnings} would then not exclude it.
 */
const QUOTING_LINE_PREFIXES = [
  'STATEMENT:  ',
  'DETAIL:  ',
  'CONTEXT:  ',
  'QUERY:  ',
  'HINT:  ',
  'LOG:  ',
  'WARNING:  ',
];

function buildLinePattern(
  begins: string,
  lacks: readonly string[],
  { holds }: LoggedMessage,
  { excludedRoles = [], ignore = [] }: DatabasePatternOptions,
): string {
  const excluded = [
    ...lacks,
    ...listOtherBeginnings(begins).map((each) => `:  ${each}`),
    'is out of range',
    // With `%r:%u@%d` in the prefix, the role is between a colon and the database.
    ...excludedRoles.map((role) => `:${role}@`),
    ...ignore,
  ];
  return assertPatternLength(
    [`ERROR:  ${begins}`, ...holds].map(quotePhrase).join(' ') +
      excluded.map((each) => ` -${quotePhrase(each)}`).join(''),
  );
}

/**
 * Characters that another message or statement can begin with. The double quote is missing because a phrase cannot
 * contain it; the message `"9e999" is out of range for type real` is excluded by its words instead.
 */
const FIRST_CHARACTERS = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789([#<'];

/**
 * Beginnings of other texts that share their first letter with one of our messages and quote a value or name that a
 * user may have chosen: beginnings of the server's messages, of SQLSTATEs in a verbose log, and of some messages that
 * users write themselves.
 */
const SIMILAR_BEGINNINGS = [
  ...['ca', 'che', 'col', 'conf', 'conv', 'cou', 'cu'],
  ...['da', 'de', 'di', 'do'],
  ...['fa', 'fi', 'fo', 'fu'],
  ...['ne', 'no', 'num', 'nam'],
  ...['on', 'opt', 'or', 'ou', 'operation'],
  ...['OK', 'OL', 'On', 'Op', 'Or'],
  ...['ta', 'te', 'thi', 'the ', 'ti', 'to', 'tr', 'ty'],
  ...['20', '21', '22', '25', '26', '28', '2B'],
  ...['40', '425', '426', '42701', '42702', '42703', '42704', '4271', '4280', '4284', '4288', '42P0', '44'],
  ...['53', '54', '57', '58'],
];

/** Returns the beginnings, other than `begins`, of the text that follows a line's keyword. */
const listOtherBeginnings = (begins: string): readonly string[] => [
  ...FIRST_CHARACTERS.filter((first) => !begins.startsWith(first)),
  ...SIMILAR_BEGINNINGS.filter((other) => other[0] === begins[0] && !begins.startsWith(other)),
];

/**
 * Words that surround most values that the server quotes. They exclude a line of an application, whose text has no
 * fixed beginning to match.
 */
const WORDS_AROUND_VALUES = [
  'invalid input',
  'invalid value',
  'malformed ',
  'out of range',
  'syntax error',
  'not recognized',
];

/**
 * Returns the patterns for the log group of an application. In a text log the words count anywhere in an event, because
 * every driver and logger formats errors differently. An application that logs one error in several events counts it
 * several times, and one that logs visitors' input can be made to count errors. In a JSON log both the SQLSTATE and the
 * words in the message must match, because a SQLSTATE can have several meanings.
 */
export function buildApplicationPatterns(
  signature: LogSignature,
  format: ApplicationFormat,
  ignore: readonly string[] = [],
): readonly string[] {
  return signature.messages.map((message) =>
    assertPatternLength(
      format.format === 'json'
        ? buildJsonPattern(message, format, ignore)
        : buildTextPattern(message, ignore),
    ),
  );
}

const buildTextPattern = ({ begins, holds, lacks }: LoggedMessage, ignore: readonly string[]): string =>
  [begins, ...holds].map(quotePhrase).join(' ') +
  [...lacks, ...WORDS_AROUND_VALUES, ...ignore].map((each) => ` -${quotePhrase(each)}`).join('');

function buildJsonPattern(
  { sqlstate: state, begins, holds, lacks }: LoggedMessage,
  { sqlstate, message }: { readonly sqlstate: string; readonly message: string },
  ignore: readonly string[],
): string {
  const conditions = [
    `${assertSelector(sqlstate)} = "${state}"`,
    ...[begins, ...holds].map((words) => `${assertSelector(message)} = "*${assertQuotable(words)}*"`),
    ...[...lacks, ...ignore].map((words) => `${assertSelector(message)} != "*${assertQuotable(words)}*"`),
  ];
  return `{ ${conditions.join(' && ')} }`;
}

/**
 * Returns the patterns for the line that the drift check writes. It arrives only if every link from the database to the
 * metric works.
 */
export const buildHeartbeatPatterns = (database: string, namespace: string): readonly string[] =>
  ['LOG:  ', 'LOG:  00000: '].map((begins) =>
    assertPatternLength(quotePhrase(`${begins}${formatHeartbeat(database, namespace)}`)),
  );

const quotePhrase = (words: string): string => `"${assertQuotable(words)}"`;

/**
 * Returns the words unchanged if a quoted phrase can contain them.
 * @throws {Error} for non-ASCII characters, double quotes and backslashes
 */
function assertQuotable(words: string): string {
  if (/^[\x20-\x7e]+$/.test(words) && !/["\\]/.test(words)) return words;
  throw new Error(
    `A filter pattern cannot hold the phrase ${JSON.stringify(words)}: it takes plain ASCII without double quotes and backslashes. Use a part of the phrase that has only such characters.`,
  );
}

export const PROPERTY_SELECTOR = /^\$(?:\.[\w-]+|\[\d+\]|\.?\['[\w. -]+'\])+$/;

/** Returns the text unchanged if it is a property selector. @throws {Error} if it is not */
function assertSelector(text: string): string {
  if (PROPERTY_SELECTOR.test(text)) return text;
  throw new Error(
    `${JSON.stringify(text)} is no property selector. Write where the field is in the JSON document, e.g. $.err.code.`,
  );
}

function assertPatternLength(pattern: string): string {
  if (pattern.length <= LOG_FILTER_LIMITS.patternLength) return pattern;
  throw new Error(
    `A filter pattern would have ${pattern.length} characters, and CloudWatch takes ${LOG_FILTER_LIMITS.patternLength}. Shorten the list of phrases to ignore.`,
  );
}
