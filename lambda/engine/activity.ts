/** What a run that the ledger calls running is at in this moment: asked of the server, since the record says nothing of it. */
import type { ConvergeRequest } from '../contract/converge';
import { ANY_RELATION } from '../contract/locks';
import type { Manifest } from '../contract/manifest';
import type { Activity } from '../contract/status';
import type { Database } from '../postgres/database';
import { segmentsOf } from './apply/script';
import type { Ledger } from './ledger/ledger';
import { findBlockers } from './locks/blockers';
import { locksToTake } from './locks/locks';
import { describeHolder, lockOf } from './locks/runner-lock';
import { planForward } from './plan/plan';
import { pinSchemas, schemasOf } from './schemas';

/** Null where nothing is recorded as running. */
export async function activityOf(
  db: Database,
  manifest: Manifest,
  ledger: Ledger,
  request: ConvergeRequest,
): Promise<Activity | null> {
  if (ledger.newest?.outcome !== 'running') return null;
  const holder = await db.lockHolder(...lockOf(request.namespace));
  // It is idle for moments between two messages; over the Data API the lock's own session always is.
  const runner =
    holder &&
    (holder.state.startsWith('idle')
      ? `pid ${holder.pid} holds the lock between runners`
      : describeHolder(holder));
  // Of a rollback this code does not know the next step, nor of a run of other files.
  const own = ledger.newest.direction !== 'rollback' && ledger.newest.manifestHash === manifest.hash;
  const step = own
    ? planForward(manifest, ledger, request).steps.find(({ type }) => type === 'apply')
    : undefined;
  if (step?.type !== 'apply') return { runner, next: null, locks: [], heldBy: [] };
  await pinSchemas(db, schemasOf(ledger, request), request.ownerRole ?? null);
  const { migration, from } = step;
  const [segment] = segmentsOf(migration, from);
  const statements = migration.statements.slice(from, segment?.to);
  const wanted = locksToTake(statements)
    .map(([relation, mode]) => ({ relation, mode }))
    .filter(({ relation }) => relation !== ANY_RELATION);
  return {
    runner,
    next: migration.name,
    locks: wanted.map(({ relation, mode }) => `${mode} on ${relation}`),
    heldBy: (await findBlockers(db, wanted, request.ownerRole ?? null)).map(({ words }) => words),
  };
}
