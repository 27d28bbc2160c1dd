/** Determines which columns the findings of a table are about. Pure. */
import type { Difference } from '../../../lambda/audit/compare/difference';
import type { Confidence } from '../../../lambda/audit/finding';
import { joinKey, parseNames } from '../../../lambda/audit/names';
import type { AuditFinding } from '../../../lambda/defects/findings';

/** The finding shown next to a column. */
export interface ColumnFinding {
  readonly confidence: Confidence;
  readonly id: string;
}

/**
 * Returns a function that maps the columns of one table to their most certain finding.
 * @param differences differences that the findings come from; they list the columns of keys and indexes
 */
export function indexColumnFindings(
  differences: readonly Difference[],
): (findings: readonly AuditFinding[]) => ReadonlyMap<string, ColumnFinding> {
  const columnsOf = new Map(
    differences.map(({ id, object, message, columns }) => [joinKey(id, object, message), columns]),
  );
  return (findings) => {
    const surest = new Map<string, ColumnFinding>();
    for (const { id, object, message, confidence } of findings) {
      const column = parseNames(object)[2];
      const columns = column === undefined ? (columnsOf.get(joinKey(id, object, message)) ?? []) : [column];
      for (const each of columns) if (!surest.has(each)) surest.set(each, { confidence, id });
    }
    return surest;
  };
}
