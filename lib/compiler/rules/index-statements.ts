/** CREATE INDEX, DROP INDEX and REINDEX. */
import type { DropStmt, IndexStmt, ReindexStmt } from 'libpg-query';
import type { LockMode } from '../../../lambda/contract/locks';
import type { StatementTarget } from '../../../lambda/contract/manifest';
import { createIndex as createIndexRule } from '../lint/create-index';
import { reindex as reindexRule } from '../lint/reindex';
import { formatRelation, formatSqlName, isOptionOn, listNameParts } from '../read/tree';
import { recordUnseenCalls } from './data';
import { FactsBuilder, type RuleContext } from './facts';
import { inspectTree } from './inspect';

export function classifyCreateIndex(body: IndexStmt, context: RuleContext): FactsBuilder {
  const { concurrent, idxname, relation, unique } = body;
  const command = unique ? 'CREATE UNIQUE INDEX' : 'CREATE INDEX';
  const facts = new FactsBuilder(command, context);
  const table = formatRelation(relation!);
  recordUnseenCalls(facts, inspectTree(body).calls);
  facts.lock(table, concurrent ? 'SHARE UPDATE EXCLUSIVE' : 'SHARE');
  facts.target = {
    kind: 'index',
    action: 'create',
    name: idxname ?? null,
    schema: relation?.schemaname ?? null,
    table,
    unique: unique ?? false,
  };
  if (concurrent) {
    facts.outside(`${command} CONCURRENTLY`, facts.target);
    if (!idxname)
      facts.refuse(
        'CREATE INDEX CONCURRENTLY has no index name, so the index cannot be found again after a lost connection',
        'Name the index.',
      );
  } else if (!facts.isNew(table)) facts.breaks(createIndexRule, [table]);
  return facts;
}

export function classifyDropIndex({ objects, concurrent }: DropStmt, context: RuleContext): FactsBuilder {
  const facts = new FactsBuilder('DROP INDEX', context);
  const mode: LockMode = concurrent ? 'SHARE UPDATE EXCLUSIVE' : 'ACCESS EXCLUSIVE';
  const names = (objects ?? []).map((object) => listNameParts(object));
  const findTable = (name: string) => context.file.folder.indexes.get(facts.key(name));
  for (const name of names)
    facts.lock(formatSqlName(name), mode).lockKnown(findTable(formatSqlName(name)), mode);
  const [only] = names;
  if (only && names.length === 1)
    facts.target = {
      kind: 'index',
      action: 'drop',
      name: only.at(-1)!,
      schema: only.at(-2) ?? null,
      table: findTable(formatSqlName(only)) ?? null,
      unique: false,
    };
  if (concurrent)
    // PostgreSQL rejects CONCURRENTLY for several indexes at once.
    facts.outside('DROP INDEX CONCURRENTLY', facts.target ?? { kind: 'maintenance', vacuumed: [] });
  return facts;
}

export function classifyReindex(
  { kind, relation, name, params }: ReindexStmt,
  context: RuleContext,
): FactsBuilder {
  const concurrent = isOptionOn(params, 'concurrently');
  const noun = (kind ?? '').replace('REINDEX_OBJECT_', '') as
    | 'INDEX'
    | 'TABLE'
    | 'SCHEMA'
    | 'DATABASE'
    | 'SYSTEM';
  const facts = new FactsBuilder(`REINDEX ${noun}`, context);
  const mode: LockMode = concurrent ? 'SHARE UPDATE EXCLUSIVE' : 'SHARE';
  const subject = relation ? formatRelation(relation) : undefined;
  const index = noun === 'INDEX' ? subject : undefined;
  const table = noun === 'TABLE' ? subject : index && context.file.folder.indexes.get(facts.key(index));
  const tableKey = noun === 'TABLE' && subject ? facts.key(subject) : table;
  if (index) facts.lock(index, concurrent ? mode : 'ACCESS EXCLUSIVE');
  facts.lockKnown(tableKey, mode);
  if (!subject) facts.lockUnseen(mode);
  if (!concurrent && !(tableKey && context.created.has(tableKey)))
    facts.breaks(reindexRule, [
      table ?? (index ? `the table of ${index}` : `every table of ${name ?? 'the database'}`),
      noun,
    ]);
  const target: StatementTarget = {
    kind: 'index',
    action: 'reindex',
    name: index ? relation!.relname! : null,
    schema: relation?.schemaname ?? (noun === 'SCHEMA' ? (name ?? null) : null),
    table: table ?? null,
    unique: false,
  };
  // PostgreSQL rejects REINDEX SYSTEM CONCURRENTLY, and nothing shows whether the system's own indexes were rebuilt.
  if (noun === 'SYSTEM') return facts.outside('REINDEX SYSTEM', { kind: 'maintenance', vacuumed: [] });
  if (concurrent) return facts.outside(`REINDEX ${noun} CONCURRENTLY`, target);
  if (noun === 'SCHEMA' || noun === 'DATABASE') return facts.outside(`REINDEX ${noun}`, target);
  facts.target = target;
  return facts;
}
