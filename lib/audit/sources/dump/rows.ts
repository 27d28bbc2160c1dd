/** Counts the rows that a dump has for each table. Pure. */
import type { Node } from 'libpg-query';
import { joinKey } from '../../../../lambda/audit/names';
import { type NotCheckedItem, ROWS_NOT_COUNTED } from '../../../../lambda/audit/not-checked';
import type { RowCount } from '../../../../lambda/audit/rows';
import { listNameParts, unwrapNode } from '../../../compiler/read/tree';

export interface CountedRows {
  add(statement: Node, rows: number): void;
  pathIs(statement: Node): void;
}

export class RowCounter implements CountedRows {
  private readonly counts = new Map<string, RowCount>();
  private readonly uncounted = new Map<string, NotCheckedItem>();
  /** Schema of unqualified names. */
  private schema = 'public';

  add(statement: Node, rows: number): void {
    const copy = unwrapNode(statement, 'CopyStmt');
    const relation = copy?.relation ?? unwrapNode(statement, 'InsertStmt')?.relation;
    if (relation?.relname === undefined) return;
    const of = { schema: relation.schemaname ?? this.schema, name: relation.relname };
    const id = joinKey(of.schema, of.name);
    const format = (copy?.options ?? [])
      .flatMap((each) => unwrapNode(each, 'DefElem') ?? [])
      .find(({ defname }) => defname === 'format');
    // Lines of CSV cannot be counted as rows, because a value may span several lines.
    if (/csv/i.test(unwrapNode(format?.arg, 'String')?.sval ?? ''))
      this.uncounted.set(id, {
        what: ROWS_NOT_COUNTED,
        of,
        why: 'the dump has them in CSV format, in which rows are not counted',
      });
    this.counts.set(id, { ...of, rows: (this.counts.get(id)?.rows ?? 0) + rows, exact: true });
  }

  /** Follows SET search_path, which older dumps have at the beginning of each schema. */
  pathIs(statement: Node): void {
    const set = unwrapNode(statement, 'VariableSetStmt');
    if (set?.name !== 'search_path') return;
    const [first] = (set.args ?? []).flatMap(
      (each) => unwrapNode(each, 'A_Const')?.sval?.sval ?? listNameParts(each),
    );
    if (first) this.schema = first;
  }

  /** Returns the row counts of the tables whose rows were counted. */
  rows(): readonly RowCount[] {
    return [...this.counts].filter(([id]) => !this.uncounted.has(id)).map(([, count]) => count);
  }

  notChecked(): readonly NotCheckedItem[] {
    return [...this.uncounted.values()];
  }
}
