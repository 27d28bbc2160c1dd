/** CREATE INDEX, DROP INDEX, REINDEX. */
import type { DropStmt, IndexStmt, ReindexStmt } from 'libpg-query';
import type { LockMode } from '../../lambda/engine/manifest';
import { findUnseen } from './data';
import { type Context, FactsBuilder } from './facts';
import { inspect } from './inspect';
import { isOn, nameOf, relationOf, words } from './tree';

export function createIndex(body: IndexStmt, context: Context): FactsBuilder {
  const { concurrent, idxname, relation, unique } = body;
  const facts = new FactsBuilder(
    `CREATE ${unique ? 'UNIQUE ' : ''}INDEX${concurrent ? ' CONCURRENTLY' : ''}`,
    context,
  );
  const table = relationOf(relation!);
  findUnseen(facts, inspect(body).calls);
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
    facts.execution = 'outside';
    if (!idxname)
      facts.refuse(
        'CREATE INDEX CONCURRENTLY leaves the name to the server, so the index cannot be found again after a lost connection',
        'Name the index.',
      );
  } else if (!facts.isNew(table))
    facts.rewrite(
      `${table} cannot be written while the index is built`,
      'Write CREATE INDEX CONCURRENTLY; it runs outside a transaction by itself.',
    );
  return facts;
}

export function dropIndex({ objects, concurrent }: DropStmt, context: Context): FactsBuilder {
  const facts = new FactsBuilder(`DROP INDEX${concurrent ? ' CONCURRENTLY' : ''}`, context);
  const mode: LockMode = concurrent ? 'SHARE UPDATE EXCLUSIVE' : 'ACCESS EXCLUSIVE';
  const names = (objects ?? []).map((object) => words(object));
  const tableOf = (name: string) => context.file.folder.indexes.get(facts.key(name));
  for (const name of names) facts.lock(nameOf(name), mode).lockKnown(tableOf(nameOf(name)), mode);
  if (concurrent) facts.execution = 'outside';
  const [only] = names;
  if (only && names.length === 1)
    facts.target = {
      kind: 'index',
      action: 'drop',
      name: only.at(-1)!,
      schema: only.at(-2) ?? null,
      table: tableOf(nameOf(only)) ?? null,
      unique: false,
    };
  return facts;
}

export function reindex({ kind, relation, name, params }: ReindexStmt, context: Context): FactsBuilder {
  const concurrent = isOn(params, 'concurrently');
  const noun = (kind ?? '').replace('REINDEX_OBJECT_', '');
  const facts = new FactsBuilder(`REINDEX ${noun}${concurrent ? ' CONCURRENTLY' : ''}`, context);
  const mode: LockMode = concurrent ? 'SHARE UPDATE EXCLUSIVE' : 'SHARE';
  if (concurrent || !relation) facts.execution = 'outside';
  const subject = relation ? relationOf(relation) : undefined;
  const index = noun === 'INDEX' ? subject : undefined;
  const table = noun === 'TABLE' ? subject : index && context.file.folder.indexes.get(facts.key(index));
  const tableKey = noun === 'TABLE' && subject ? facts.key(subject) : table;
  if (index) facts.lock(index, concurrent ? mode : 'ACCESS EXCLUSIVE');
  facts.lockKnown(tableKey, mode);
  if (!subject) facts.lockUnseen(mode);
  if (!concurrent && !(tableKey && context.created.has(tableKey)))
    facts.rewrite(
      `${table ?? (index ? `the table of ${index}` : `every table of ${name ?? 'the database'}`)} cannot be written while it is indexed again`,
      `Write REINDEX ${noun} CONCURRENTLY.`,
    );
  facts.target = {
    kind: 'index',
    action: 'reindex',
    name: index ? relation!.relname! : null,
    schema: relation?.schemaname ?? (noun === 'SCHEMA' ? (name ?? null) : null),
    table: table ?? null,
    unique: false,
  };
  return facts;
}
