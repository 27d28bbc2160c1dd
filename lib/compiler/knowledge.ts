/**
 * What earlier statements of the folder made, as far as it decides about later ones: which table an index belongs to,
 * whom a foreign key refers to, and what is new in this very file.
 */
import type { ColumnDef, Constraint, CreateFunctionStmt, IndexStmt, Node, RangeVar } from 'libpg-query';
import { beside, onPath, pathAfter, type SearchPath } from './search-path';
import { all, as, type Body, type Kind, kindOf, nameOf, quoteIdentifier, relationOf, words } from './tree';

export interface KnownConstraint {
  readonly type: string;
  /** Relation that a foreign key refers to. */
  readonly references: string | null;
  /** A foreign key's own columns. */
  readonly columns: readonly string[];
  /** Column that a CHECK (… IS NOT NULL) is about. */
  readonly notNull: string | null;
  validated: boolean;
}

/** Lives as long as the folder is compiled. */
export class FolderKnowledge {
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
  /** Functions made as STABLE or IMMUTABLE, which the server then lets change nothing. */
  readonly stableFunctions = new Set<string>();

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
      notNull: constraint.contype === 'CONSTR_CHECK' ? columnNotNull(constraint.raw_expr) : null,
      validated: !constraint.skip_validation,
    });
    if (!references) return;
    const keys = this.referencedBy.get(references) ?? [];
    keys.push({ table, keys: columnsOf(constraint.pk_attrs) });
    this.referencedBy.set(references, keys);
  }
}

const columnsOf = (names: readonly Node[] | undefined): string[] => words(names).map(quoteIdentifier);

/** What one file made, in its `up`. */
export class FileKnowledge {
  /** Relations that nobody else can be using yet. */
  readonly created = new Set<string>();
  /** Views, foreign tables and what has rules, made by this file: the rows behind them were there before. */
  readonly windows = new Set<string>();
  /** A table to those that show its rows as theirs: partitioned tables, and tables that it inherits from. */
  readonly parents = new Map<string, Set<string>>();
  /** Indexes that this file surely made itself, so not those made IF NOT EXISTS. */
  readonly indexes = new Set<string>();
  /** `table constraint`, likewise. */
  readonly constraints = new Set<string>();

  /** Behind the statements learnt so far. */
  path: SearchPath = null;

  constructor(readonly folder: FolderKnowledge) {}

  learn(node: Node): void {
    const [kind, body] = kindOf(node);
    const lesson = LESSONS[kind] as ((body: object, file: FileKnowledge) => void) | undefined;
    lesson?.(body, this);
    this.path = pathAfter(node, this.path, this.folder.nextPath);
  }

  /** Under which a relation is known, from here on. */
  key(relation: RangeVar | string): string {
    if (typeof relation === 'string') return onPath(relation, this.path, this.created);
    const temporary = relation.relpersistence === 't' && !relation.schemaname;
    return temporary ? `pg_temp.${relationOf(relation)}` : this.key(relationOf(relation));
  }

  /** What befalls a parent befalls the child: a parent of what others may be using is no longer new itself. */
  adopt(child: string, parent: string, exists: boolean): void {
    this.parents.set(child, (this.parents.get(child) ?? new Set()).add(parent));
    if (!exists || this.created.has(child)) return;
    const exposed = new Set([parent]);
    for (const relation of exposed) {
      this.created.delete(relation);
      for (const above of this.parents.get(relation) ?? []) exposed.add(above);
    }
  }

  addConstraint(table: string, constraint: Constraint, column?: string): void {
    const references = constraint.pktable ? this.key(constraint.pktable) : null;
    this.folder.addConstraint(table, constraint, references, column);
  }
}

