import { createReadStream, statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Command } from 'commander';
import { setAction } from '../action';
import { connectionTarget } from '../connection';
import { EXIT } from '../exit-codes';
import { type Ask, askDatabase, explain, renderExplanation } from '../explain';
import { UsageError } from '../failure';
import { compile, namespaceOf } from '../folder';
import { printJson } from '../json';
import { type DatabaseOptions, withDatabase } from '../options';

interface Options extends DatabaseOptions {
  readonly stack?: string;
  readonly migrations?: string;
}

export function registerExplain(program: Command): void {
  const command = withDatabase(
    program.command('explain').summary('what do these errors in the log mean, and what repairs them?'),
  )
    .argument('[file]', "a server's log, or `-` for standard input", '-')
    .description(
      'Reads log lines in the form that RDS and Aurora write, finds the errors that a wrong schema raises, and says what a ' +
        'page would say. With a database it looks into the catalogue, read only; with --migrations also which ' +
        'migration repairs it. Values in statements and rows are never shown.',
    )
    .option(
      '--stack <name>',
      "ask through the deployed function of this stack, with the caller's AWS credentials",
    )
    .option('--migrations <folder>', 'folder of migrations to look for the repair in');
  setAction<Options>(command, async (terminal, options, file) => {
    const input = inputOf(file!);
    const explanation = await explain(linesOf(input), await askOf(options), options.migrations);
    if (terminal.json) printJson(terminal, explanation);
    else terminal.out.line(renderExplanation(explanation));
    return explanation.lines === 0 ? EXIT.failed : EXIT.ok;
  });
}

function inputOf(file: string): Readable {
  if (file === '-') return process.stdin;
  const stat = statSync(file, { throwIfNoEntry: false });
  // A pipe is as good as a file: `trueup explain <(zcat log.gz)`.
  if (stat && !stat.isDirectory()) return createReadStream(file);
  throw new UsageError(
    stat ? `${file} is a folder, not a file` : `there is no file ${file}`,
    'Give a log file, or pipe the lines into the command.',
  );
}

/** Begins to read only when somebody asks for lines: those that came before would be lost. */
async function* linesOf(input: Readable): AsyncGenerator<string> {
  yield* createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
}

/** Null when nothing says where the database is: the lines alone are explained. */
async function askOf(options: Options): Promise<Ask | null> {
  if (options.stack !== undefined) {
    if (options.databaseUrl)
      throw new UsageError('--stack and --database-url exclude each other', 'Give one of them.');
    if (options.migrations !== undefined)
      throw new UsageError(
        '--stack and --migrations exclude each other',
        'The deployed function looks through the migrations that it was deployed with.',
      );
    const { askStack } = await import('../explain-stack.js');
    return askStack(options.stack, options.namespace);
  }
  // A wrong folder is said with or without a database.
  const known =
    options.migrations === undefined
      ? null
      : {
          manifest: await compile(options.migrations),
          namespace: namespaceOf(options.migrations, options.namespace),
        };
  const { DATABASE_URL, PGHOST, PGDATABASE } = process.env;
  if (!options.databaseUrl && !DATABASE_URL && !PGHOST && !PGDATABASE) return null;
  const target = connectionTarget(options);
  const { connector } = await import('../local.js');
  const readOnly = { ...target, pg: { ...target.pg, readOnly: true, statementTimeoutMs: 10_000 } };
  return askDatabase(connector(readOnly), known);
}
