/** What each kind of statement teaches about those after it. */
import type { ColumnDef, Constraint, IndexStmt, Node, RangeVar } from 'libpg-query';
import { type HookEvent, ruleEvents, triggerEvents } from './hooks';
import { inspect } from './inspect';
import type { FileKnowledge } from './knowledge';
import { beside, isQualified, pathAfter, withoutSchema } from './search-path';
import { all, as, type Body, type Kind, kindOf, nameOf, quoteIdentifier, words } from './tree';

export function learn(node: Node, file: FileKnowledge): void {
  const [kind, body] = kindOf(node);
  const lesson = LESSONS[kind] as ((body: object, file: FileKnowledge) => void) | undefined;
  lesson?.(body, file);
  file.path = pathAfter(node, file.path, file.folder.nextPath);
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
    for (const element of schema ? (schemaElts ?? []) : []) learn(inSchema(element, schema!), file);
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
