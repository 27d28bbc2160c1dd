/**
 * The objects that earlier statements of the folder created, as far as it matters for later ones: the table of an
 * index, the target of a foreign key, and what is new in the current file.
 */
import type { Constraint, Node, RangeVar } from 'libpg-query';
import { formatRelation, formatSqlName, listNameParts, quoteIfNeeded, unwrapNode } from '../read/tree';
import { FunctionModel } from './functions';
import { NameSet } from './name-set';
import { resolveOnPath, type SearchPath } from './search-path';
import { TriggerModel } from './triggers';

export interface KnownConstraint {
  readonly type: string;
  /** Relation that a foreign key refers to. */
  readonly references: string | null;
  /** Columns of a foreign key in its own table. */
  readonly columns: readonly string[];
  /** The column of a CHECK (… IS NOT NULL), or of a named NOT NULL constraint. */
  readonly notNull: string | null;
  validated: boolean;
  /** Columns of a primary key, quoted if needed; `null` for other constraints, and if the columns are unknown. */
  readonly primaryKey: readonly string[] | null;
}

/** The model that lives while the folder is compiled. */
export class FolderModel {
  /** Maps an index, as SQL names it, to its table. */
  readonly indexes = new Map<string, string>();
  private readonly indexesOf = new Map<string, Set<string>>();
  /** Maps a table to its constraints by name. Unnamed ones have the names ` 1`, ` 2`, … */
  readonly constraints = new Map<string, Map<string, KnownConstraint>>();
  /** Foreign keys by the relation that they reference. */
  private readonly referencedBy = new Map<string, { table: string; keys: readonly string[] }[]>();
  /** Maps a partition to its parent. */
  readonly partitionOf = new Map<string, string>();
  /** Tables that others inherit from: their keys do not apply to the rows of the children. */
  readonly inherited = new Set<string>();
  /** Domains. Adding a column of a domain rewrites the table if the domain has a constraint. */
  readonly domains = new Set<string>();
  readonly functions = new FunctionModel();

  private unknownPaths = 0;

  /** Returns a new number for each unknown search path. */
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

  getConstraints(table: string): Map<string, KnownConstraint> {
    const known = this.constraints.get(table) ?? new Map<string, KnownConstraint>();
    this.constraints.set(table, known);
    return known;
  }

  /**
   * Returns the relations that this table's foreign keys reference.
   * @param column restricts the result to foreign keys with this column
   */
  referencedFrom(table: string, column?: string): string[] {
    return [...(this.constraints.get(table)?.values() ?? [])].flatMap(({ references, columns }) =>
      references && (column === undefined || columns.includes(column)) ? references : [],
    );
  }

  /**
   * Returns the relations whose foreign keys reference this column. A foreign key without columns references the
   * primary key, whichever columns that has.
   */
  referringTo(table: string, column: string): string[] {
    const known = this.referencedBy.get(table) ?? [];
    return known.filter(({ keys }) => keys.length === 0 || keys.includes(column)).map((key) => key.table);
  }

  /** Returns the primary key of a table as the folder defines it; `null` if that is uncertain. */
  getPrimaryKey(table: string): readonly string[] | null {
    if (this.inherited.has(table)) return null;
    const keys = [...(this.constraints.get(table)?.values() ?? [])].flatMap(({ primaryKey }) =>
      primaryKey === null ? [] : [primaryKey],
    );
    return keys.length === 1 ? keys[0]! : null;
  }

  /**
   * Forgets a primary key that was dropped or whose column was renamed.
   * @param column restricts this to a key with this column
   */
  forgetPrimaryKey(table: string, column?: string): void {
    const known = this.constraints.get(table);
    for (const [name, { primaryKey }] of known ?? [])
      if (primaryKey !== null && (column === undefined || primaryKey.includes(column))) known!.delete(name);
  }

