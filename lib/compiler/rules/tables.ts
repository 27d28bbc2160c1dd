/** CREATE TABLE, and what else makes or changes relations besides ALTER TABLE. */
import type { CreateStmt, CreateTableAsStmt, RefreshMatViewStmt, RenameStmt, ViewStmt } from 'libpg-query';
import { refreshNoData } from '../lint/refresh-no-data';
import { refreshView } from '../lint/refresh-view';
import { all, as, relationOf } from '../read/tree';
import { findUnseen, query } from './data';
import { type Context, FactsBuilder } from './facts';
import { inspect } from './inspect';

export function createTable(body: CreateStmt, context: Context, command = 'CREATE TABLE'): FactsBuilder {
  const facts = new FactsBuilder(command, context);
  // The bounds of a partition are computed now; defaults and checks with later rows.
  findUnseen(facts, inspect(body.partbound ?? {}).calls);
  const columns = all(body.tableElts, 'ColumnDef').flatMap((column) => all(column.constraints, 'Constraint'));
  const constraints = [
    ...columns,
    ...all(body.tableElts, 'Constraint'),
    ...all(body.constraints, 'Constraint'),
  ];
  for (const { pktable } of constraints) facts.lock(pktable, 'SHARE ROW EXCLUSIVE');
  for (const { relation } of all(body.tableElts, 'TableLikeClause')) facts.lock(relation, 'ACCESS SHARE');
  for (const parent of all(body.inhRelations, 'RangeVar')) {
    facts.lock(parent, body.partbound ? 'ACCESS EXCLUSIVE' : 'SHARE UPDATE EXCLUSIVE');
    if (!body.partbound) continue;
    for (const other of context.file.folder.referencedFrom(facts.key(relationOf(parent))))
      facts.lockKnown(other, 'SHARE ROW EXCLUSIVE');
  }
  return facts;
}

export function createTableAs(body: CreateTableAsStmt, context: Context): FactsBuilder {
  const command = body.objtype === 'OBJECT_MATVIEW' ? 'CREATE MATERIALIZED VIEW' : 'CREATE TABLE AS';
  return query(command, body.query ?? {}, 'query', context);
}

export function createView({ view, query: definition, replace }: ViewStmt, context: Context): FactsBuilder {
  // A view's functions run when it is read, not now.
  const facts = new FactsBuilder('CREATE VIEW', context);
  for (const { relation, mode } of query('', definition ?? {}, 'query', context).locks())
    if (mode === 'ACCESS SHARE') facts.lock(relation, mode);
  return replace ? facts.lock(view, 'ACCESS EXCLUSIVE') : facts;
}

export function refresh(body: RefreshMatViewStmt, context: Context): FactsBuilder {
  const facts = new FactsBuilder('REFRESH MATERIALIZED VIEW', context);
  const view = relationOf(body.relation!);
  if (body.concurrent) return facts.lock(view, 'EXCLUSIVE');
  facts.lock(view, 'ACCESS EXCLUSIVE');
  if (!facts.isNew(view) && body.skipData) facts.breaks(refreshNoData, [view]);
  if (!facts.isNew(view) && !body.skipData) facts.breaks(refreshView, [view]);
  return facts;
}

/** ALTER … RENAME. */
export function rename({ relation, renameType, object }: RenameStmt, context: Context): FactsBuilder {
  const noun = (renameType ?? '').replace('OBJECT_', '').replaceAll('_', ' ');
  const onTable = /^(COLUMN|TABCONSTRAINT|TRIGGER|POLICY|RULE)$/.test(noun);
  const facts = new FactsBuilder(`ALTER ${onTable ? 'TABLE' : noun} RENAME`, context);
  if (relation && noun !== 'ATTRIBUTE')
    facts.lock(relation, noun === 'INDEX' ? 'SHARE UPDATE EXCLUSIVE' : 'ACCESS EXCLUSIVE');
  if (as(object, 'RangeVar')) facts.lock(as(object, 'RangeVar'), 'ACCESS EXCLUSIVE');
  return facts;
}
