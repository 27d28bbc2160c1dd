/**
 * What earlier statements of the folder made, as far as it decides about later ones: which table an index belongs to,
 * whom a foreign key refers to, and what is new in this very file.
 */
import type { ColumnDef, Constraint, IndexStmt, Node, RangeVar } from 'libpg-query';
import { Functions } from './functions';
import { type HookEvent, Hooks, ruleEvents, triggerEvents } from './hooks';
import { inspect } from './inspect';
import { beside, isQualified, onPath, pathAfter, type SearchPath, withoutSchema } from './search-path';
import { all, as, type Body, type Kind, kindOf, nameOf, quoteIdentifier, relationOf, words } from './tree';

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

const columnsOf = (names: readonly Node[] | undefined): string[] => words(names).map(quoteIdentifier);

/** What one file made, in its `up`. */
export class FileKnowledge {
  /** Relations that nobody else can be using yet. */
  readonly created = new Set<string>();
  /** Views, foreign tables and what has rules, made by this file: the rows behind them were there before. */
  readonly windows = new Set<string>();
  /** A table to those that show its rows as theirs: partitioned tables, and tables that it inherits from. */
  readonly parents = new Map<string, Set<string>>();
  readonly hooks = new Hooks();
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
    if ((!exists || this.created.has(child)) && !this.windows.has(child)) return;
    const exposed = new Set([parent]);
    for (const relation of exposed) {
      this.created.delete(relation);
      for (const above of this.parents.get(relation) ?? []) exposed.add(above);
    }
  }

  addConstraint(table: string, constraint: Constraint, column?: string): void {
    const references = constraint.pktable ? this.key(constraint.pktable) : null;
    this.folder.addConstraint(table, constraint, references, column);
    // A DELETE goes on to rows that were there before, perhaps by way of other tables.
    const reaches = !this.created.has(table) || this.hooks.has(table, 'DELETE');
    if (references && constraint.fk_del_action === 'c' && reaches)
      for (const relation of this.created) this.hooks.add(relation, ['DELETE']);
  }

  /** Calling it changes no data. */
  isHarmless(name: readonly string[]): boolean {
    return this.folder.functions.isHarmless(name, (called) => this.key(nameOf(called)));
  }

  /** Temporary relations may be gone, and then their names mean others. */
  endTransaction(): void {
    for (const key of this.created) if (key.startsWith('pg_temp.')) this.created.delete(key);
  }
}

const LESSONS: { readonly [K in Kind]?: (body: Body<K>, file: FileKnowledge) => void } = {
  CreateStmt: (body, file) => learnTable(body, file),
  CreateForeignTableStmt: ({ base }, file) => {
    if (!base?.relation) return;
    file.windows.add(file.key(base.relation));
    learnTable(base, file);
  },
  CreateTableAsStmt: ({ into, if_not_exists }, file) => create(into?.rel, if_not_exists, file),
  SelectStmt: ({ intoClause }, file) => create(intoClause?.rel, false, file),
  ViewStmt: ({ view, replace, query }, file) => {
    create(view, replace, file);
    if (view) file.windows.add(file.key(view));
    if (query && runsUnseen(query, file)) hook(view, ['SELECT', 'INSERT', 'UPDATE', 'DELETE'], file);
  },
  RuleStmt: (body, file) => {
    const { relation } = body;
    if (relation) file.windows.add(file.key(relation));
    hook(relation, ruleEvents(body), file);
  },
  CreateTrigStmt: (body, file) => hook(body.relation, triggerEvents(body), file),
  CreateSeqStmt: ({ sequence, if_not_exists }, file) => create(sequence, if_not_exists, file),
  CreateSchemaStmt: ({ schemaElts, schemaname, authrole }, file) => {
    const schema = schemaname ?? authrole?.rolename;
    for (const element of schema ? (schemaElts ?? []) : []) file.learn(inSchema(element, schema!));
  },
  IndexStmt: (body, file) => learnIndex(body, file),
  AlterTableStmt: (body, file) => learnAlter(body, file),
  RenameStmt: (body, file) => learnRename(body, file),
  DropStmt: ({ objects, removeType }, file) => {
    if (isFunction(removeType))
      for (const { objname } of all(objects, 'ObjectWithArgs')) file.folder.functions.drop(words(objname));
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
    if (relation) learnMove(file.key(relation), nameOf([newschema ?? '', relation.relname ?? '']), file);
  },
  CreateFunctionStmt: (body, file) =>
    file.folder.functions.learn(body, file.key(nameOf(words(body.funcname)))),
  DefineStmt: ({ kind, defnames }, file) => {
    if (isFunction(kind)) distrust(words(defnames), file);
  },
};

/** DROP FUNCTION, PROCEDURE, ROUTINE and AGGREGATE, and what makes an aggregate. */
const isFunction = (type: string | undefined): boolean =>
  /FUNCTION|PROCEDURE|ROUTINE|AGGREGATE/.test(type ?? '');

function hook(relation: RangeVar | undefined, events: readonly HookEvent[], file: FileKnowledge): void {
  if (relation) file.hooks.add(file.key(relation), events);
}

