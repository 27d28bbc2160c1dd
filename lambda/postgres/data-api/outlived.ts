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
/** How long a cancelled statement's call may take to end. */
const CANCEL_PATIENCE_MS = 2_000;

/** Of whoever holds this lock between runners. One that is shared comes first: who wants that alone finds all of them. */
export const markOf = (key: bigint, shared?: bigint): string =>
  `/*trueup:${shared === undefined ? '' : hex(shared)}${hex(key)}`;

const hex = (key: bigint): string => `${BigInt.asUintN(64, key).toString(16).padStart(16, '0')}:`;

/** Ends a mark: tells one runner from the other. */
export const MARK_ID_BYTES = 6;

/** Statements, as LIKE has them, beside which nobody may begin who wants these locks. */
export const rivalForms = (key: bigint, shared?: bigint): readonly string[] =>
  shared === undefined
    ? [`${markOf(key)}%`]
    : [`${markOf(key, shared)}%`, `${markOf(shared)}${'_'.repeat(2 * MARK_ID_BYTES)}*/%`];

/** @throws {StillRunning} at the deadline, milliseconds since the epoch */
export async function untilMarkedEnds(
  db: Pick<Database, 'query'>,
  mark: string,
  deadline: number | undefined,
): Promise<void> {
  for (;;) {
    const running = await db.query(markedQuery(`${mark}%`));
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

/**
 * Cancels the statement with this mark, and waits a moment for its call to end. A transaction cannot outlive its caller
 * here: left alone it would keep its locks for three minutes, then be lost. Never throws.
 */
export async function cancelMarked(
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
  await Promise.race([call.catch(() => {}), sleep(CANCEL_PATIENCE_MS, undefined, { ref: false })]);
}

/** @throws {SqlError} for a statement whose number of rows matters: it was in an answer that never came */
export function assertChangesNoRows(sql: string): void {
  if (!/^\s*(UPDATE|DELETE|INSERT|MERGE|WITH)\b/i.test(sql)) return;
  throw new SqlError(
    'it took longer than the 45 seconds that the Data API waits, so the number of rows that it changed is not known',
    '57014',
  );
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
