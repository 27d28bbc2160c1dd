/** Updates the schema model after each statement. */
import type { ColumnDef, Constraint, IndexStmt, Node, RangeVar } from 'libpg-query';
import { all, as, type Body, type Kind, kindOf, quoteIfNeeded, sqlName, words } from '../read/tree';
import { inspect } from '../rules/inspect';
import { wordOf } from './name-set';
import type { FileModel } from './schema-model';
import { beside, pathAfter } from './search-path';
import { type RowEvent, ruleEvents, triggerEvents } from './triggers';

export function updateModel(node: Node, file: FileModel): void {
  const [kind, body] = kindOf(node);
  const update = UPDATES[kind] as ((body: object, file: FileModel) => void) | undefined;
  update?.(body, file);
  file.path = pathAfter(node, file.path, file.folder.nextPath);
}

const UPDATES: { readonly [K in Kind]?: (body: Body<K>, file: FileModel) => void } = {
  CreateStmt: (body, file) => createTable(body, file),
  CreateForeignTableStmt: ({ base }, file) => {
    if (!base?.relation) return;
    file.showsOldRows.add(file.key(base.relation));
    createTable(base, file);
  },
  CreateTableAsStmt: ({ into, if_not_exists }, file) => create(into?.rel, if_not_exists, file),
  SelectStmt: ({ intoClause }, file) => create(intoClause?.rel, false, file),
  ViewStmt: ({ view, replace, query }, file) => {
    create(view, replace, file);
    if (view) file.showsOldRows.add(file.key(view));
    if (query && runsUnseen(query, file)) addTrigger(view, ['SELECT', 'INSERT', 'UPDATE', 'DELETE'], file);
  },
  RuleStmt: (body, file) => {
    const { relation } = body;
    if (relation) file.showsOldRows.add(file.key(relation));
    addTrigger(relation, ruleEvents(body), file);
  },
  CreateTrigStmt: (body, file) => addTrigger(body.relation, triggerEvents(body), file),
  CreateSeqStmt: ({ sequence, if_not_exists }, file) => create(sequence, if_not_exists, file),
  CreateSchemaStmt: ({ schemaElts, schemaname, authrole }, file) => {
    const schema = schemaname ?? authrole?.rolename;
    for (const element of schema ? (schemaElts ?? []) : []) updateModel(inSchema(element, schema!), file);
  },
  IndexStmt: (body, file) => createIndex(body, file),
  AlterTableStmt: (body, file) => alterTable(body, file),
  RenameStmt: (body, file) => rename(body, file),
  DropStmt: ({ objects, removeType }, file) => {
    if (isFunction(removeType))
      for (const { objname } of all(objects, 'ObjectWithArgs')) file.folder.functions.drop(words(objname));
    if (!/TABLE|VIEW|SEQUENCE|INDEX/.test(removeType ?? '')) return;
    for (const object of objects ?? []) forget(file.key(sqlName(words(object))), file);
  },
  CreateDomainStmt: ({ domainname }, file) => {
    const name = sqlName(words(domainname));
    file.folder.domains.add(name).add(file.key(name));
  },
  AlterFunctionStmt: ({ func }, file) => distrust(words(func?.objname), file),
  AlterObjectSchemaStmt: ({ relation, newschema, object }, file) => {
    const moved = words(as(object, 'ObjectWithArgs')?.objname);
    distrust(moved, file);
    if (relation) moveRelation(file.key(relation), sqlName([newschema ?? '', relation.relname ?? '']), file);
  },
  CreateFunctionStmt: (body, file) =>
    file.folder.functions.define(body, file.key(sqlName(words(body.funcname)))),
  DefineStmt: ({ kind, defnames }, file) => {
    if (isFunction(kind)) distrust(words(defnames), file);
  },
};

/** DROP FUNCTION, PROCEDURE, ROUTINE and AGGREGATE, and what makes an aggregate. */
const isFunction = (type: string | undefined): boolean =>
  /FUNCTION|PROCEDURE|ROUTINE|AGGREGATE/.test(type ?? '');

