/** How many rows a dump has of each table. Pure. */
import type { Node } from 'libpg-query';
import { key } from '../../../../lambda/audit/names';
import { type NotSeen, ROWS } from '../../../../lambda/audit/not-seen';
import type { RowCount } from '../../../../lambda/audit/rows';
import { as, words } from '../../../compiler/read/tree';

export interface CountedRows {
  add(statement: Node, rows: number): void;
  pathIs(statement: Node): void;
}

export class RowCounter implements CountedRows {
  private readonly counts = new Map<string, RowCount>();
  private readonly uncounted = new Map<string, NotSeen>();
  /** Of names without a schema. */
  private schema = 'public';

  add(statement: Node, rows: number): void {
    const copy = as(statement, 'CopyStmt');
    const relation = copy?.relation ?? as(statement, 'InsertStmt')?.relation;
    if (relation?.relname === undefined) return;
    const of = { schema: relation.schemaname ?? this.schema, name: relation.relname };
    const id = key(of.schema, of.name);
    const format = (copy?.options ?? [])
      .flatMap((each) => as(each, 'DefElem') ?? [])
      .find(({ defname }) => defname === 'format');
    // A value of CSV may have several lines.
    if (/csv/i.test(as(format?.arg, 'String')?.sval ?? ''))
      this.uncounted.set(id, { what: ROWS, of, why: 'the dump has them as CSV, and they are not counted' });
    this.counts.set(id, { ...of, rows: (this.counts.get(id)?.rows ?? 0) + rows, exact: true });
  }

  /** SET search_path, as older dumps begin each schema with. */
  pathIs(statement: Node): void {
    const set = as(statement, 'VariableSetStmt');
    if (set?.name !== 'search_path') return;
    const [first] = (set.args ?? []).flatMap((each) => as(each, 'A_Const')?.sval?.sval ?? words(each));
    if (first) this.schema = first;
  }

  /** Counted, of each table that the dump has rows of. */
  rows(): readonly RowCount[] {
    return [...this.counts].filter(([id]) => !this.uncounted.has(id)).map(([, count]) => count);
  }

  notSeen(): readonly NotSeen[] {
    return [...this.uncounted.values()];
  }
}
