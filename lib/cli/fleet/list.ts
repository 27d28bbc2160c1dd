/** `--fleet FILE`: reads the list of the command's tenants. */
import { readFileSync, statSync } from 'node:fs';
import { ListError } from '../../../lambda/fleet/entries';
import { assertListSize, type ListedTenant, readTenantList } from '../../../lambda/fleet/tenant-list';
import { UsageError } from '../terminal/failure';
import { formatCount } from '../terminal/terminal';

const LIST_REMEDY =
  'A list has one tenant per line, as JSON: {"name": "acme", "database": "shop", "schema": "acme"}. docs/fleet.md describes it.';
/** Maximum number of problems that are listed. */
const MAX_SHOWN = 10;

/**
 * Reads the tenants from a list.
 * @param only names of the tenants that the user selected; empty for all
 * @throws {UsageError} with the problems of the list by line
 */
export function loadTenantList(
  file: string,
  database: string | undefined,
  only: readonly string[] = [],
): ListedTenant[] {
  const targets = withUsageErrors(file, () => {
    assertListSize(statSync(file).size);
    const text = readFileSync(file, 'utf8');
    return readTenantList(text, database === undefined ? {} : { database });
  });
  const missing = only.filter((name) => !targets.some((target) => target.name === name));
  if (missing.length > 0)
    throw new UsageError(
      `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} not in ${file}`,
      'Give the name of a tenant as it is in the list.',
    );
  return only.length === 0 ? targets : targets.filter(({ name }) => only.includes(name));
}

function withUsageErrors<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof ListError) throw new UsageError(formatListProblems(file, error), LIST_REMEDY);
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new UsageError(`the list of tenants ${file} cannot be read (${code})`, LIST_REMEDY);
  }
}

function formatListProblems(file: string, { problems }: ListError): string {
  const shown = problems
    .slice(0, MAX_SHOWN)
    .map(({ line, message }) => `${file}${line === null ? '' : `:${line}`}: ${message}`);
  const more = problems.length - shown.length;
  return [...shown, ...(more > 0 ? [`and ${formatCount(more, 'more problem')}`] : [])].join('\n');
}
