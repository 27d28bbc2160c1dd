/** Updates the schema model after each statement. */
import type { ColumnDef, Constraint, IndexStmt, Node, RangeVar } from 'libpg-query';
import {
  formatSqlName,
  getKindAndBody,
  listNameParts,
  type NodeBody,
  type NodeKind,
  quoteIfNeeded,
  unwrapNode,
  unwrapNodes,
} from '../read/tree';
import { inspectTree } from '../rules/inspect';
import { toUnqualifiedName } from './name-set';
import type { FileModel } from './schema-model';
import { computePathAfter, qualifyLike } from './search-path';
import { type RowEvent, readRuleEvents, readTriggerEvents } from './triggers';

export function updateModel(node: Node, file: FileModel): void {
  const [kind, body] = getKindAndBody(node);
  const update = UPDATES[kind] as ((body: object, file: FileModel) => void) | undefined;
  update?.(body, file);
  file.path = computePathAfter(node, file.path, file.folder.nextPath);
}

const UPDATES: { readonly [K in NodeKind]?: (body: NodeBody<K>, file: FileModel) => void } = {
  CreateStmt: (body, file) => recordTable(body, file),
  CreateForeignTableStmt: ({ base }, file) => {
    if (!base?.relation) return;
    file.showsOldRows.add(file.key(base.relation));
    recordTable(base, file);
  },
  CreateTableAsStmt: ({ into, if_not_exists }, file) => recordCreated(into?.rel, if_not_exists, file),
  SelectStmt: ({ intoClause }, file) => recordCreated(intoClause?.rel, false, file),
  ViewStmt: ({ view, replace, query }, file) => {
    recordCreated(view, replace, file);
    if (view) file.showsOldRows.add(file.key(view));
    if (query && callsUnseenCode(query, file))
      recordTrigger(view, ['SELECT', 'INSERT', 'UPDATE', 'DELETE'], file);
  },
  RuleStmt: (body, file) => {
    const { relation } = body;
    if (relation) file.showsOldRows.add(file.key(relation));
    recordTrigger(relation, readRuleEvents(body), file);
  },
  CreateTrigStmt: (body, file) => recordTrigger(body.relation, readTriggerEvents(body), file),
  CreateSeqStmt: ({ sequence, if_not_exists }, file) => recordCreated(sequence, if_not_exists, file),
  CreateSchemaStmt: ({ schemaElts, schemaname, authrole }, file) => {
    const schema = schemaname ?? authrole?.rolename;
    for (const element of schema ? (schemaElts ?? []) : [])
      updateModel(qualifyElement(element, schema!), file);
  },
  IndexStmt: (body, file) => recordIndex(body, file),
  AlterTableStmt: (body, file) => recordAlterTable(body, file),
  RenameStmt: (body, file) => recordRename(body, file),
  DropStmt: ({ objects, removeType }, file) => {
    if (isRoutineType(removeType))
      for (const { objname } of unwrapNodes(objects, 'ObjectWithArgs'))
        file.folder.functions.drop(listNameParts(objname));
    if (!/TABLE|VIEW|SEQUENCE|INDEX/.test(removeType ?? '')) return;
    for (const object of objects ?? []) forgetRelation(file.key(formatSqlName(listNameParts(object))), file);
  },
  CreateDomainStmt: ({ domainname }, file) => {
    const name = formatSqlName(listNameParts(domainname));
    file.folder.domains.add(name).add(file.key(name));
  },
  AlterFunctionStmt: ({ func }, file) => distrustFunction(listNameParts(func?.objname), file),
  AlterObjectSchemaStmt: ({ relation, newschema, object }, file) => {
    const moved = listNameParts(unwrapNode(object, 'ObjectWithArgs')?.objname);
    distrustFunction(moved, file);
    if (relation)
      moveRelation(file.key(relation), formatSqlName([newschema ?? '', relation.relname ?? '']), file);
  },
  CreateFunctionStmt: (body, file) =>
    file.folder.functions.define(body, file.key(formatSqlName(listNameParts(body.funcname)))),
  DefineStmt: ({ kind, defnames }, file) => {
    if (isRoutineType(kind)) distrustFunction(listNameParts(defnames), file);
  },
};

/** Matches DROP FUNCTION, PROCEDURE, ROUTINE and AGGREGATE, and the statement that creates an aggregate. */
const isRoutineType = (type: string | undefined): boolean =>
  /FUNCTION|PROCEDURE|ROUTINE|AGGREGATE/.test(type ?? '');

