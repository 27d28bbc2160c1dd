/** DROP of objects that hold data, of objects that belong to a table, and of others. */
import type { DropStmt } from 'libpg-query';
import { cascade } from '../lint/cascade';
import { dropRelation as dropRelationRule } from '../lint/drop-relation';
import { dropSchemaOrExtension } from '../lint/drop-schema-or-extension';
import { formatSqlName, listNameParts } from '../read/tree';
import { FactsBuilder, type RuleContext } from './facts';
import { classifyDropIndex } from './index-statements';

/** Kinds of relations; `true` if they hold data. */
const RELATION_KINDS: Readonly<Record<string, boolean>> = {
  TABLE: true,
  MATVIEW: true,
  SEQUENCE: true,
  VIEW: false,
  FOREIGN_TABLE: false,
};
/** Kinds that are not relations, but whose removal also removes data. */
const CONTAINER_KINDS = new Set(['SCHEMA', 'EXTENSION']);
const TABLE_OBJECT_KINDS = new Set(['TRIGGER', 'POLICY', 'RULE']);
const NOUNS: Readonly<Record<string, string>> = {
  MATVIEW: 'MATERIALIZED VIEW',
  STATISTIC_EXT: 'STATISTICS',
};

export function classifyDrop(body: DropStmt, context: RuleContext): FactsBuilder {
  const kind = (body.removeType ?? '').replace('OBJECT_', '');
  const noun = NOUNS[kind] ?? kind.replaceAll('_', ' ');
  const facts =
    kind === 'INDEX' ? classifyDropIndex(body, context) : new FactsBuilder(`DROP ${noun}`, context);
  for (const object of body.objects ?? []) {
    const name = listNameParts(object);
    if (TABLE_OBJECT_KINDS.has(kind)) facts.lock(formatSqlName(name.slice(0, -1)), 'ACCESS EXCLUSIVE');
    if (kind in RELATION_KINDS) recordDropRelation(facts, noun, formatSqlName(name), RELATION_KINDS[kind]!);
    if (CONTAINER_KINDS.has(kind))
      facts.breaks(dropSchemaOrExtension, [noun, formatSqlName(name)]).lockUnseen('ACCESS EXCLUSIVE');
  }
  if (kind === 'STATISTIC_EXT') facts.lockUnseen('SHARE UPDATE EXCLUSIVE');
  if (body.behavior === 'DROP_CASCADE')
    facts
      .breaks(cascade, [`CASCADE drops whatever depends on the ${noun.toLowerCase()}`])
      .lockUnseen('ACCESS EXCLUSIVE');
  return facts;
}

function recordDropRelation(facts: FactsBuilder, noun: string, relation: string, holdsData: boolean): void {
  facts.lock(relation, 'ACCESS EXCLUSIVE');
  const { folder } = facts.context.file;
  facts.lockKnown(folder.partitionOf.get(facts.key(relation)), 'ACCESS EXCLUSIVE');
  // The triggers of its foreign keys are also dropped on the referenced side.
  for (const other of folder.referencedFrom(facts.key(relation))) facts.lockKnown(other, 'ACCESS EXCLUSIVE');
  if (holdsData && !facts.isNew(relation)) facts.breaks(dropRelationRule, [noun, relation]);
}
