/** CREATE TABLE, and other statements than ALTER TABLE that create or change relations. */
import type { CreateStmt, CreateTableAsStmt, RefreshMatViewStmt, RenameStmt, ViewStmt } from 'libpg-query';
import { refreshNoData } from '../lint/refresh-no-data';
import { refreshView } from '../lint/refresh-view';
import { formatRelation, unwrapNode, unwrapNodes } from '../read/tree';
import { classifyQuery, recordUnseenCalls } from './data';
import { FactsBuilder, type RuleContext } from './facts';
import { inspectTree } from './inspect';

export function classifyCreateTable(
  body: CreateStmt,
  context: RuleContext,
  command = 'CREATE TABLE',
): FactsBuilder {
  const facts = new FactsBuilder(command, context);
  // The bounds of a partition are computed now, but defaults and checks only for later rows.
  recordUnseenCalls(facts, inspectTree(body.partbound ?? {}).calls);
  const columns = unwrapNodes(body.tableElts, 'ColumnDef').flatMap((column) =>
    unwrapNodes(column.constraints, 'Constraint'),
  );
  const constraints = [
    ...columns,
    ...unwrapNodes(body.tableElts, 'Constraint'),
    ...unwrapNodes(body.constraints, 'Constraint'),
  ];
  for (const { pktable } of constraints) facts.lock(pktable, 'SHARE ROW EXCLUSIVE');
  for (const { relation } of unwrapNodes(body.tableElts, 'TableLikeClause'))
    facts.lock(relation, 'ACCESS SHARE');
  for (const parent of unwrapNodes(body.inhRelations, 'RangeVar')) {
    facts.lock(parent, body.partbound ? 'ACCESS EXCLUSIVE' : 'SHARE UPDATE EXCLUSIVE');
    if (!body.partbound) continue;
    for (const other of context.file.folder.referencedFrom(facts.key(formatRelation(parent))))
      facts.lockKnown(other, 'SHARE ROW EXCLUSIVE');
  }
  return facts;
}

export function classifyCreateTableAs(body: CreateTableAsStmt, context: RuleContext): FactsBuilder {
  const command = body.objtype === 'OBJECT_MATVIEW' ? 'CREATE MATERIALIZED VIEW' : 'CREATE TABLE AS';
  return classifyQuery(command, body.query ?? {}, 'query', context);
}

export function classifyCreateView(
  { view, query: definition, replace }: ViewStmt,
  context: RuleContext,
): FactsBuilder {
  // The functions of a view run when the view is read, not now.
  const facts = new FactsBuilder('CREATE VIEW', context);
  for (const { relation, mode } of classifyQuery('', definition ?? {}, 'query', context).locks())
    if (mode === 'ACCESS SHARE') facts.lock(relation, mode);
  return replace ? facts.lock(view, 'ACCESS EXCLUSIVE') : facts;
}

export function classifyRefresh(body: RefreshMatViewStmt, context: RuleContext): FactsBuilder {
  const facts = new FactsBuilder('REFRESH MATERIALIZED VIEW', context);
  const view = formatRelation(body.relation!);
  if (body.concurrent) return facts.lock(view, 'EXCLUSIVE');
  facts.lock(view, 'ACCESS EXCLUSIVE');
  if (!facts.isNew(view) && body.skipData) facts.breaks(refreshNoData, [view]);
  if (!facts.isNew(view) && !body.skipData) facts.breaks(refreshView, [view]);
  return facts;
}

/** Classifies ALTER … RENAME. */
export function classifyRename(
  { relation, renameType, object }: RenameStmt,
  context: RuleContext,
): FactsBuilder {
  const noun = (renameType ?? '').replace('OBJECT_', '').replaceAll('_', ' ');
  const onTable = /^(COLUMN|TABCONSTRAINT|TRIGGER|POLICY|RULE)$/.test(noun);
  const facts = new FactsBuilder(`ALTER ${onTable ? 'TABLE' : noun} RENAME`, context);
  if (relation && noun !== 'ATTRIBUTE')
    facts.lock(relation, noun === 'INDEX' ? 'SHARE UPDATE EXCLUSIVE' : 'ACCESS EXCLUSIVE');
  if (unwrapNode(object, 'RangeVar')) facts.lock(unwrapNode(object, 'RangeVar'), 'ACCESS EXCLUSIVE');
  return facts;
}
