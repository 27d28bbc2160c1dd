/** `trueup alarm-test`: one harmless error of each signature, to see whether a page comes of it. */
import { matchMessage } from '../../lambda/defects/signatures';
import { ALARM_TEST_SETUP, ALARM_TEST_STATEMENTS, alarmTestLines } from '../../lambda/page/alarm-test';
import { type Database, SqlError } from '../../lambda/postgres/database';

export interface TestedSignature {
  readonly signature: string;
  /** Whether the server raised the error that the alarm counts. */
  readonly raised: boolean;
  /** What came instead; null when it was raised. */
  readonly problem: string | null;
}

/**
 * Raises the errors as whoever is logged in: not the migrator, whose own errors may not count. Nothing is written but a
 * temporary table of this session.
 */
export async function raiseErrors(db: Database): Promise<readonly TestedSignature[]> {
  const setup = await refusal(db, ALARM_TEST_SETUP);
  const results: TestedSignature[] = [];
  for (const [signature, statement] of Object.entries(ALARM_TEST_STATEMENTS)) {
    const error = await refusal(db, statement);
    const raised = error !== null && matchMessage(error.message, error.sqlstate)?.signature.id === signature;
    results.push({ signature, raised, problem: raised ? null : explain(error, setup) });
  }
  return results;
}

/** Statements one by one, each its own transaction. */
async function refusal(db: Database, sql: string): Promise<SqlError | null> {
  try {
    await db.query(sql);
    return null;
  } catch (error) {
    if (error instanceof SqlError) return error;
    throw error;
  }
}

function explain(error: SqlError | null, setup: SqlError | null): string {
  if (setup !== null)
    return `no temporary table could be made (SQLSTATE ${setup.sqlstate}); the role needs the right TEMPORARY on the database`;
  return error === null
    ? 'the statement did not fail'
    : `the server refused it in another way (SQLSTATE ${error.sqlstate}); are its messages in English?`;
}

/** Where lines go, in place of a server's own log. */
export interface LogWriter {
  /** Writes events into a stream of its own. */
  write(lines: readonly string[], now: Date): Promise<void>;
}

/** Tries filters, alarms and pager without the server: whether it logs, and exports its log, stays untried. */
export async function writeErrors(writer: LogWriter, now = new Date()): Promise<void> {
  await writer.write(alarmTestLines(now, process.pid), now);
}
