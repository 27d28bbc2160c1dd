/** Counts the statements that the database runs, on a schedule, so that a deployment knows which are in use. */
import { type Database, SqlError } from '../../postgres/database';
import { makePinnedTransaction } from '../../postgres/pinned-search-path';
import { buildCountLiveSql } from './guard-sql';

/**
 * Counts the live statements once. An SQL error is ignored: a role that may not write to schema trueup does not
 * count.
 * @param db a connection that can write, on which only Trueup's own statements have run
 * @throws {ConnectionLostError}
 */
export async function countLiveStatements(db: Database, ownerRole: string | null): Promise<void> {
  try {
    await db.execute([makePinnedTransaction([buildCountLiveSql({ ownerRole })])]);
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
  }
}
