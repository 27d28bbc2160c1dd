/**
 * Reports the current activity of a run that the ledger records as running. The ledger does not contain it, so this
 * queries the server.
 */
import type { ConvergeRequest } from '../contract/converge';
import { ANY_RELATION } from '../contract/locks';
import type { Manifest } from '../contract/manifest';
import type { Activity } from '../contract/status';
import type { Database } from '../postgres/database';
import { splitIntoSegments } from './apply/script';
import type { Ledger } from './ledger/ledger';
import { findBlockers } from './locks/blockers';
import { listLocksToTake } from './locks/locks';
import { describeHolder, getNamespaceLock } from './locks/runner-lock';
import { planForward } from './plan/plan';
import { pinSchemas, resolveSchemas } from './search-path';

/** Returns `null` where no run is recorded as running. */
export async function readActivity(
  db: Database,
  manifest: Manifest,
  ledger: Ledger,
  request: ConvergeRequest,
): Promise<Activity | null> {
  if (ledger.newest?.outcome !== 'running') return null;
  const holder = await db.lockHolder(...getNamespaceLock(request.namespace));
  // A runner is idle for moments between two messages. Over the Data API, the session that holds the lock is always
  // idle.
  const runner =
    holder &&
    (holder.state.startsWith('idle') ? `pid ${holder.pid} holds the runner lock` : describeHolder(holder));
  // The next step is not known for a rollback or for a run of other files.
  const own = ledger.newest.direction !== 'rollback' && ledger.newest.manifestHash === manifest.hash;
  const step = own
    ? planForward(manifest, ledger, request).steps.find(({ type }) => type === 'apply')
    : undefined;
  if (step?.type !== 'apply') return { runner, next: null, locks: [], heldBy: [] };
  await pinSchemas(db, resolveSchemas(ledger, request), request.ownerRole ?? null);
  const { migration, from } = step;
  const [segment] = splitIntoSegments(migration, from);
  const statements = migration.statements.slice(from, segment?.to);
  const wanted = listLocksToTake(statements)
    .map(([relation, mode]) => ({ relation, mode }))
    .filter(({ relation }) => relation !== ANY_RELATION);
  return {
    runner,
    next: migration.name,
    locks: wanted.map(({ relation, mode }) => `${mode} on ${relation}`),
    heldBy: (await findBlockers(db, wanted, request.ownerRole ?? null)).map(({ words }) => words),
  };
}
