/**
 * Finds the steps of a rollback that only drop plain indexes. The old application works with these indexes in place.
 * For a thousand tenants, dropping them would take time that the other steps need, and rebuilding them later takes
 * even longer.
 */
import type { Database } from '../../postgres/database';
import { listDroppedIndexes } from '../../sql/drop-index';
import { resolveRelations } from '../apply/resolve-names';
import type { UndoStep } from '../plan/rollback';

/** Excludes unique and exclusion indexes, which reject rows, and INVALID ones, which the planner ignores. */
const PLAIN_INDEXES_SQL = `SELECT pg_catalog.count(*)::pg_catalog.int4 AS plain FROM pg_catalog.pg_index i
WHERE i.indexrelid OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.oid[])
  AND i.indisvalid AND NOT i.indisunique AND NOT i.indisexclusion`;

/** Returns the names of those steps. */
export async function findPlainIndexDrops(
  db: Database,
  steps: readonly UndoStep[],
  ownerRole: string | null,
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const { name, statements, partial } of steps) {
    const dropped = statements.map(({ sql }) => listDroppedIndexes(sql));
    if (partial || dropped.length === 0 || dropped.some((each) => each === null)) continue;
    const names = dropped.flatMap((each) => each ?? []);
    const oids = (await resolveRelations(db, names, ownerRole)).filter((oid) => oid !== null);
    if (oids.length < names.length) continue;
    const [row] = await db.query<{ plain: number }>(PLAIN_INDEXES_SQL, [oids]);
    if (row!.plain === new Set(oids).size) found.add(name);
  }
  return found;
}