  /**
   * Records a constraint.
   * @param references the relation that a foreign key references
   * @param column the column of a column constraint
   */
  addConstraint(table: string, constraint: Constraint, references: string | null, column?: string): void {
    const known = this.getConstraints(table);
    known.set(constraint.conname ?? ` ${known.size + 1}`, {
      type: constraint.contype ?? '',
      references,
      columns: column === undefined ? listColumnNames(constraint.fk_attrs) : [column],
      notNull: findNotNullColumn(constraint),
      validated: !constraint.skip_validation,
      primaryKey: readPrimaryKey(constraint, column),
    });
    if (!references) return;
    const keys = this.referencedBy.get(references) ?? [];
    keys.push({ table, keys: listColumnNames(constraint.pk_attrs) });
    this.referencedBy.set(references, keys);
  }
}

/** Returns the columns of a primary key. USING INDEX takes columns that the statement does not name. */
function readPrimaryKey({ contype, keys }: Constraint, column: string | undefined): string[] | null {
  if (contype !== 'CONSTR_PRIMARY') return null;
  const columns = column === undefined ? listColumnNames(keys) : [column];
  return columns.length > 0 ? columns : null;
}

const listColumnNames = (names: readonly Node[] | undefined): string[] =>
  listNameParts(names).map(quoteIfNeeded);

/** The objects that the up section of one file created. */
export class FileModel {
  /** Relations that no other session can be using yet. */
  readonly created = new NameSet();
  /** Views, foreign tables and relations with rules that this file created: the rows they show existed before. */
  readonly showsOldRows = new Set<string>();
  /** Maps a table to the relations that show its rows: partitioned tables and tables that it inherits from. */
  readonly parents = new Map<string, Set<string>>();
  readonly triggers = new TriggerModel();
  /** Indexes that this file certainly created, so none with IF NOT EXISTS. */
  readonly indexes = new NameSet();
  /** Maps a table to the names of the constraints that this file certainly created. */
  readonly constraints = new Map<string, Set<string>>();

  /** The search path after the statements seen so far. */
  path: SearchPath = null;

  constructor(readonly folder: FolderModel) {}

  /** Returns the key of a relation at this place in the file. */
  key(relation: RangeVar | string): string {
    if (typeof relation === 'string') return resolveOnPath(relation, this.path, this.created);
    const temporary = relation.relpersistence === 't' && !relation.schemaname;
    return temporary ? `pg_temp.${formatRelation(relation)}` : this.key(formatRelation(relation));
  }

  /**
   * Records inheritance. What happens to a parent happens to its children, so the parent of a table that others may be
   * using no longer counts as new.
   */
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
    // A DELETE may cascade to rows that existed before, perhaps through other tables.
    const reaches = !this.created.has(table) || this.triggers.has(table, 'DELETE');
    if (references && constraint.fk_del_action === 'c' && reaches)
      for (const relation of this.created) this.triggers.add(relation, ['DELETE']);
  }

  /** Tells whether a call of the function changes no data. */
  changesNoData(name: readonly string[]): boolean {
    return this.folder.functions.changesNoData(name, (called) => this.key(formatSqlName(called)));
  }

  /**
   * Forgets temporary relations, which may no longer exist, so that their names may mean others. Returns whether there
   * were any.
   */
  endTransaction(): boolean {
    const temporary = this.created.inSchema('pg_temp');
    for (const key of temporary) this.created.delete(key);
    return temporary.length > 0;
  }
}

/**
 * Returns the column of `CHECK (column IS NOT NULL)`, or of PostgreSQL 18's `NOT NULL column`; `null` for other
 * constraints.
 */
function findNotNullColumn({ contype, raw_expr, keys }: Constraint): string | null {
  if (contype === 'CONSTR_NOTNULL') return listColumnNames(keys)[0] ?? null;
  const test = contype === 'CONSTR_CHECK' ? unwrapNode(raw_expr, 'NullTest') : undefined;
  const column = listNameParts(unwrapNode(test?.arg, 'ColumnRef')?.fields);
  return test?.nulltesttype === 'IS_NOT_NULL' && column.length === 1 ? quoteIfNeeded(column[0]!) : null;
}
