import type { Command } from 'commander';
import { signatureOf } from '../../../lambda/defects/signatures';
import { setAction } from '../action';
import { raiseErrors, type TestedSignature, writeErrors } from '../alarm-test';
import { connectionTarget } from '../connection';
import { EXIT } from '../exit-codes';
import { UsageError } from '../failure';
import { printJson } from '../json';
import { type DatabaseOptions, withDatabase } from '../options';
import type { Terminal } from '../terminal';

interface Options extends DatabaseOptions {
  readonly stack?: string;
}

export function registerAlarmTest(program: Command): void {
  const command = withDatabase(
    program.command('alarm-test').summary('raise one harmless error of each kind: does a page come?'),
  )
    .description(
      'With a database it raises the errors as the role that logs in, on a temporary table, so the whole way is tried: ' +
        'log, export, filter, alarm, pager. Do not log in as the migrator, whose errors may not count. With --stack it ' +
        "writes the lines into the log group that the stack's alarms watch; then the server's own logging is not tried.",
    )
    .option('--stack <name>', 'the stack that holds SchemaAlarms');
  setAction<Options>(command, async (terminal, options) => {
    if (options.stack === undefined) {
      const results = await raise(options);
      if (terminal.json) printJson(terminal, { results });
      else printResults(terminal, results);
      return results.every(({ raised }) => raised) ? EXIT.ok : EXIT.failed;
    }
    if (options.databaseUrl)
      throw new UsageError('--stack and --database-url exclude each other', 'Give one of them.');
    const { logWriterOf } = await import('../alarm-test-stack.js');
    const { logGroupName, writer } = await logWriterOf(options.stack);
    await writeErrors(writer);
    if (terminal.json) printJson(terminal, { logGroupName, serverLoggingTried: false });
    else {
      terminal.out.line(`Lines of one error of each kind were written into ${logGroupName}.`);
      terminal.out.line(WHAT_FOLLOWS);
      terminal.out.line(
        'Whether the server logs such errors, and exports its log, was not tried: that takes --database-url.',
      );
    }
    return EXIT.ok;
  });
}

const WHAT_FOLLOWS =
  'Within a few minutes there should be a page for each, marked as a test, unless its alarm is up already.';

async function raise(options: Options): Promise<readonly TestedSignature[]> {
  const target = connectionTarget(options);
  const { connector } = await import('../local.js');
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