/** It calls, or reads a view that calls, what cannot be seen. */
function runsUnseen(query: object, file: FileKnowledge): boolean {
  const { calls, locks } = inspect(query);
  return (
    calls.some(({ name }) => !file.isHarmless(name)) ||
    [...locks.keys()].some((relation) => file.hooks.has(file.key(relation), 'SELECT'))
  );
}

/** Defaults, generated columns, checks and the expressions of indexes run with every row that is written. */
function hookExpressions(body: object, table: string, file: FileKnowledge): void {
  if (inspect(body).calls.some(({ name }) => !file.isHarmless(name)))
    file.hooks.add(table, ['INSERT', 'UPDATE']);
}

function create(relation: RangeVar | undefined, mayExist: boolean | undefined, file: FileKnowledge): void {
  if (relation && !mayExist) file.created.add(file.key(relation));
}

function learnTable(body: Body<'CreateStmt'>, file: FileKnowledge): void {
  if (!body.relation) return;
  create(body.relation, body.if_not_exists, file);
  const table = file.key(body.relation);
  hookExpressions(body, table, file);
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

function learnIndex(body: IndexStmt, file: FileKnowledge): void {
  const { idxname, relation, if_not_exists } = body;
  if (!relation) return;
  const table = file.key(relation);
  hookExpressions(body, table, file);
  if (!idxname) return;
  const index = beside(table, quoteIdentifier(idxname));
  file.folder.addIndex(index, table);
  if (!if_not_exists) file.indexes.add(index);
}

function learnAlter({ relation, cmds }: Body<'AlterTableStmt'>, file: FileKnowledge): void {
  if (!relation) return;
  const table = file.key(relation);
  hookExpressions(cmds ?? [], table, file);
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
    } else if (subtype === 'AT_DropNotNull') {
      for (const [constraint, { type, notNull }] of known)
        if (type === 'CONSTR_NOTNULL' && notNull === quoteIdentifier(name ?? '')) known.delete(constraint);
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
  if (relation && renameType === 'OBJECT_TABCONSTRAINT')
    for (const name of [subname, newname]) file.constraints.delete(`${file.key(relation)} ${name}`);
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
  forget(after, file);
  folder.renameTable(before, after);
  forget(before, file);
  file.hooks.rename(before, after);
  if (wasCreated) file.created.add(after);
  if (wasWindow) file.windows.add(after);
  if (parents) file.parents.set(after, parents);
  for (const above of file.parents.values()) if (above.has(before)) above.add(after);
  if (table) folder.addIndex(after, table);
  if (parent) folder.partitionOf.set(after, parent);
}

/** Another schema may get its name. */
function forgetSchema(schema: string, file: FileKnowledge): void {
  for (const made of [file.created, file.indexes, file.constraints])
    for (const name of made) if (name.startsWith(`${schema}.`)) made.delete(name);
  // Names without a schema may lead to what is in it.
  for (const name of [...file.created].filter((name) => !isQualified(name))) forget(name, file);
  file.folder.functions.distrustAll();
}

/** With what may be the same: a name without a schema may be any of that word. */
function forget(relation: string, file: FileKnowledge): void {
  const word = wordOf(relation);
  const isSame = (key: string) =>
    key === relation || (wordOf(key) === word && (key === word || relation === word));
  for (const made of [file.created, file.indexes]) for (const key of made) if (isSame(key)) made.delete(key);
  for (const constraint of file.constraints)
    if (constraint.startsWith(`${relation} `)) file.constraints.delete(constraint);
  file.windows.delete(relation);
  file.parents.delete(relation);
  file.folder.indexes.delete(relation);
  file.folder.partitionOf.delete(relation);
  file.folder.constraints.delete(relation);
}

const wordOf = (key: string): string => (isQualified(key) ? withoutSchema(key) : key);

/** Another function may have the name from here on, or this one another volatility. */
function distrust(name: readonly string[], file: FileKnowledge): void {
  if (name.length > 0) file.folder.functions.distrust(name);
}

/** CREATE SCHEMA s CREATE TABLE t: the table is s.t. */
function inSchema(element: Node, schema: string): Node {
  const [kind, body] = kindOf(element);
  const named = Object.entries(body).map(([field, value]) =>
    /^(relation|view|sequence)$/.test(field) ? [field, { schemaname: schema, ...value }] : [field, value],
  );
  return { [kind]: Object.fromEntries(named) } as unknown as Node;
}

/** The column of `CHECK (column IS NOT NULL)`, or of PostgreSQL 18's `NOT NULL column`; null for any other. */
function columnNotNull({ contype, raw_expr, keys }: Constraint): string | null {
  if (contype === 'CONSTR_NOTNULL') return columnsOf(keys)[0] ?? null;
  const test = contype === 'CONSTR_CHECK' ? as(raw_expr, 'NullTest') : undefined;
  const column = words(as(test?.arg, 'ColumnRef')?.fields);
  return test?.nulltesttype === 'IS_NOT_NULL' && column.length === 1 ? quoteIdentifier(column[0]!) : null;
}
