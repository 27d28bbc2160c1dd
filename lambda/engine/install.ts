/** Schema trueup is made, or brought up to this code, for all namespaces of the database: nobody else may be at work. */

import type { ConvergeRequest, Outcome } from '../contract/converge';
import type { Database } from '../postgres/database';
import { pinned } from '../postgres/pinned';
import type { Ledger } from './ledger/ledger';
import { readLedger } from './ledger/read';
import { installStatements, needsInstall } from './ledger/schema';
import { DATABASE_LOCK, withRunnerLockUnless } from './locks/runner-lock';
import type { EngineContext } from './run';

export const isOld = ({ version, verification }: Ledger): boolean => needsInstall(version, verification);

/**
 * Several may find it old at once: the first brings it up to date, and the others go on beside it, however long it then
 * migrates.
 * @param refusal asked under the lock; an answer stops it, and nothing is installed
 * @throws {NotYet} when the deadline comes before all others have ended
 */
export function install(
  db: Database,
  ctx: EngineContext,
  { namespace, id, ownerRole = null }: ConvergeRequest,
  refusal: (ledger: Ledger) => Promise<Outcome | null>,
): Promise<Outcome | null> {
  const ledgerNow = () => readLedger(db, namespace, id, ownerRole);
  const isDone = async () => !isOld(await ledgerNow());
  return withRunnerLockUnless(db, ctx, DATABASE_LOCK, isDone, async () => {
    const ledger = await ledgerNow();
    if (!isOld(ledger)) return null;
    const stopped = await refusal(ledger);
    if (stopped === null) await db.execute([pinned(installStatements(ledger.verification))]);
    return stopped;
  });
}