const LESSONS: { readonly [K in Kind]?: (body: Body<K>, file: FileKnowledge) => void } = {
  CreateStmt: (body, file) => learnTable(body, file),
  CreateForeignTableStmt: ({ base }, file) => {
    if (!base?.relation) return;
    learnTable(base, file);
    file.windows.add(file.key(base.relation));
  },
  CreateTableAsStmt: ({ into, if_not_exists }, file) => create(into?.rel, if_not_exists, file),
  SelectStmt: ({ intoClause }, file) => create(intoClause?.rel, false, file),
  ViewStmt: ({ view, replace }, file) => {
    create(view, replace, file);
    if (view) file.windows.add(file.key(view));
  },
  RuleStmt: ({ relation }, file) => {
    if (relation) file.windows.add(file.key(relation));
  },
  CreateSeqStmt: ({ sequence, if_not_exists }, file) => create(sequence, if_not_exists, file),
  CreateSchemaStmt: ({ schemaElts, schemaname }, file) => {
    for (const element of schemaElts ?? []) file.learn(inSchema(element, schemaname));
  },
  IndexStmt: (body, file) => learnIndex(body, file),
  AlterTableStmt: (body, file) => learnAlter(body, file),
  RenameStmt: (body, file) => learnRename(body, file),
  DropStmt: ({ objects, removeType }, file) => {
    if (/FUNCTION|ROUTINE/.test(removeType ?? ''))
      for (const object of all(objects, 'ObjectWithArgs')) distrust(words(object.objname), file);
    if (!/TABLE|VIEW|SEQUENCE|INDEX/.test(removeType ?? '')) return;
    for (const object of objects ?? []) forget(file.key(nameOf(words(object))), file);
  },
  CreateDomainStmt: ({ domainname }, file) => {
    const name = nameOf(words(domainname));
    file.folder.domains.add(name).add(file.key(name));
  },
  AlterFunctionStmt: ({ func }, file) => distrust(words(func?.objname), file),
  AlterObjectSchemaStmt: ({ relation, newschema, object }, file) => {
    const moved = words(as(object, 'ObjectWithArgs')?.objname);
    distrust(moved, file);
    distrust([newschema ?? '', moved.at(-1) ?? ''], file);
    if (relation) learnMove(file.key(relation), nameOf([newschema ?? '', relation.relname ?? '']), file);
  },
  CreateFunctionStmt: (body, file) => learnFunction(body, file),
};

function create(relation: RangeVar | undefined, mayExist: boolean | undefined, file: FileKnowledge): void {
  if (relation && !mayExist) file.created.add(file.key(relation));
}

function learnTable(body: Body<'CreateStmt'>, file: FileKnowledge): void {
  if (!body.relation) return;
  create(body.relation, body.if_not_exists, file);
  const table = file.key(body.relation);
  const [parent] = body.partbound ? all(body.inhRelations, 'RangeVar') : [];
  if (parent) file.folder.partitionOf.set(table, file.key(parent));
  for (const above of all(body.inhRelations, 'RangeVar')) file.adopt(table, file.key(above), false);
  for (const column of all(body.tableElts, 'ColumnDef')) learnColumn(column, table, file);
  for (const constraint of all(body.tableElts, 'Constraint'))
    if (isLasting(constraint)) file.addConstraint(table, constraint);
}

function learnColumn(column: ColumnDef | undefined, table: string, file: FileKnowledge): void {
  for (const constraint of all(column?.constraints, 'Constraint'))
    if (isLasting(constraint)) file.addConstraint(table, constraint, quoteIdentifier(column?.colname ?? ''));
}

const isLasting = ({ contype }: Constraint): boolean =>
  /FOREIGN|CHECK|PRIMARY|UNIQUE|EXCLUSION/.test(contype ?? '');

function learnIndex({ idxname, relation, if_not_exists }: IndexStmt, file: FileKnowledge): void {
  if (!idxname || !relation) return;
  const table = file.key(relation);
  const index = beside(table, quoteIdentifier(idxname));
  file.folder.addIndex(index, table);
  if (!if_not_exists) file.indexes.add(index);
}

function learnAlter({ relation, cmds }: Body<'AlterTableStmt'>, file: FileKnowledge): void {
  if (!relation) return;
  const table = file.key(relation);
  const known = file.folder.constraintsOf(table);
  for (const { subtype, def, name } of all(cmds, 'AlterTableCmd')) {
    const constraint = as(def, 'Constraint');
    if (subtype === 'AT_AddConstraint' && constraint) {
      file.addConstraint(table, constraint);
      if (constraint.conname && !usesOldIndex(constraint, table, file))
        file.constraints.add(`${table} ${constraint.conname}`);
    } else if (subtype === 'AT_AddColumn') {
      learnColumn(as(def, 'ColumnDef'), table, file);
    } else if (subtype === 'AT_ValidateConstraint') {
      const validated = known.get(name ?? '');
      if (validated) validated.validated = true;
    } else if (subtype === 'AT_AttachPartition' || subtype === 'AT_DetachPartition') {
      const partition = as(def, 'PartitionCmd')?.name;
      if (!partition) continue;
      if (subtype === 'AT_AttachPartition') {
        file.folder.partitionOf.set(file.key(partition), table);
        file.adopt(file.key(partition), table, true);
      } else file.folder.partitionOf.delete(file.key(partition));
    } else if (subtype === 'AT_AddInherit') {
      const parent = as(def, 'RangeVar');
      if (parent) file.adopt(table, file.key(parent), true);
    } else if (subtype === 'AT_DropConstraint') known.delete(name ?? '');
  }
}

