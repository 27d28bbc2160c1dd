/**
 * CloudWatch filter patterns for the errors that Trueup knows, made from the signatures.
 *
 * What the forms rest on (https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html): terms
 * are case-sensitive and all of them must be in the event, a quoted phrase exactly as it is, `-` excludes. Regular
 * expressions are not used: a log group has five of them for metric and subscription filters together, and those belong
 * to whoever else watches the group.
 */
import type { LoggedMessage, LogSignature } from '../../../lambda/defects/defect';
import { HEARTBEAT_WORDS } from '../../../lambda/migrate/heartbeat';
import type { ApplicationFormat } from '../../../lambda/page/logs/application-lines';

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
 *
 * A pattern has no anchors, and the words can also stand further on: in a STATEMENT, or in another error's message that
 * quotes what somebody gave (`ERROR:  invalid input syntax for type uuid: "ERROR:  null value …"`). No visitor is to raise
 * an alarm, so a line is excluded where a message or a statement begins with something else ({@link otherBeginnings}).
 *
 * RAISE EXCEPTION with the very same words is told apart where the log has its SQLSTATE, P0001: with verbose logging, and
 * with the prefix that PostgreSQL 16 brought. Otherwise it counts.
 */
export function databasePatterns(
  signature: LogSignature,
  options: DatabasePatternOptions = {},
): readonly string[] {
  return signature.messages.flatMap((message) => [
    linePattern(message.begins, [...message.lacks, ':P0001:', ...OTHER_LINES], message, options),
    // What follows the keyword of another line is no SQLSTATE, so its beginning excludes it.
    linePattern(`${message.sqlstate}: ${message.begins}`, message.lacks, message, options),
  ]);
}

/** Lines that quote what somebody wrote, and may begin with a letter that one of our messages begins with. */
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
  lacks: readonly string[],
  { holds }: LoggedMessage,
  { exceptRoles = [], ignore = [] }: DatabasePatternOptions,
): string {
  const excluded = [
    ...lacks,
    ...otherBeginnings(begins).map((each) => `:  ${each}`),
    'is out of range',
    // `%r:%u@%d`: the role stands between a colon and the database.
    ...exceptRoles.map((role) => `:${role}@`),
    ...ignore,
  ];
  return checked(
    [`ERROR:  ${begins}`, ...holds].map(phrase).join(' ') +
      excluded.map((each) => ` -${phrase(each)}`).join(''),
  );
}

/** A quote is missing, since a phrase cannot hold it: `"9e999" is out of range for type real` is excluded by its words. */
const FIRST_CHARACTERS = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789([#<'];

/**
 * What begins like one of our messages, and quotes a value or a name that somebody may have chosen: beginnings of the
 * server's messages, of SQLSTATEs in a verbose log, and a few with which people's own messages begin.
 */
const LIKE_OURS = [
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

/** Of a line's text behind its keyword. */
const otherBeginnings = (begins: string): readonly string[] => [
  ...FIRST_CHARACTERS.filter((first) => !begins.startsWith(first)),
  ...LIKE_OURS.filter((other) => other[0] === begins[0] && !begins.startsWith(other)),
];

/** An application's text has no beginning to go by: these are the words around most values that the server quotes. */
const AROUND_VALUES = [
  'invalid input',
  'invalid value',
  'malformed ',
  'out of range',
  'syntax error',
  'not recognized',
];

/**
 * For the log group of an application. Text: the words, wherever they stand, since every driver and logger writes them
 * into another frame; an application that logs one error in several lines counts it as often, and one that logs what
 * visitors send can be made to count. JSON: the SQLSTATE, and the words in the message, since SQLSTATEs have several
 * meanings.
 */
export function applicationPatterns(
  signature: LogSignature,
  format: ApplicationFormat,
  ignore: readonly string[] = [],
): readonly string[] {
  return signature.messages.map((message) =>
    checked(format.format === 'json' ? jsonPattern(message, format, ignore) : textPattern(message, ignore)),
  );
}

const textPattern = ({ begins, holds, lacks }: LoggedMessage, ignore: readonly string[]): string =>
  [begins, ...holds].map(phrase).join(' ') +
  [...lacks, ...AROUND_VALUES, ...ignore].map((each) => ` -${phrase(each)}`).join('');

function jsonPattern(
  { sqlstate: state, begins, holds, lacks }: LoggedMessage,
  { sqlstate, message }: { readonly sqlstate: string; readonly message: string },
  ignore: readonly string[],
): string {
  const conditions = [
    `${selector(sqlstate)} = "${state}"`,
    ...[begins, ...holds].map((words) => `${selector(message)} = "*${inert(words)}*"`),
    ...[...lacks, ...ignore].map((words) => `${selector(message)} != "*${inert(words)}*"`),
  ];
  return `{ ${conditions.join(' && ')} }`;
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

export const PROPERTY_SELECTOR = /^\$(?:\.[\w-]+|\[\d+\]|\.?\['[\w. -]+'\])+$/;

/** @throws {Error} when it is no property selector */
function selector(text: string): string {
  if (PROPERTY_SELECTOR.test(text)) return text;
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