function addTrigger(relation: RangeVar | undefined, events: readonly RowEvent[], file: FileModel): void {
  if (relation) file.triggers.add(file.key(relation), events);
}

/** It calls, or reads a view that calls, what cannot be seen. */
function runsUnseen(query: object, file: FileModel): boolean {
  const { calls, locks } = inspect(query);
  return (
    calls.some(({ name }) => !file.changesNoData(name)) ||
    [...locks.keys()].some((relation) => file.triggers.has(file.key(relation), 'SELECT'))
  );
}

/** Defaults, generated columns, checks and the expressions of indexes run with every row that is written. */
function addExpressions(body: object, table: string, file: FileModel): void {
  if (inspect(body).calls.some(({ name }) => !file.changesNoData(name)))
    file.triggers.add(table, ['INSERT', 'UPDATE']);
}

function create(relation: RangeVar | undefined, mayExist: boolean | undefined, file: FileModel): void {
  if (relation && !mayExist) file.created.add(file.key(relation));
}

function createTable(body: Body<'CreateStmt'>, file: FileModel): void {
  if (!body.relation) return;
  create(body.relation, body.if_not_exists, file);
  const table = file.key(body.relation);
  addExpressions(body, table, file);
  const [parent] = body.partbound ? all(body.inhRelations, 'RangeVar') : [];
  if (parent) file.folder.partitionOf.set(table, file.key(parent));
  for (const above of all(body.inhRelations, 'RangeVar')) file.attachChild(table, file.key(above), false);
  for (const column of all(body.tableElts, 'ColumnDef')) addColumn(column, table, file);
  for (const constraint of all(body.tableElts, 'Constraint'))
    if (isLasting(constraint)) file.addConstraint(table, constraint);
}

function addColumn(column: ColumnDef | undefined, table: string, file: FileModel): void {
  for (const constraint of all(column?.constraints, 'Constraint'))
    if (isLasting(constraint)) file.addConstraint(table, constraint, quoteIfNeeded(column?.colname ?? ''));
}

const isLasting = ({ contype }: Constraint): boolean =>
  /FOREIGN|CHECK|PRIMARY|UNIQUE|EXCLUSION/.test(contype ?? '');

function createIndex(body: IndexStmt, file: FileModel): void {
  const { idxname, relation, if_not_exists } = body;
  if (!relation) return;
  const table = file.key(relation);
  addExpressions(body, table, file);
  if (!idxname) return;
  const index = beside(table, quoteIfNeeded(idxname));
  file.folder.addIndex(index, table);
  if (!if_not_exists) file.indexes.add(index);
}

function alterTable({ relation, cmds }: Body<'AlterTableStmt'>, file: FileModel): void {
  if (!relation) return;
  const table = file.key(relation);
  addExpressions(cmds ?? [], table, file);
  const known = file.folder.constraintsOf(table);
  for (const { subtype, def, name } of all(cmds, 'AlterTableCmd')) {
    const constraint = as(def, 'Constraint');
    if (subtype === 'AT_AddConstraint' && constraint) {
      file.addConstraint(table, constraint);
      if (constraint.conname && !usesOldIndex(constraint, table, file))
        file.addOwnConstraint(table, constraint.conname);
    } else if (subtype === 'AT_AddColumn') {
      addColumn(as(def, 'ColumnDef'), table, file);
    } else if (subtype === 'AT_ValidateConstraint') {
      const validated = known.get(name ?? '');
      if (validated) validated.validated = true;
    } else if (subtype === 'AT_AttachPartition' || subtype === 'AT_DetachPartition') {
      const partition = as(def, 'PartitionCmd')?.name;
      if (!partition) continue;
      if (subtype === 'AT_AttachPartition') {
        file.folder.partitionOf.set(file.key(partition), table);
        file.attachChild(file.key(partition), table, true);
      } else file.folder.partitionOf.delete(file.key(partition));
    } else if (subtype === 'AT_AddInherit') {
      const parent = as(def, 'RangeVar');
      if (parent) file.attachChild(table, file.key(parent), true);
    } else if (subtype === 'AT_DropNotNull') {
      for (const [constraint, { type, notNull }] of known)
        if (type === 'CONSTR_NOTNULL' && notNull === quoteIfNeeded(name ?? '')) known.delete(constraint);
    } else if (subtype === 'AT_DropConstraint') known.delete(name ?? '');
  }
}