function recordTrigger(relation: RangeVar | undefined, events: readonly RowEvent[], file: FileModel): void {
  if (relation) file.triggers.add(file.key(relation), events);
}

/** Tells whether a query calls code that cannot be read, directly or in a view. */
function callsUnseenCode(query: object, file: FileModel): boolean {
  const { calls, locks } = inspectTree(query);
  return (
    calls.some(({ name }) => !file.changesNoData(name)) ||
    [...locks.keys()].some((relation) => file.triggers.has(file.key(relation), 'SELECT'))
  );
}

/**
 * Records unknown code in defaults, generated columns, checks and index expressions, which run with every row that is
 * written.
 */
function recordExpressions(body: object, table: string, file: FileModel): void {
  if (inspectTree(body).calls.some(({ name }) => !file.changesNoData(name)))
    file.triggers.add(table, ['INSERT', 'UPDATE']);
}

function recordCreated(relation: RangeVar | undefined, mayExist: boolean | undefined, file: FileModel): void {
  if (relation && !mayExist) file.created.add(file.key(relation));
}

function recordTable(body: NodeBody<'CreateStmt'>, file: FileModel): void {
  if (!body.relation) return;
  recordCreated(body.relation, body.if_not_exists, file);
  const table = file.key(body.relation);
  recordExpressions(body, table, file);
  const [parent] = body.partbound ? unwrapNodes(body.inhRelations, 'RangeVar') : [];
  if (parent) file.folder.partitionOf.set(table, file.key(parent));
  for (const above of unwrapNodes(body.inhRelations, 'RangeVar'))
    file.attachChild(table, file.key(above), false);
  for (const column of unwrapNodes(body.tableElts, 'ColumnDef')) recordColumn(column, table, file);
  for (const constraint of unwrapNodes(body.tableElts, 'Constraint'))
    if (isPersistentConstraint(constraint)) file.addConstraint(table, constraint);
  // A table that already exists may have another primary key, or none.
  if (body.if_not_exists) file.folder.forgetPrimaryKey(table);
  if (!body.partbound)
    for (const above of unwrapNodes(body.inhRelations, 'RangeVar'))
      file.folder.inherited.add(file.key(above));
}

function recordColumn(column: ColumnDef | undefined, table: string, file: FileModel): void {
  for (const constraint of unwrapNodes(column?.constraints, 'Constraint'))
    if (isPersistentConstraint(constraint))
      file.addConstraint(table, constraint, quoteIfNeeded(column?.colname ?? ''));
}

const isPersistentConstraint = ({ contype }: Constraint): boolean =>
  /FOREIGN|CHECK|PRIMARY|UNIQUE|EXCLUSION/.test(contype ?? '');

function recordIndex(body: IndexStmt, file: FileModel): void {
  const { idxname, relation, if_not_exists } = body;
  if (!relation) return;
  const table = file.key(relation);
  recordExpressions(body, table, file);
  if (!idxname) return;
  const index = qualifyLike(table, quoteIfNeeded(idxname));
  file.folder.addIndex(index, table);
  if (!if_not_exists) file.indexes.add(index);
}

function recordAlterTable({ relation, cmds }: NodeBody<'AlterTableStmt'>, file: FileModel): void {
  if (!relation) return;
  const table = file.key(relation);
  recordExpressions(cmds ?? [], table, file);
  const known = file.folder.getConstraints(table);
  for (const { subtype, def, name } of unwrapNodes(cmds, 'AlterTableCmd')) {
    const constraint = unwrapNode(def, 'Constraint');
    if (subtype === 'AT_AddConstraint' && constraint) {
      file.addConstraint(table, constraint);
      if (constraint.conname && !usesOldIndex(constraint, table, file))
        file.addOwnConstraint(table, constraint.conname);
    } else if (subtype === 'AT_AddColumn') {
      recordColumn(unwrapNode(def, 'ColumnDef'), table, file);
    } else if (subtype === 'AT_ValidateConstraint') {
      const validated = known.get(name ?? '');
      if (validated) validated.validated = true;
    } else if (subtype === 'AT_AttachPartition' || subtype === 'AT_DetachPartition') {
      const partition = unwrapNode(def, 'PartitionCmd')?.name;
      if (!partition) continue;
      if (subtype === 'AT_AttachPartition') {
        file.folder.partitionOf.set(file.key(partition), table);
        file.attachChild(file.key(partition), table, true);
      } else file.folder.partitionOf.delete(file.key(partition));
    } else if (subtype === 'AT_AddInherit') {
      const parent = unwrapNode(def, 'RangeVar');
      if (parent) {
        file.attachChild(table, file.key(parent), true);
        file.folder.inherited.add(file.key(parent));
      }
    } else if (subtype === 'AT_DropColumn') {
      file.folder.forgetPrimaryKey(table, quoteIfNeeded(name ?? ''));
    } else if (subtype === 'AT_DropNotNull') {
      for (const [constraint, { type, notNull }] of known)
        if (type === 'CONSTR_NOTNULL' && notNull === quoteIfNeeded(name ?? '')) known.delete(constraint);
    } else if (subtype === 'AT_DropConstraint') {
      // A name that no statement gave may be the name of the primary key.
      if (!known.delete(name ?? '')) file.folder.forgetPrimaryKey(table);
    }
  }
}

