/** VACUUM, ANALYZE and CLUSTER: run again, they do the same again. */
import { cluster } from '../lint/cluster';
import { vacuumFull } from '../lint/vacuum-full';
import { all, type Body, isOn, relationOf } from '../read/tree';
import { type Context, FactsBuilder } from './facts';
import { MAY_RUN_AGAIN } from './outside-commands';

export function clusterTable({ relation }: Body<'ClusterStmt'>, context: Context): FactsBuilder {
  const facts = new FactsBuilder('CLUSTER', context);
  if (relation) facts.lock(relation, 'ACCESS EXCLUSIVE');
  else facts.outside('CLUSTER', MAY_RUN_AGAIN).lockUnseen('ACCESS EXCLUSIVE');
  return relation && facts.isNew(relationOf(relation))
    ? facts
    : facts.breaks(cluster, [relation ? relationOf(relation) : 'every clustered table']);
}

export function vacuum({ is_vacuumcmd, options, rels }: Body<'VacuumStmt'>, context: Context): FactsBuilder {
  const facts = new FactsBuilder(is_vacuumcmd ? 'VACUUM' : 'ANALYZE', context);
  const full = isOn(options, 'full');
  const mode = full ? 'ACCESS EXCLUSIVE' : 'SHARE UPDATE EXCLUSIVE';
  const tables = all(rels, 'VacuumRelation');
  for (const { relation } of tables) facts.lock(relation, mode);
  if (tables.length === 0) facts.lockUnseen(mode);
  // What FULL rewrites is not counted as vacuumed.
  const vacuumed = full ? [] : tables.flatMap(({ relation }) => (relation ? relationOf(relation) : []));
  if (is_vacuumcmd) facts.outside('VACUUM', { kind: 'maintenance', vacuumed });
  return full ? facts.breaks(vacuumFull, []) : facts;
}
