/**
 * Statements that may outlive their call: each begins with a mark, so that it is found in pg_stat_activity whoever runs it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { quoteLiteral } from '../../sql/quote';
import { type Database, SqlError } from '../database';
import { stillRunning } from '../deadline';
import { markedQuery } from '../lock-holder';
import type { DataApiCalls } from './calls';
import { isStillBusy } from './errors';
import { MAX_STATEMENT_LENGTH, tooLong } from './limits';

/** How often the server is asked whether a statement that outlived its call still runs. */
const POLL_MS = 1_000;

/** Of whoever holds this lock between runners. */
export const markOf = (key: bigint): string =>
  `/*trueup:${BigInt.asUintN(64, key).toString(16).padStart(16, '0')}:`;

/** @throws {StillRunning} at the deadline, milliseconds since the epoch */
export async function untilMarkedEnds(
  db: Pick<Database, 'query'>,
  mark: string,
  deadline: number | undefined,
): Promise<void> {
  for (;;) {
    const running = await db.query(markedQuery(mark));
    if (running.length === 0) return;
    if (deadline !== undefined && Date.now() + POLL_MS > deadline) throw stillRunning();
    await sleep(POLL_MS);
  }
}

/** False at the deadline: the statement still runs. */
export async function untilTransactionFree(
  calls: DataApiCalls,
  transactionId: string,
  deadline: number | undefined,
): Promise<boolean> {
  for (;;) {
    try {
      await calls.execute({ sql: 'SELECT 1', transactionId });
      return true;
    } catch (error) {
      if (!isStillBusy(error)) throw error;
      if (deadline !== undefined && Date.now() + POLL_MS > deadline) return false;
      await sleep(POLL_MS);
    }
  }
}

/** Never throws. */
export async function cancelMarked(db: Pick<Database, 'query'>, mark: string): Promise<void> {
  await db
    .query(
      `SELECT pg_catalog.pg_cancel_backend(pid) AS cancelled FROM pg_catalog.pg_stat_activity
WHERE pg_catalog.left(query, ${mark.length}) OPERATOR(pg_catalog.=) ${quoteLiteral(mark)}
  AND state OPERATOR(pg_catalog.=) 'active'`,
    )
    .catch(() => {});
}

/** @throws {SqlError} where the statement leaves no room for its mark */
export function checked(sql: string): string {
  if (tooLong(sql)) {
    throw new SqlError(
      `the statement has ${sql.length} characters; the Data API takes ${MAX_STATEMENT_LENGTH} at most`,
      '54000',
    );
  }
  return sql;
}