/** Tells whether a constraint was created USING an older index, which is dropped together with it. */
function usesOldIndex({ indexname }: Constraint, table: string, file: FileModel): boolean {
  return indexname !== undefined && !file.indexes.has(qualifyLike(table, quoteIfNeeded(indexname)));
}

function recordRename(body: NodeBody<'RenameStmt'>, file: FileModel): void {
  const { relation, renameType, newname, subname } = body;
  const routine = listNameParts(unwrapNode(body.object, 'ObjectWithArgs')?.objname);
  if (routine.length > 0 && newname) {
    distrustFunction(routine, file);
    distrustFunction([...routine.slice(0, -1), newname], file);
  }
  if (relation && renameType === 'OBJECT_TABCONSTRAINT')
    for (const name of [subname, newname]) file.constraints.get(file.key(relation))?.delete(name ?? '');
  if (relation && renameType === 'OBJECT_COLUMN')
    file.folder.forgetPrimaryKey(file.key(relation), quoteIfNeeded(subname ?? ''));
  if (relation && renameType === 'OBJECT_TABCONSTRAINT') file.folder.forgetPrimaryKey(file.key(relation));
  if (renameType === 'OBJECT_SCHEMA') forgetSchema(quoteIfNeeded(subname ?? ''), file);
  if (!relation || !newname || !/TABLE|VIEW|SEQUENCE|INDEX/.test(renameType ?? '')) return;
  const before = file.key(relation);
  moveRelation(before, qualifyLike(before, quoteIfNeeded(newname)), file);
}

/** Records that a relation has another name or schema. */
function moveRelation(before: string, after: string, file: FileModel): void {
  const { folder } = file;
  const wasCreated = file.created.has(before);
  const [showedOldRows, parents] = [file.showsOldRows.has(before), file.parents.get(before)];
  const parent = folder.partitionOf.get(before);
  const table = folder.indexes.get(before);
  forgetRelation(after, file);
  folder.renameTable(before, after);
  forgetRelation(before, file);
  file.triggers.rename(before, after);
  if (wasCreated) file.created.add(after);
  if (showedOldRows) file.showsOldRows.add(after);
  if (parents) file.parents.set(after, parents);
  for (const above of file.parents.values()) if (above.has(before)) above.add(after);
  if (table) folder.addIndex(after, table);
  if (parent) folder.partitionOf.set(after, parent);
}

/** Forgets the objects of a renamed schema, because another schema may get its name. */
function forgetSchema(schema: string, file: FileModel): void {
  for (const made of [file.created, file.indexes])
    for (const name of made.inSchema(schema)) made.delete(name);
  for (const table of file.constraints.keys())
    if (table.startsWith(`${schema}.`)) file.constraints.delete(table);
  // Unqualified names may refer to objects in this schema.
  for (const name of file.created.inSchema('')) forgetRelation(name, file);
  file.folder.functions.distrustAll();
}

/** Forgets a relation and all keys that may mean it: an unqualified name may mean any relation of that name. */
function forgetRelation(relation: string, file: FileModel): void {
  const word = toUnqualifiedName(relation);
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

/** Marks a function as unknown: from here on a different function may have its name, or its volatility may differ. */
function distrustFunction(name: readonly string[], file: FileModel): void {
  if (name.length > 0) file.folder.functions.distrust(name);
}

/** Qualifies an element of CREATE SCHEMA: in CREATE SCHEMA s CREATE TABLE t, the table is s.t. */
export function qualifyElement(element: Node, schema: string): Node {
  const [kind, body] = getKindAndBody(element);
  const named = Object.entries(body).map(([field, value]) =>
    /^(relation|view|sequence)$/.test(field) ? [field, { schemaname: schema, ...value }] : [field, value],
  );
  return { [kind]: Object.fromEntries(named) } as unknown as Node;
}
