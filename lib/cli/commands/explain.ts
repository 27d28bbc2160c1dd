/** `trueup explain`: log lines in, the pager's diagnosis out. */

import { createReadStream, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Command } from 'commander';
import type { Diagnosis, DiagnosisQuestion } from '../../../lambda/contract/diagnosis';
import type { Manifest } from '../../../lambda/contract/manifest';
import { diagnoseAll, undiagnosed } from '../../../lambda/defects/diagnose';
import { statusOrNull } from '../../../lambda/engine/status';
import { type DiagnosedError, isPaged, questionOf } from '../../../lambda/page/document/finding';
import { renderPage } from '../../../lambda/page/document/render';
import { ErrorCollection } from '../../../lambda/page/logs/collect';
import { ErrorReader } from '../../../lambda/page/logs/error-reader';
import type { Database } from '../../../lambda/postgres/database';
import { PINNED_PATH } from '../../../lambda/postgres/pinned';
import { connectionTarget } from '../database/connection';
import { EXIT } from '../exit-codes';
import { compile, namespaceOf } from '../folder';
import { linesOf } from '../logs/lines';
import { readLog } from '../logs/read-log';
import { type DatabaseOptions, withDatabase } from '../options';
import { packageFolder } from '../package';
import { setAction } from '../terminal/action';
import { UsageError } from '../terminal/failure';
import { printJson } from '../terminal/json';

interface Options extends DatabaseOptions {
  readonly stack?: string;
  readonly migrations?: string;
}

export function registerExplain(program: Command): void {
  const command = withDatabase(program.command('explain'))
    .argument('[file]', "a server's log, or `-` for standard input", '-')
    .description(
      'Reads the log of a server (a file, `aws logs tail`, JSON or CSV from CloudWatch, csvlog, jsonlog), finds ' +
        'the errors that a wrong schema causes, and prints what a page would say. With a database it also reads the ' +
        'catalogue; with --migrations it names the migration that repairs the error. Values in statements and rows ' +
        'are never shown.',
    )
    .option(
      '--stack <name>',
      "ask through the deployed function of this stack, with the caller's AWS credentials",
    )
    .option('--migrations <folder>', 'folder of migrations in which to look for the repair');
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

/** Null when nothing says where the database is: the lines alone are explained. */
async function askOf(options: Options): Promise<Ask | null> {
  if (options.stack !== undefined) {
    if (options.databaseUrl)
      throw new UsageError('--stack and --database-url cannot be combined', 'Give one of them.');
    if (options.migrations !== undefined)
      throw new UsageError(
        '--stack and --migrations cannot be combined',
        'The deployed function looks through the migrations that it was deployed with.',
      );
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
  const { connector } = await import('../database/local.js');
  const readOnly = { ...target, pg: { ...target.pg, readOnly: true, statementTimeoutMs: 10_000 } };
  return askDatabase(connector(readOnly), known);
}

/** Looks into the database, wherever it is: from here, or through the deployed function. In the order of the questions. */
export type Ask = (questions: readonly DiagnosisQuestion[]) => Promise<readonly Diagnosis[]>;

export interface Explanation {
  readonly findings: readonly DiagnosedError[];
  /** Errors whose words are everyday, where no defect was seen behind them. */
  readonly everyday: number;
  /** Errors beyond those that are told apart. */
  readonly overflow: number;
  /** Lines of a server's log, whatever the form. */
  readonly lines: number;
}

/**
 * @param ask null where no database was given
 * @param folder of migrations that were to be looked through
 */
export async function explain(
  lines: AsyncIterable<string>,
  ask: Ask | null,
  folder?: string,
): Promise<Explanation> {
  const collection = new ErrorCollection();
  const reader = new ErrorReader(collection);
  const count = await readLog(lines, reader);
  reader.end();
  const groups = collection.result();
  const diagnoses =
    ask === null
      ? groups.map((group) => undiagnosed(group, notAsked(folder)))
      : await ask(groups.map(questionOf));
  const all = groups.map((group, i) => ({ group, diagnosis: diagnoses[i]! }));
  const findings = all.filter(isPaged);
  const everyday = all.filter((each) => !isPaged(each)).reduce((sum, { group }) => sum + group.count, 0);
  return { findings, everyday, overflow: collection.overflow, lines: count };
}

const notAsked = (folder: string | undefined): string[] => [
  'No database was given, so the catalogue was not asked. Give --database-url or --stack.',
  ...(folder === undefined
    ? []
    : [`The migrations in ${folder} were not searched: only the catalogue shows which one repairs it.`]),
];

/** A page without an alarm. */
export function renderExplanation({ findings, everyday, overflow, lines }: Explanation): string {
  if (findings.length === 0) {
    return lines === 0
      ? 'None of the lines has the format that RDS writes, such as `2026-11-21 09:01:22 UTC:10.0.1.7(53124):app@shop:[4711]:ERROR:  …`.'
      : `None of the ${lines} log lines is an error that a wrong schema causes.${apart(everyday)}`;
  }
  const { subject, text } = renderPage({
    alarm: null,
    signature: findings[0]!.group.signature,
    followUp: false,
    findings,
    others: [],
    overflow,
    complete: true,
    logGroups: [],
    fromMs: 0,
    toMs: 0,
    runbookUrl: `${join(packageFolder(), 'docs', 'defects')}/`,
  });
  return `${subject}\n\n${text}${apart(everyday)}`;
}

const apart = (everyday: number): string =>
  everyday === 0
    ? ''
    : `\n\nApart from that, duplicate keys: ${everyday}. They are normal unless a sequence is behind its table, which only the database shows.`;

/**
 * Asks a database that can be reached from here.
 * @param connect opens a connection that cannot write
 * @param known the folder's migrations, and whose ledger to read; null where no folder was given
 */
export function askDatabase(
  connect: () => Promise<Database>,
  known: { readonly manifest: Manifest; readonly namespace: string } | null,
): Ask {
  return async (questions) => {
    const db = await connect();
    try {
      await db.query("SELECT pg_catalog.set_config('search_path', $1, false)", [PINNED_PATH]);
      if (known === null) return await diagnoseAll(db, questions, null);
      const { manifest, namespace } = known;
      const status = await statusOrNull(db, known, namespace);
      return await diagnoseAll(db, questions, { manifest, status });
    } finally {
      await db.close();
    }
  };
}

/**
 * Asks the database of a stack through its deployed function, since nobody reaches an isolated subnet.
 * @param namespace which of the stack's schemas; needed where there are several
 */
function askStack(stackName: string, namespace?: string): Ask {
  return async (questions) => {
    if (questions.length === 0) return [];
    const { migrateFunction } = await import('../remote/migrate-function.js');
    const call = await migrateFunction(stackName, 'ask', namespace);
    const response = await call({ action: 'diagnose', questions });
    if (response.action === 'diagnose') return response.diagnoses;
    throw new Error(`the function answered ${response.action}`);
  };
}
