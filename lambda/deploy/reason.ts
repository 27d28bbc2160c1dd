/**
 * Texts for CloudFormation. They are short, because its response may have at most 4096 bytes
 * (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html), and the provider
 * framework does not shorten them.
 */
import type { ConvergeReport } from '../contract/converge';
import type { DeployAttributes } from '../contract/custom-resource';
import { toSentence } from '../contract/errors';

/** Leaves room for the framework's own lines and for the ids in the response. */
const MAX_REASON_BYTES = 1_300;
const MAX_ATTRIBUTE_BYTES = 450;

/**
 * An error for the framework, which sends `stack`, not `message`. `stack` is therefore set to one line, without paths
 * and without a second copy of the message.
 */
export class DeployError extends Error {
  override readonly name = 'TrueupError';
  /** @param logGroup the functions' log group; empty if it is not known */
  constructor(message: string, logGroup = '') {
    super(appendLogGroup(message, logGroup));
    this.stack = this.message;
  }
}

/**
 * Appends the log group. The framework ends each reason with the name that Lambda would have given the function's log
 * group. The functions log elsewhere, so that group does not exist.
 */
function appendLogGroup(message: string, logGroup: string): string {
  if (logGroup === '') return shortenToBytes(message, MAX_REASON_BYTES);
  const log = ` Log group: ${logGroup} (the one named below does not exist).`;
  return shortenToBytes(message, MAX_REASON_BYTES - measureJsonBytes(log)) + log;
}

/**
 * Describes the end of a rollback. If a log line has a `message`, `cdk deploy` prints only that, and after a failure
 * it prints the end of this log. A rollback's line is the last one there, so it repeats why the deployment failed.
 * @param failure as CloudFormation's event has it; null if Trueup did not cause the failure
 */
export function describeRollback(end: string, failure: string | null): string {
  return `${toSentence(end)}${failure === null ? '' : ` What failed: ${toSentence(parseFailure(failure))}`}`;
}

/**
 * Extracts Trueup's sentence from the text of CloudFormation's event: `Received response status [FAILED] from custom
 * resource. Message returned: Error: … Log group: … Logs: …` and the framework's stack.
 */
function parseFailure(reason: string): string {
  const returned = reason.split('Message returned: ').at(-1) ?? '';
  const [said = ''] = returned.split(/\n|\bLog group: |\bLogs: \/aws\/lambda\//);
  return shortenToBytes(said.replace(/^(TrueupError|Error): /, ''), MAX_REASON_BYTES);
}

/** Returns one line without control characters, at most `bytes` long as JSON. */
export function shortenToBytes(text: string, bytes: number): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what has to go
  const line = text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\s]+/g, ' ').trim();
  if (measureJsonBytes(line) <= bytes) return line;
  let cut = '';
  for (const character of line) {
    if (measureJsonBytes(`${cut}${character} …`) > bytes) break;
    cut += character;
  }
  return `${cut.trimEnd()} …`;
}

const measureJsonBytes = (text: string): number => Buffer.byteLength(JSON.stringify(text)) - 2;

/**
 * Joins as many items as fit, and adds the number of the others. An empty list is `none`, because a value must not be
 * empty.
 */
function joinWhileFitting(items: readonly string[], separator = ', '): string {
  if (items.length === 0) return 'none';
  const [first = '', ...others] = items.map((item) => shortenToBytes(item, MAX_ATTRIBUTE_BYTES - 30));
  let text = first;
  for (const [index, item] of others.entries()) {
    const rest = ` and ${others.length - index} more`;
    if (measureJsonBytes(`${text}${separator}${item}${rest}`) > MAX_ATTRIBUTE_BYTES) return text + rest;
    text += separator + item;
  }
  return text;
}

/**
 * Builds the attributes. Every response contains all of them: CloudFormation fails a stack that refers to a missing
 * one.
 * @param report null if the database was never reached
 * @param note why the work was given up, if that counts as success
 */
export function buildAttributes(report: ConvergeReport | null, note: string | null): DeployAttributes {
  const warnings = joinWhileFitting([...(note === null ? [] : [note]), ...(report?.warnings ?? [])], '; ');
  if (report === null) {
    return { Position: 'unknown', Applied: 'none', Undone: 'none', Kept: 'unknown', Warnings: warnings };
  }
  return {
    Position: shortenToBytes(report.position, MAX_ATTRIBUTE_BYTES) || 'none',
    Applied: joinWhileFitting(report.applied),
    Undone: joinWhileFitting(report.undone),
    Kept: joinWhileFitting(report.kept.map(({ name, reason }) => `${name} (${reason})`)),
    Warnings: warnings,
  };
}
