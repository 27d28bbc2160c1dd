/** `trueup alarm-test`: one harmless error of each signature, to see whether a page comes of it. */
import type { Command } from 'commander';
import { matchMessage, SIGNATURES, signatureOf } from '../../../lambda/defects/signatures';
import { ALARM_TEST_SETUP, ALARM_TEST_TABLE } from '../../../lambda/defects/signatures/alarm-test';
import { type Database, SqlError } from '../../../lambda/postgres/database';
import { connectionTarget } from '../database/connection';
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
      'With a database it raises the errors as the role that logs in, on a temporary table, so the whole chain is tested: ' +
        'log, export, filter, alarm, pager. Do not log in as the migrator, whose errors may not count. With --stack it ' +
        "writes the lines into the log group that the stack's alarms watch; then the server's own logging is not tested.",
    )
    .option('--stack <name>', 'the stack that contains SchemaAlarms');
  setAction<Options>(command, async (terminal, options) => {
    if (options.stack === undefined) {
      const results = await raise(options);
      if (terminal.json) printJson(terminal, { results });
      else printResults(terminal, results);
      return results.every(({ raised }) => raised) ? EXIT.ok : EXIT.failed;
    }
    if (options.databaseUrl)
      throw new UsageError('--stack and --database-url cannot be combined', 'Give one of them.');
    const { logWriterOf } = await import('../remote/log-writer.js');
    const { logGroupName, writer } = await logWriterOf(options.stack);
    await writeErrors(writer);
    if (terminal.json) printJson(terminal, { logGroupName, serverLoggingTried: false });
    else {
      terminal.out.line(`One error of each kind was written to the log group ${logGroupName}.`);
      terminal.out.line(WHAT_FOLLOWS);
      terminal.out.line(
        'Whether the server logs such errors and exports its log was not tested: that needs --database-url.',
      );
    }
    return EXIT.ok;
  });
}

const WHAT_FOLLOWS =
  'Within a few minutes there should be a page for each, marked as a test, unless its alarm is already in ALARM.';

async function raise(options: Options): Promise<readonly TestedSignature[]> {
  const target = connectionTarget(options);
  const { connector } = await import('../database/local.js');
  const db = await connector(target)();
  try {
    return await raiseErrors(db);
  } finally {
    await db.close();
  }
}

function printResults({ out }: Terminal, results: readonly TestedSignature[]): void {
  const { colors } = out;
  for (const { signature, raised, problem } of results) {
    const title = signatureOf(signature)?.title ?? signature;
    out.line(
      raised
        ? `${colors.green('raised')}      ${title}`
        : `${colors.red('not raised')}  ${title}: ${problem}`,
    );
  }
  if (results.some(({ raised }) => raised)) out.line(WHAT_FOLLOWS);
}

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
  for (const { id, alarmTest } of SIGNATURES) {
    const error = await refusal(db, alarmTest.statement);
    const raised = error !== null && matchMessage(error.message, error.sqlstate)?.signature.id === id;
    results.push({ signature: id, raised, problem: raised ? null : explain(error, setup) });
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

/** Tries filters, alarms and pager without the server: whether it logs, and exports its log, stays untried. */
export async function writeErrors(writer: LogWriter, now = new Date()): Promise<void> {
  await writer.write(alarmTestLines(now, process.pid), now);
}

/** Lines of the form that RDS writes, an event each. */
export function alarmTestLines(now: Date, pid: number): readonly string[] {
  const time = now.toISOString().slice(0, 19).replace('T', ' ');
  const prefix = `${time} UTC:[local]:${ALARM_TEST_TABLE}@${ALARM_TEST_TABLE}:[${pid}]:`;
  return SIGNATURES.flatMap(({ alarmTest }) => [
    `${prefix}ERROR:  ${alarmTest.message}`,
    `${prefix}STATEMENT:  ${alarmTest.statement}`,
  ]);
}
