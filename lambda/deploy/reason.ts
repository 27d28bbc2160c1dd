/**
 * What CloudFormation is told: short texts, for its answer may hold 4096 bytes in all
 * (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html), and the provider framework
 * cuts nothing.
 */
import type { Report } from '../contract/converge';
import type { DeployAttributes } from '../contract/custom-resource';

/** Leaves room for the framework's own lines and for the ids of the answer. */
const REASON_BYTES = 1_300;
const ATTRIBUTE_BYTES = 450;

/**
 * The framework sends `stack`, not `message`. One line in it, so that neither a path nor a second copy of the message
 * goes along.
 */
export class DeployError extends Error {
  override readonly name = 'TrueupError';
  /** @param logGroup of our functions; empty when it is not known */
  constructor(message: string, logGroup = '') {
    super(withLog(message, logGroup));
    this.stack = this.message;
  }
}

/**
 * The framework ends each reason with the log group that Lambda would have made for the function. Ours log elsewhere, so
 * that one does not exist.
 */
function withLog(message: string, logGroup: string): string {
  if (logGroup === '') return shorten(message, REASON_BYTES);
  const log = ` Log group: ${logGroup} (the one named below does not exist).`;
  return shorten(message, REASON_BYTES - size(log)) + log;
}

/** One line without control characters, at most `bytes` long as JSON. */
export function shorten(text: string, bytes: number): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what has to go
  const line = text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\s]+/g, ' ').trim();
  if (size(line) <= bytes) return line;
  let cut = '';
  for (const character of line) {
    if (size(`${cut}${character} …`) > bytes) break;
    cut += character;
  }
  return `${cut.trimEnd()} …`;
}

const size = (text: string): number => Buffer.byteLength(JSON.stringify(text)) - 2;

/** Joined while they fit, and how many more there are. An empty list is `none`: a value may not be empty. */
function list(items: readonly string[], separator = ', '): string {
  if (items.length === 0) return 'none';
  const [first = '', ...others] = items.map((item) => shorten(item, ATTRIBUTE_BYTES - 30));
  let text = first;
  for (const [index, item] of others.entries()) {
    const rest = ` and ${others.length - index} more`;
    if (size(`${text}${separator}${item}${rest}`) > ATTRIBUTE_BYTES) return text + rest;
    text += separator + item;
  }
  return text;
}

/**
 * Every attribute, always: CloudFormation fails a stack that asks for one that is not there.
 * @param report null when the database was never reached
 * @param note why the work was given up, where that is a success all the same
 */
export function attributes(report: Report | null, note: string | null): DeployAttributes {
  const warnings = list([...(note === null ? [] : [note]), ...(report?.warnings ?? [])], '; ');
  if (report === null) {
    return { Position: 'unknown', Applied: 'none', Undone: 'none', Kept: 'unknown', Warnings: warnings };
  }
  return {
    Position: shorten(report.position, ATTRIBUTE_BYTES) || 'none',
    Applied: list(report.applied),
    Undone: list(report.undone),
    Kept: list(report.kept.map(({ name, reason }) => `${name} (${reason})`)),
    Warnings: warnings,
  };
}
