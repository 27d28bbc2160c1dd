/**
 * What earlier statements of the folder made, as far as it decides about later ones: which table an index belongs to,
 * whom a foreign key refers to, and what is new in this very file.
 */
import type { Constraint, Node, RangeVar } from 'libpg-query';
import { as, quoteIfNeeded, relationOf, sqlName, words } from '../read/tree';
import { Functions } from './functions';
import { NameSet } from './name-set';
import { onPath, type SearchPath } from './search-path';
import { Triggers } from './triggers';

export interface KnownConstraint {
  readonly type: string;
  /** Relation that a foreign key refers to. */
  readonly references: string | null;
  /** A foreign key's own columns. */
  readonly columns: readonly string[];
  /** Column that a CHECK (… IS NOT NULL), or a NOT NULL with a name, is about. */
  readonly notNull: string | null;
  validated: boolean;
}

/** Lives as long as the folder is compiled. */
export class FolderModel {
  /** Index, as SQL names it, to its table. */
  readonly indexes = new Map<string, string>();
  private readonly indexesOf = new Map<string, Set<string>>();
  /** Table to its constraints by name; those without a name under ` 1`, ` 2`, … */
  readonly constraints = new Map<string, Map<string, KnownConstraint>>();
  /** Foreign keys by the relation they refer to. */
  private readonly referencedBy = new Map<string, { table: string; keys: readonly string[] }[]>();
  /** Partition to its parent. */
  readonly partitionOf = new Map<string, string>();
  /** Domains: adding a column of one rewrites the table where the domain has a constraint. */
  readonly domains = new Set<string>();
  readonly functions = new Functions();

  private unknownPaths = 0;

  /** A number for each path that nobody knows. */
  readonly nextPath = (): number => ++this.unknownPaths;

  addIndex(index: string, table: string): void {
    this.indexes.set(index, table);
    const known = this.indexesOf.get(table) ?? new Set();
    this.indexesOf.set(table, known.add(index));
  }

  renameTable(before: string, after: string): void {
    const constraints = this.constraints.get(before);
    this.constraints.delete(before);
    if (constraints) this.constraints.set(after, constraints);
    for (const index of this.indexesOf.get(before) ?? []) this.addIndex(index, after);
    this.indexesOf.delete(before);
  }

  constraintsOf(table: string): Map<string, KnownConstraint> {
    const known = this.constraints.get(table) ?? new Map<string, KnownConstraint>();
    this.constraints.set(table, known);
    return known;
  }

  /** Relations that this one's foreign keys refer to. @param column only those over this column */
  referencedFrom(table: string, column?: string): string[] {
    return [...(this.constraints.get(table)?.values() ?? [])].flatMap(({ references, columns }) =>
      references && (column === undefined || columns.includes(column)) ? references : [],
    );
  }

  /** Relations whose foreign keys refer to this column; a key without columns means the primary key, whichever it is. */
  referringTo(table: string, column: string): string[] {
    const known = this.referencedBy.get(table) ?? [];
    return known.filter(({ keys }) => keys.length === 0 || keys.includes(column)).map((key) => key.table);
  }

  /**
   * @param references the relation that a foreign key refers to
   * @param column the column that it is written after, for a column's constraint
   */
  addConstraint(table: string, constraint: Constraint, references: string | null, column?: string): void {
    const known = this.constraintsOf(table);
    known.set(constraint.conname ?? ` ${known.size + 1}`, {
      type: constraint.contype ?? '',
      references,
      columns: column === undefined ? columnsOf(constraint.fk_attrs) : [column],
      notNull: columnNotNull(constraint),
      validated: !constraint.skip_validation,
    });
    if (!references) return;
    const keys = this.referencedBy.get(references) ?? [];
    keys.push({ table, keys: columnsOf(constraint.pk_attrs) });
    this.referencedBy.set(references, keys);
  }
}

const columnsOf = (names: readonly Node[] | undefined): string[] => words(names).map(quoteIfNeeded);

/** What one file made, in its `up`. */
export class FileModel {
  /** Relations that nobody else can be using yet. */
  readonly created = new NameSet();
  /** Views, foreign tables and what has rules, made by this file: the rows behind them were there before. */
  readonly showsOldRows = new Set<string>();
  /** A table to those that show its rows as theirs: partitioned tables, and tables that it inherits from. */
  readonly parents = new Map<string, Set<string>>();
  readonly triggers = new Triggers();
  /** Indexes that this file surely made itself, so not those made IF NOT EXISTS. */
  readonly indexes = new NameSet();
  /** Table to the names of its constraints, likewise. */
  readonly constraints = new Map<string, Set<string>>();

  /** After the statements seen so far. */
  path: SearchPath = null;

  constructor(readonly folder: FolderModel) {}

  /** Under which a relation is known, from here on. */
  key(relation: RangeVar | string): string {
    if (typeof relation === 'string') return onPath(relation, this.path, this.created);
    const temporary = relation.relpersistence === 't' && !relation.schemaname;
    return temporary ? `pg_temp.${relationOf(relation)}` : this.key(relationOf(relation));
  }

  /** What befalls a parent befalls the child: a parent of what others may be using is no longer new itself. */
  attachChild(child: string, parent: string, exists: boolean): void {
    this.parents.set(child, (this.parents.get(child) ?? new Set()).add(parent));
    if ((!exists || this.created.has(child)) && !this.showsOldRows.has(child)) return;
    const exposed = new Set([parent]);
    for (const relation of exposed) {
      this.created.delete(relation);
      for (const above of this.parents.get(relation) ?? []) exposed.add(above);
    }
  }

  addOwnConstraint(table: string, name: string): void {
    this.constraints.set(table, (this.constraints.get(table) ?? new Set()).add(name));
  }

  addConstraint(table: string, constraint: Constraint, column?: string): void {
    const references = constraint.pktable ? this.key(constraint.pktable) : null;
    this.folder.addConstraint(table, constraint, references, column);
    // A DELETE goes on to rows that were there before, perhaps by way of other tables.
    const reaches = !this.created.has(table) || this.triggers.has(table, 'DELETE');
    if (references && constraint.fk_del_action === 'c' && reaches)
      for (const relation of this.created) this.triggers.add(relation, ['DELETE']);
  }

  /** Calling it changes no data. */
  changesNoData(name: readonly string[]): boolean {
    return this.folder.functions.changesNoData(name, (called) => this.key(sqlName(called)));
  }

  /** Temporary relations may be gone, and then their names mean others. True where there was one. */
  endTransaction(): boolean {
    const temporary = this.created.inSchema('pg_temp');
    for (const key of temporary) this.created.delete(key);
    return temporary.length > 0;
  }
}

/** The column of `CHECK (column IS NOT NULL)`, or of PostgreSQL 18's `NOT NULL column`; null for any other. */
function columnNotNull({ contype, raw_expr, keys }: Constraint): string | null {
  if (contype === 'CONSTR_NOTNULL') return columnsOf(keys)[0] ?? null;
  const test = contype === 'CONSTR_CHECK' ? as(raw_expr, 'NullTest') : undefined;
  const column = words(as(test?.arg, 'ColumnRef')?.fields);
  return test?.nulltesttype === 'IS_NOT_NULL' && column.length === 1 ? quoteIfNeeded(column[0]!) : null;
}
