/**
 * Handles statements that may outlive their call. Each one begins with a mark, so that it can be found in
 * pg_stat_activity, whichever runner sent it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { quoteLiteral } from '../../sql/quote';
import { type Database, SqlError } from '../database';
import { makeStillRunningError } from '../deadline';
import { buildMarkedBackendSql } from '../lock-holder';
import type { DataApiCalls } from './calls';
import { isStillBusy } from './errors';
import { isTooLong, MAX_STATEMENT_LENGTH } from './limits';

/** Polling interval for a statement that outlived its call. */
const POLL_MS = 1_000;
/** Maximum wait for the call of a cancelled statement to end. */
const CANCEL_TIMEOUT_MS = 2_000;

/**
 * Returns the mark for the holder of a lock. A shared lock comes first, so that a runner that wants it exclusively can
 * find all shared holders.
 */
export const buildLockMark = (key: bigint, shared?: bigint): string =>
  `/*trueup:${shared === undefined ? '' : toHexKey(shared)}${toHexKey(key)}`;

const toHexKey = (key: bigint): string => `${BigInt.asUintN(64, key).toString(16).padStart(16, '0')}:`;

/** Length of the id at the end of a mark, which distinguishes runners. */
export const MARK_ID_BYTES = 6;

/** Returns LIKE patterns of the statements that must not be running when a runner takes these locks. */
export const buildRivalPatterns = (key: bigint, shared?: bigint): readonly string[] =>
  shared === undefined
    ? [`${buildLockMark(key)}%`]
    : [`${buildLockMark(key, shared)}%`, `${buildLockMark(shared)}${'_'.repeat(2 * MARK_ID_BYTES)}*/%`];

/**
 * Waits until no statement with the mark is running. @param deadline milliseconds since the epoch @throws
 * {StillRunning} at the deadline
 */
export async function waitForMarkedStatement(
  db: Pick<Database, 'query'>,
  mark: string,
  deadline: number | undefined,
): Promise<void> {
  for (;;) {
    const running = await db.query(buildMarkedBackendSql(`${mark}%`));
    if (running.length === 0) return;
    if (deadline !== undefined && Date.now() + POLL_MS > deadline) throw makeStillRunningError();
    await sleep(POLL_MS);
  }
}

/** Waits until the transaction accepts calls. Returns false at the deadline, when the statement is still running. */
export async function waitForTransaction(
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

const MS_PER_UNIT: Readonly<Record<string, number>> = { ms: 1, s: 1_000, min: 60_000 };

/** Milliseconds of a value of `statement_timeout`; undefined if there is none, or it is written in another way. */
export function parseStatementTimeout(value: string | undefined): number | undefined {
  const [, number, unit] = /^\s*(\d+)\s*(ms|s|min)?\s*$/.exec(value ?? '') ?? [];
  return number === undefined ? undefined : Number(number) * MS_PER_UNIT[unit ?? 'ms']!;
}

/** Returns what a statement sets `statement_timeout` to, in milliseconds. */
export const readStatementTimeout = (sql: string): number | undefined =>
  parseStatementTimeout(/^\s*SET LOCAL statement_timeout = '?([^']*)'?$/i.exec(sql)?.[1]);

/**
 * Cancels the statement with this mark, and briefly waits for its call to end. A transaction cannot outlive its caller
 * here: it would keep its locks for three minutes and then be lost. Never throws.
 */
export async function cancelMarkedStatement(
  db: Pick<Database, 'query'>,
  mark: string,
  call: Promise<unknown>,
): Promise<void> {
  await db
    .query(
      `SELECT pg_catalog.pg_cancel_backend(pid) AS cancelled FROM pg_catalog.pg_stat_activity
WHERE pg_catalog.left(query, ${mark.length}) OPERATOR(pg_catalog.=) ${quoteLiteral(mark)}
  AND state OPERATOR(pg_catalog.=) 'active'`,
    )
    .catch(() => {});
  await Promise.race([call.catch(() => {}), sleep(CANCEL_TIMEOUT_MS, undefined, { ref: false })]);
}

/**
 * Rejects statements whose number of rows matters, since it was in the lost response. @throws {SqlError} for INSERT,
 * UPDATE, DELETE, MERGE and WITH
 */
export function assertChangesNoRows(sql: string): void {
  if (!/^\s*(UPDATE|DELETE|INSERT|MERGE|WITH)\b/i.test(sql)) return;
  throw new SqlError(
    'it took longer than the 45 seconds that the Data API waits, so the number of rows that it changed is not known',
    '57014',
  );
}

/** Returns the statement unless it is too long. @throws {SqlError} if there is no room for its mark */
export function assertStatementLength(sql: string): string {
  if (isTooLong(sql)) {
    throw new SqlError(
      `the statement has ${sql.length} characters; the Data API takes ${MAX_STATEMENT_LENGTH} at most`,
      '54000',
    );
  }
  return sql;
}
