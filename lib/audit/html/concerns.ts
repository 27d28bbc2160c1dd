/** Which columns findings are about. Pure. */
import type { Difference } from '../../../lambda/audit/compare/difference';
import type { Grade } from '../../../lambda/audit/finding';
import { key, namesIn } from '../../../lambda/audit/names';
import type { AuditFinding } from '../findings';

/** What is found of a column. */
export interface Concern {
  readonly grade: Grade;
  readonly id: string;
}

/**
 * By the name of the column, the surest.
 * @param findings of one table, the surest first
 */
export function concernsOf(
  findings: readonly AuditFinding[],
  differences: readonly Difference[],
): ReadonlyMap<string, Concern> {
  const columnsOf = new Map(
    differences.map(({ id, object, message, columns }) => [key(id, object, message), columns]),
  );
  const concerns = new Map<string, Concern>();
  for (const { id, object, message, grade } of findings) {
    const column = namesIn(object)[2];
    const columns = column === undefined ? (columnsOf.get(key(id, object, message)) ?? []) : [column];
    for (const each of columns) if (!concerns.has(each)) concerns.set(each, { grade, id });
  }
  return concerns;
}
