/** Which columns findings are about. Pure. */
import type { Difference } from '../../../lambda/audit/compare/difference';
import type { Grade } from '../../../lambda/audit/finding';
import { key, namesIn } from '../../../lambda/audit/names';
import type { AuditFinding } from '../../../lambda/defects/findings';

/** What is found of a column. */
export interface Concern {
  readonly grade: Grade;
  readonly id: string;
}

/**
 * Of the findings of one table, by the name of the column, the surest.
 * @param differences what findings of keys and indexes come from: which columns they have
 */
export function concerns(
  differences: readonly Difference[],
): (findings: readonly AuditFinding[]) => ReadonlyMap<string, Concern> {
  const columnsOf = new Map(
    differences.map(({ id, object, message, columns }) => [key(id, object, message), columns]),
  );
  return (findings) => {
    const surest = new Map<string, Concern>();
    for (const { id, object, message, grade } of findings) {
      const column = namesIn(object)[2];
      const columns = column === undefined ? (columnsOf.get(key(id, object, message)) ?? []) : [column];
      for (const each of columns) if (!surest.has(each)) surest.set(each, { grade, id });
    }
    return surest;
  };
}
