/**
 * Creates schema trueup, or upgrades it to this version, for all namespaces of the database. No other runner may
 * work in the meantime.
 */

import type { ConvergeOutcome, ConvergeRequest } from '../contract/converge';
import type { Database } from '../postgres/database';
import { makePinnedTransaction } from '../postgres/pinned-search-path';
import type { Ledger } from './ledger/ledger';
import { readLedger } from './ledger/read';
import { buildInstallSql, needsInstall } from './ledger/schema';
import { DATABASE_LOCK, withRunnerLockUnless } from './locks/runner-lock';
import type { EngineContext } from './run';

export const isOutdated = ({ version, verification }: Ledger): boolean => needsInstall(version, verification);

/**
 * Installs or upgrades the schema. Several runners may find it outdated at once: the first upgrades it, and the
 * others then continue in parallel, however long its migrations take.
 * @param refusal called under the lock; if it returns an outcome, nothing is installed
 * @throws {DeadlineReachedError} when the deadline comes before all other runners have ended
 */
export function installLedger(
  db: Database,
  ctx: EngineContext,
  { namespace, id, ownerRole = null }: ConvergeRequest,
  refusal: (ledger: Ledger) => Promise<ConvergeOutcome | null>,
): Promise<ConvergeOutcome | null> {
  const ledgerNow = () => readLedger(db, namespace, id, ownerRole);
  const isDone = async () => !isOutdated(await ledgerNow());
  return withRunnerLockUnless(db, ctx, DATABASE_LOCK, isDone, async () => {
    const ledger = await ledgerNow();
    if (!isOutdated(ledger)) return null;
    const stopped = await refusal(ledger);
    if (stopped === null) await db.execute([makePinnedTransaction(buildInstallSql(ledger.verification))]);
    return stopped;
  });
}
