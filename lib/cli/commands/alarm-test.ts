/** `trueup alarm-test`: raises one harmless error of each signature, to test whether each leads to a page. */
import type { Command } from 'commander';
import { findSignature, matchMessage, SIGNATURES } from '../../../lambda/defects/signatures';
import { ALARM_TEST_SETUP, ALARM_TEST_TABLE } from '../../../lambda/defects/signatures/alarm-test';
import { type Database, SqlError } from '../../../lambda/postgres/database';
import { PINNED_SEARCH_PATH } from '../../../lambda/postgres/pinned-search-path';
import { resolveConnectionTarget } from '../database/connection';
import { EXIT } from '../exit-codes';
import { type DatabaseOptions, withDatabase } from '../options';
import type { LogWriter } from '../remote/log-writer';
import { setAction } from '../terminal/action';
import { UsageError } from '../terminal/failure';
import { printJson } from '../terminal/json';
import type { Terminal } from '../terminal/terminal';

interface Options extends DatabaseOptions {
  readonly stack?: string;
}

export function registerAlarmTest(program: Command): void {
  const command = withDatabase(program.command('alarm-test'))
    .description(
      'With a database it raises the errors as the login role, on a temporary table, so the whole chain is tested: ' +
        'log, export, filter, alarm, pager. Do not log in as the migrator, whose errors may not count. With --stack it ' +
        "writes the lines into the log group that the stack's alarms watch; then the server's own logging is not tested.",
    )
    .option('--stack <name>', 'the stack that contains SchemaAlarms');
  setAction<Options>(command, async (terminal, options) => {
    if (options.stack === undefined) {
      const results = await raiseOnDatabase(options);
      if (terminal.json) printJson(terminal, { results });
      else printResults(terminal, results);
      return results.every(({ raised }) => raised) ? EXIT.ok : EXIT.failed;
    }
    if (options.databaseUrl)
      throw new UsageError('--stack and --database-url cannot be combined', 'Remove one of the two options.');
    const { openLogWriter } = await import('../remote/log-writer.js');
    const { logGroupName, writer } = await openLogWriter(options.stack);
    await writeAlarmTestLines(writer);
    if (terminal.json) printJson(terminal, { logGroupName, serverLoggingTried: false });
    else {
      terminal.out.line(`One error of each kind was written to the log group ${logGroupName}.`);
      terminal.out.line(FOLLOW_UP);
      terminal.out.line(
        'Whether the server logs such errors and exports its log was not tested: that needs --database-url.',
      );
    }
    return EXIT.ok;
  });
}

const FOLLOW_UP =
  'Within a few minutes there should be a page for each, marked as a test, unless its alarm is already in ALARM.';

async function raiseOnDatabase(options: Options): Promise<readonly AlarmTestResult[]> {
  const target = resolveConnectionTarget(options);
  const { createConnector } = await import('../database/local.js');
  const db = await createConnector(target)();
  try {
    return await raiseAlarmErrors(db);
  } finally {
    await db.close();
  }
}

function printResults({ out }: Terminal, results: readonly AlarmTestResult[]): void {
  const { colors } = out;
  for (const { signature, raised, problem } of results) {
    const title = findSignature(signature)?.title ?? signature;
    out.line(
      raised
        ? `${colors.green('raised')}      ${title}`
        : `${colors.red('not raised')}  ${title}: ${problem}`,
    );
  }
  if (results.some(({ raised }) => raised)) out.line(FOLLOW_UP);
}

export interface AlarmTestResult {
  readonly signature: string;
  /** Whether the server raised the error that the alarm counts. */
  readonly raised: boolean;
  /** The result that came instead of the expected error; `null` if the error was raised. */
  readonly problem: string | null;
}

/**
 * Raises the errors as the role that is logged in, which must not be the migrator: its errors may not count. Writes
 * only a temporary table of this session.
 */
export async function raiseAlarmErrors(db: Database): Promise<readonly AlarmTestResult[]> {
  // Otherwise an operator that another user put on the search path would be called with the privileges of this login.
  await db.setSearchPath(PINNED_SEARCH_PATH);
  const setup = await findSqlError(db, ALARM_TEST_SETUP);
  const results: AlarmTestResult[] = [];
  for (const { id, alarmTest } of SIGNATURES) {
    const error = await findSqlError(db, alarmTest.statement);
    const raised = error !== null && matchMessage(error.message, error.sqlstate)?.signature.id === id;
    results.push({ signature: id, raised, problem: raised ? null : explainOutcome(error, setup) });
  }
  return results;
}

/** Runs one statement in its own transaction. Returns its error, or `null` if it succeeded. */
async function findSqlError(db: Database, sql: string): Promise<SqlError | null> {
  try {
    await db.query(sql);
    return null;
  } catch (error) {
    if (error instanceof SqlError) return error;
    throw error;
  }
}

function explainOutcome(error: SqlError | null, setup: SqlError | null): string {
  if (setup !== null)
    return `the temporary table could not be created (SQLSTATE ${setup.sqlstate}); the role needs the privilege TEMPORARY on the database`;
  return error === null
    ? 'the statement did not fail'
    : `the server reported a different error (SQLSTATE ${error.sqlstate}); check that lc_messages is English`;
}

/**
 * Tests filters, alarms and the pager without the server. Whether the server logs such errors and exports its log is
 * not tested.
 */
export async function writeAlarmTestLines(writer: LogWriter, now = new Date()): Promise<void> {
  await writer.write(buildAlarmTestLines(now, process.pid), now);
}

/** Builds log lines in the format that RDS writes, each a separate log event. */
export function buildAlarmTestLines(now: Date, pid: number): readonly string[] {
  const time = now.toISOString().slice(0, 19).replace('T', ' ');
  const prefix = `${time} UTC:[local]:${ALARM_TEST_TABLE}@${ALARM_TEST_TABLE}:[${pid}]:`;
  return SIGNATURES.flatMap(({ alarmTest }) => [
    `${prefix}ERROR:  ${alarmTest.message}`,
    `${prefix}STATEMENT:  ${alarmTest.statement}`,
  ]);
}
