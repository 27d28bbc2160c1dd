/** VACUUM, ANALYZE and CLUSTER, which can be repeated with the same effect. */
import { cluster } from '../lint/cluster';
import { vacuumFull } from '../lint/vacuum-full';
import { formatRelation, isOptionOn, type NodeBody, unwrapNodes } from '../read/tree';
import { FactsBuilder, type RuleContext } from './facts';
import { REPEATABLE_TARGET } from './outside-commands';

export function classifyCluster({ relation }: NodeBody<'ClusterStmt'>, context: RuleContext): FactsBuilder {
  const facts = new FactsBuilder('CLUSTER', context);
  if (relation) facts.lock(relation, 'ACCESS EXCLUSIVE');
  else facts.outside('CLUSTER', REPEATABLE_TARGET).lockUnseen('ACCESS EXCLUSIVE');
  return relation && facts.isNew(formatRelation(relation))
    ? facts
    : facts.breaks(cluster, [relation ? formatRelation(relation) : 'every clustered table']);
}

export function classifyVacuum(
  { is_vacuumcmd, options, rels }: NodeBody<'VacuumStmt'>,
  context: RuleContext,
): FactsBuilder {
  const facts = new FactsBuilder(is_vacuumcmd ? 'VACUUM' : 'ANALYZE', context);
  const full = isOptionOn(options, 'full');
  const mode = full ? 'ACCESS EXCLUSIVE' : 'SHARE UPDATE EXCLUSIVE';
  const tables = unwrapNodes(rels, 'VacuumRelation');
  for (const { relation } of tables) facts.lock(relation, mode);
  if (tables.length === 0) facts.lockUnseen(mode);
  // Tables that VACUUM FULL rewrites do not count as vacuumed.
  const vacuumed = full ? [] : tables.flatMap(({ relation }) => (relation ? formatRelation(relation) : []));
  if (is_vacuumcmd) facts.outside('VACUUM', { kind: 'maintenance', vacuumed });
  return full ? facts.breaks(vacuumFull, []) : facts;
}
