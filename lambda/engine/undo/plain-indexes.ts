/**
 * Which steps of a rollback drop nothing but plain indexes. The old application works beside them; over a thousand tenants
 * dropping them takes the time that others need, and building them again takes more.
 */
import type { Database } from '../../postgres/database';
import { indexesDropped } from '../../sql/drop-index';
import { relationsNamed } from '../apply/resolve-names';
import type { UndoStep } from '../plan/rollback';

/** INVALID, unique and of a constraint are not: they refuse rows, or the planner passes over them. */
const PLAIN = `SELECT pg_catalog.count(*)::pg_catalog.int4 AS plain FROM pg_catalog.pg_index i
WHERE i.indexrelid OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.oid[])
  AND i.indisvalid AND NOT i.indisunique AND NOT i.indisexclusion`;

/** Their names. */
export async function dropsPlainIndexes(
  db: Database,
  steps: readonly UndoStep[],
  ownerRole: string | null,
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const { name, statements, partial } of steps) {
    const dropped = statements.map(({ sql }) => indexesDropped(sql));
    if (partial || dropped.length === 0 || dropped.some((each) => each === null)) continue;
    const names = dropped.flatMap((each) => each ?? []);
    const oids = (await relationsNamed(db, names, ownerRole)).filter((oid) => oid !== null);
    if (oids.length < names.length) continue;
    const [row] = await db.query<{ plain: number }>(PLAIN, [oids]);
    if (row!.plain === new Set(oids).size) found.add(name);
  }
  return found;
}
