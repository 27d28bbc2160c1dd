/** DROP: what holds data, what hangs on a table, and what neither. */
import type { DropStmt } from 'libpg-query';
import { cascade } from '../lint/cascade';
import { dropContainer } from '../lint/drop-container';
import { dropRelation as dropRelationRule } from '../lint/drop-relation';
import { sqlName, words } from '../read/tree';
import { type Context, FactsBuilder } from './facts';
import { dropIndex } from './indexes';

/** Relations by themselves; true where they hold data. */
const RELATIONS: Readonly<Record<string, boolean>> = {
  TABLE: true,
  MATVIEW: true,
  SEQUENCE: true,
  VIEW: false,
  FOREIGN_TABLE: false,
};
/** Not relations, but dropping them takes data along. */
const HOLD_DATA = new Set(['SCHEMA', 'EXTENSION']);
const ON_TABLE = new Set(['TRIGGER', 'POLICY', 'RULE']);
const NOUNS: Readonly<Record<string, string>> = {
  MATVIEW: 'MATERIALIZED VIEW',
  STATISTIC_EXT: 'STATISTICS',
};

export function drop(body: DropStmt, context: Context): FactsBuilder {
  const kind = (body.removeType ?? '').replace('OBJECT_', '');
  const noun = NOUNS[kind] ?? kind.replaceAll('_', ' ');
  const facts = kind === 'INDEX' ? dropIndex(body, context) : new FactsBuilder(`DROP ${noun}`, context);
  for (const object of body.objects ?? []) {
    const name = words(object);
    if (ON_TABLE.has(kind)) facts.lock(sqlName(name.slice(0, -1)), 'ACCESS EXCLUSIVE');
    if (kind in RELATIONS) dropRelation(facts, noun, sqlName(name), RELATIONS[kind]!);
    if (HOLD_DATA.has(kind))
      facts.breaks(dropContainer, [noun, sqlName(name)]).lockUnseen('ACCESS EXCLUSIVE');
  }
  if (kind === 'STATISTIC_EXT') facts.lockUnseen('SHARE UPDATE EXCLUSIVE');
  if (body.behavior === 'DROP_CASCADE')
    facts
      .breaks(cascade, [`CASCADE drops whatever depends on the ${noun.toLowerCase()}`])
      .lockUnseen('ACCESS EXCLUSIVE');
  return facts;
}

function dropRelation(facts: FactsBuilder, noun: string, relation: string, holdsData: boolean): void {
  facts.lock(relation, 'ACCESS EXCLUSIVE');
  const { folder } = facts.context.file;
  facts.lockKnown(folder.partitionOf.get(facts.key(relation)), 'ACCESS EXCLUSIVE');
  // The triggers of its foreign keys are dropped on the other side too.
  for (const other of folder.referencedFrom(facts.key(relation))) facts.lockKnown(other, 'ACCESS EXCLUSIVE');
  if (holdsData && !facts.isNew(relation)) facts.breaks(dropRelationRule, [noun, relation]);
}