/** A constraint made USING INDEX takes the index with it when it is dropped, so also one that was there before. */
function usesOldIndex({ indexname }: Constraint, table: string, file: FileKnowledge): boolean {
  return indexname !== undefined && !file.indexes.has(beside(table, quoteIdentifier(indexname)));
}

function learnRename(body: Body<'RenameStmt'>, file: FileKnowledge): void {
  const { relation, renameType, newname, subname } = body;
  const routine = words(as(body.object, 'ObjectWithArgs')?.objname);
  if (routine.length > 0 && newname) {
    distrust(routine, file);
    distrust([...routine.slice(0, -1), newname], file);
  }
  if (renameType === 'OBJECT_SCHEMA') forgetSchema(quoteIdentifier(subname ?? ''), file);
  if (!relation || !newname || !/TABLE|VIEW|SEQUENCE|INDEX/.test(renameType ?? '')) return;
  const before = file.key(relation);
  learnMove(before, beside(before, quoteIdentifier(newname)), file);
}

/** To another name, or to another schema. */
function learnMove(before: string, after: string, file: FileKnowledge): void {
  const { folder } = file;
  const wasCreated = file.created.has(before);
  const [wasWindow, parents] = [file.windows.has(before), file.parents.get(before)];
  const parent = folder.partitionOf.get(before);
  const table = folder.indexes.get(before);
  folder.renameTable(before, after);
  forget(before, file);
  if (wasCreated) file.created.add(after);
  if (wasWindow) file.windows.add(after);
  if (parents) file.parents.set(after, parents);
  if (table) folder.addIndex(after, table);
  if (parent) folder.partitionOf.set(after, parent);
}

/** Another schema may get its name. */
function forgetSchema(schema: string, file: FileKnowledge): void {
  for (const made of [file.created, file.indexes, file.constraints])
    for (const name of made) if (name.startsWith(`${schema}.`)) made.delete(name);
}

function forget(relation: string, file: FileKnowledge): void {
  file.created.delete(relation);
  file.windows.delete(relation);
  file.parents.delete(relation);
  file.indexes.delete(relation);
  file.folder.indexes.delete(relation);
  file.folder.partitionOf.delete(relation);
  file.folder.constraints.delete(relation);
}

function learnFunction({ funcname, options }: CreateFunctionStmt, file: FileKnowledge): void {
  const volatility = all(options, 'DefElem').find((element) => element.defname === 'volatility');
  const word = as(volatility?.arg, 'String')?.sval;
  const name = file.key(nameOf(words(funcname)));
  if (word === 'stable' || word === 'immutable') file.folder.stableFunctions.add(name);
  else file.folder.stableFunctions.delete(name);
}

/** Another function may have the name from here on, or this one another volatility. */
function distrust(name: readonly string[], file: FileKnowledge): void {
  if (name.length > 0) file.folder.stableFunctions.delete(file.key(nameOf(name)));
}

/** CREATE SCHEMA s CREATE TABLE t: the table is s.t. */
function inSchema(element: Node, schema: string | undefined): Node {
  const [kind, body] = kindOf(element);
  const { relation } = body as { relation?: RangeVar };
  if (!relation || relation.schemaname || !schema) return element;
  return { [kind]: { ...body, relation: { ...relation, schemaname: schema } } } as unknown as Node;
}

/** The column of `column IS NOT NULL`; null for any other expression. */
function columnNotNull(expression: Node | undefined): string | null {
  const test = as(expression, 'NullTest');
  const column = words(as(test?.arg, 'ColumnRef')?.fields);
  return test?.nulltesttype === 'IS_NOT_NULL' && column.length === 1 ? quoteIdentifier(column[0]!) : null;
}