/** A constraint made USING INDEX takes the index with it when it is dropped, so also one that was there before. */
function usesOldIndex({ indexname }: Constraint, table: string, file: FileModel): boolean {
  return indexname !== undefined && !file.indexes.has(beside(table, quoteIfNeeded(indexname)));
}

function rename(body: Body<'RenameStmt'>, file: FileModel): void {
  const { relation, renameType, newname, subname } = body;
  const routine = words(as(body.object, 'ObjectWithArgs')?.objname);
  if (routine.length > 0 && newname) {
    distrust(routine, file);
    distrust([...routine.slice(0, -1), newname], file);
  }
  if (relation && renameType === 'OBJECT_TABCONSTRAINT')
    for (const name of [subname, newname]) file.constraints.get(file.key(relation))?.delete(name ?? '');
  if (renameType === 'OBJECT_SCHEMA') forgetSchema(quoteIfNeeded(subname ?? ''), file);
  if (!relation || !newname || !/TABLE|VIEW|SEQUENCE|INDEX/.test(renameType ?? '')) return;
  const before = file.key(relation);
  moveRelation(before, beside(before, quoteIfNeeded(newname)), file);
}

/** To another name, or to another schema. */
function moveRelation(before: string, after: string, file: FileModel): void {
  const { folder } = file;
  const wasCreated = file.created.has(before);
  const [showedOldRows, parents] = [file.showsOldRows.has(before), file.parents.get(before)];
  const parent = folder.partitionOf.get(before);
  const table = folder.indexes.get(before);
  forget(after, file);
  folder.renameTable(before, after);
  forget(before, file);
  file.triggers.rename(before, after);
  if (wasCreated) file.created.add(after);
  if (showedOldRows) file.showsOldRows.add(after);
  if (parents) file.parents.set(after, parents);
  for (const above of file.parents.values()) if (above.has(before)) above.add(after);
  if (table) folder.addIndex(after, table);
  if (parent) folder.partitionOf.set(after, parent);
}

/** Another schema may get its name. */
function forgetSchema(schema: string, file: FileModel): void {
  for (const made of [file.created, file.indexes])
    for (const name of made.inSchema(schema)) made.delete(name);
  for (const table of file.constraints.keys())
    if (table.startsWith(`${schema}.`)) file.constraints.delete(table);
  // Names without a schema may lead to what is in it.
  for (const name of file.created.inSchema('')) forget(name, file);
  file.folder.functions.distrustAll();
}

/** With what may be the same: a name without a schema may be any of that word. */
function forget(relation: string, file: FileModel): void {
  const word = wordOf(relation);
  const isSame = (key: string) => key === relation || key === word || relation === word;
  for (const made of [file.created, file.indexes])
    for (const key of made.withWord(word)) if (isSame(key)) made.delete(key);
  file.constraints.delete(relation);
  file.showsOldRows.delete(relation);
  file.parents.delete(relation);
  file.folder.indexes.delete(relation);
  file.folder.partitionOf.delete(relation);
  file.folder.constraints.delete(relation);
}

/** Another function may have the name from here on, or this one another volatility. */
function distrust(name: readonly string[], file: FileModel): void {
  if (name.length > 0) file.folder.functions.distrust(name);
}

/** CREATE SCHEMA s CREATE TABLE t: the table is s.t. */
export function inSchema(element: Node, schema: string): Node {
  const [kind, body] = kindOf(element);
  const named = Object.entries(body).map(([field, value]) =>
    /^(relation|view|sequence)$/.test(field) ? [field, { schemaname: schema, ...value }] : [field, value],
  );
  return { [kind]: Object.fromEntries(named) } as unknown as Node;
}
