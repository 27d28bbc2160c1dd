/** `--fleet FILE`: the targets that a command is about. */
import { readFileSync, statSync } from 'node:fs';
import { formatOf, ListError } from '../../../lambda/fleet/entries';
import { checkSize, readTargets, type Target } from '../../../lambda/fleet/targets';
import { UsageError } from '../terminal/failure';
import { plural } from '../terminal/terminal';

const REMEDY =
  'A list has one target a line, as JSON: {"name": "acme", "database": "shop", "schema": "acme"}. A JSON array and CSV are read too; docs/fleet.md describes them.';
/** Of all that is wrong. */
const SHOWN = 10;

/**
 * @param only names, where a person wants these alone
 * @throws {UsageError} with what is wrong in it, by line
 */
export function targetsFrom(
  file: string,
  database: string | undefined,
  only: readonly string[] = [],
): Target[] {
  const targets = asUsage(file, () => {
    checkSize(statSync(file).size);
    const text = readFileSync(file, 'utf8');
    return readTargets(text, formatOf(file, text), database === undefined ? {} : { database });
  });
  const missing = only.filter((name) => !targets.some((target) => target.name === name));
  if (missing.length > 0)
    throw new UsageError(
      `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} not in ${file}`,
      'Give the name of a target as it is in the list.',
    );
  return only.length === 0 ? targets : targets.filter(({ name }) => only.includes(name));
}

function asUsage<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof ListError) throw new UsageError(listed(file, error), REMEDY);
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new UsageError(`the list of targets ${file} cannot be read (${code})`, REMEDY);
  }
}

function listed(file: string, { problems }: ListError): string {
  const shown = problems
    .slice(0, SHOWN)
    .map(({ line, message }) => `${file}${line === null ? '' : `:${line}`}: ${message}`);
  const more = problems.length - shown.length;
  return [...shown, ...(more > 0 ? [`and ${plural(more, 'more problem')}`] : [])].join('\n');
}
