/** `trueup explain`: reads log lines and prints the pager's diagnosis of their errors. */

import { createReadStream, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Command } from 'commander';
import type { Diagnosis, DiagnosisRequest } from '../../../lambda/contract/diagnosis';
import type { Manifest } from '../../../lambda/contract/manifest';
import { buildUndiagnosed, diagnoseAll } from '../../../lambda/defects/diagnose';
import { tryReadStatus } from '../../../lambda/engine/read-status';
import {
  type DiagnosedError,
  needsPage,
  toDiagnosisRequest,
} from '../../../lambda/page/document/diagnosed-error';
import { renderPage } from '../../../lambda/page/document/render';
import { mergeSameCause } from '../../../lambda/page/document/same-cause';
import { ErrorCollection } from '../../../lambda/page/logs/collect';
import { ErrorReader } from '../../../lambda/page/logs/error-reader';
import type { Database } from '../../../lambda/postgres/database';
import { PINNED_SEARCH_PATH } from '../../../lambda/postgres/pinned-search-path';
import { packageFolder } from '../../package';
import { resolveConnectionTarget } from '../database/connection';
import { EXIT } from '../exit-codes';
import { compileMigrations, resolveNamespace } from '../folder';
import { decodeLines } from '../logs/lines';
import { readLog } from '../logs/read-log';
import { type UnwatchedCount, UnwatchedErrors } from '../logs/unwatched-errors';
import { type DatabaseOptions, withDatabase } from '../options';
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
        'the errors that a wrong schema causes, and explains each as a page does. With a database it also reads the ' +
        'catalog and, with --migrations, names the migration that repairs the error. Values in statements and rows ' +
        'are never shown.',
    )
    .option(
      '--stack <name>',
      'read the catalog through the deployed function of this stack, with your AWS credentials',
    )
    .option('--migrations <folder>', 'folder of migrations in which to look for the repair');
  setAction<Options>(command, async (terminal, options, file) => {
    const input = openInput(file!);
    const explanation = await explainLog(
      decodeLines(input),
      await createDiagnoser(options),
      options.migrations,
    );
    if (terminal.json) printJson(terminal, explanation);
    else terminal.out.line(renderExplanation(explanation));
    return explanation.lines === 0 ? EXIT.failed : EXIT.ok;
  });
}

function openInput(file: string): Readable {
  if (file === '-') return process.stdin;
  const stat = statSync(file, { throwIfNoEntry: false });
  // A pipe works like a file: `trueup explain <(zcat log.gz)`.
  if (stat && !stat.isDirectory()) return createReadStream(file);
  throw new UsageError(
    stat ? `${file} is a folder, not a file` : `there is no file ${file}`,
    'Give a log file, or pipe the lines into the command.',
  );
}

/**
 * Returns the function that diagnoses in the database, or `null` if no database was given: then only the log lines are
 * explained.
 */
async function createDiagnoser(options: Options): Promise<Diagnoser | null> {
  if (options.stack !== undefined) {
    if (options.databaseUrl)
      throw new UsageError('--stack and --database-url cannot be combined', 'Remove one of the two options.');
    if (options.migrations !== undefined)
      throw new UsageError(
        '--stack and --migrations cannot be combined',
        'The deployed function searches the migrations that it was deployed with.',
      );
    return createStackDiagnoser(options.stack, options.namespace);
  }
  // An invalid folder is reported with or without a database.
  const known =
    options.migrations === undefined
      ? null
      : {
          manifest: await compileMigrations(options.migrations),
          namespace: resolveNamespace(options.migrations, options.namespace),
        };
  const { DATABASE_URL, PGHOST, PGDATABASE } = process.env;
  if (!options.databaseUrl && !DATABASE_URL && !PGHOST && !PGDATABASE) return null;
  const target = resolveConnectionTarget(options);
  const { createConnector } = await import('../database/local.js');
  const readOnly = { ...target, pg: { ...target.pg, readOnly: true, statementTimeoutMs: 10_000 } };
  return createDatabaseDiagnoser(createConnector(readOnly), known);
}

/**
 * Diagnoses errors in the database, directly or through the deployed function. Returns the diagnoses in the order of
 * the questions.
 */
export type Diagnoser = (questions: readonly DiagnosisRequest[]) => Promise<readonly Diagnosis[]>;

export interface Explanation {
  readonly findings: readonly DiagnosedError[];
  /** Number of errors that also occur in normal operation (duplicate keys) and that have no diagnosis. */
  readonly everyday: number;
  /** Errors that no alarm watches. */
  readonly unwatched: readonly UnwatchedCount[];
  /** Number of errors beyond the maximum of distinct errors. */
  readonly overflow: number;
  /** Number of lines that are in one of the formats of a server log. */
  readonly lines: number;
}

/**
 * Explains the errors in a log.
 * @param ask `null` if no database was given
 * @param folder the migrations that were to be searched for the repair
 */
export async function explainLog(
  lines: AsyncIterable<string>,
  ask: Diagnoser | null,
  folder?: string,
): Promise<Explanation> {
  const collection = new ErrorCollection();
  const unwatched = new UnwatchedErrors();
  const reader = new ErrorReader({
    error: (error) => collection.error(error),
    aborted: (error) => collection.aborted(error),
    unwatched: (sqlstate, text) => unwatched.add(sqlstate, text),
  });
  const count = await readLog(lines, reader);
  reader.end();
  const groups = collection.result();
  const diagnoses =
    ask === null
      ? groups.map((group) => buildUndiagnosed(group, describeMissingDatabase(folder)))
      : await ask(groups.map(toDiagnosisRequest));
  const all = mergeSameCause(groups.map((group, i) => ({ group, diagnosis: diagnoses[i]! }))).map(
    ({ group, diagnosis }) => ({ group, diagnosis }),
  );
  const findings = all.filter(needsPage);
  const everyday = all.filter((each) => !needsPage(each)).reduce((sum, { group }) => sum + group.count, 0);
  return {
    findings,
    everyday,
    unwatched: unwatched.result(),
    overflow: collection.overflow,
    lines: count,
  };
}

const describeMissingDatabase = (folder: string | undefined): string[] => [
  'No database was given, so the catalog was not read. Give --database-url or --stack.',
  ...(folder === undefined
    ? []
    : [`The migrations in ${folder} were not searched: only the catalog shows which one repairs it.`]),
];

/** Renders the explanation as a page without an alarm. */
export function renderExplanation({ findings, everyday, unwatched, overflow, lines }: Explanation): string {
  if (findings.length === 0) {
    return lines === 0
      ? 'None of the lines has the format that RDS writes, such as `2026-11-21 09:01:22 UTC:10.0.1.7(53124):app@shop:[4711]:ERROR:  …`.'
      : `None of the ${lines} log lines is one of the errors that Trueup watches.${formatDuplicateKeyCount(everyday)}${formatUnwatched(unwatched)}`;
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
  return `${subject}\n\n${text}${formatDuplicateKeyCount(everyday)}${formatUnwatched(unwatched)}`;
}

const formatDuplicateKeyCount = (everyday: number): string =>
  everyday === 0
    ? ''
    : `\n\nApart from that, duplicate keys: ${everyday}. They are normal unless a sequence is behind its table. Only the database shows whether one is.`;

const MAX_UNWATCHED = 15;

/**
 * Lists errors that no alarm watches. A wrong schema causes many of them too, so the output must not suggest that it is
 * fine.
 */
function formatUnwatched(unwatched: readonly UnwatchedCount[]): string {
  if (unwatched.length === 0) return '';
  const lines = unwatched
    .slice(0, MAX_UNWATCHED)
    .map(
      ({ sqlstate, meaning, count }) =>
        `  ${count}x ${sqlstate ?? 'others, whose SQLSTATE is not in the log'}${meaning === null ? '' : ` ${meaning}`}`,
    );
  const rest = unwatched.length - MAX_UNWATCHED;
  return [
    '\n\nErrors that Trueup does not watch, though a wrong schema may cause them (`trueup check-workload` plans the statements of the application):',
    ...lines,
    ...(rest > 0 ? [`  and ${rest} more`] : []),
  ].join('\n');
}

/**
 * Returns a function that diagnoses in a database that can be reached from here.
 * @param connect opens a read-only connection
 * @param known the folder's migrations and the namespace of the ledger to read; `null` if no folder was given
 */
export function createDatabaseDiagnoser(
  connect: () => Promise<Database>,
  known: { readonly manifest: Manifest; readonly namespace: string } | null,
): Diagnoser {
  return async (questions) => {
    const db = await connect();
    try {
      await db.setSearchPath(PINNED_SEARCH_PATH);
      if (known === null) return await diagnoseAll(db, questions, null);
      const { manifest, namespace } = known;
      const status = await tryReadStatus(db, known, namespace);
      return await diagnoseAll(db, questions, { manifest, status });
    } finally {
      await db.close();
    }
  };
}

/**
 * Returns a function that diagnoses in the database of a stack through its deployed function, since an isolated subnet
 * cannot be reached from here.
 * @param namespace one of the stack's schemas; required if there are several
 */
function createStackDiagnoser(stackName: string, namespace?: string): Diagnoser {
  return async (questions) => {
    if (questions.length === 0) return [];
    const { findMigrateFunction } = await import('../remote/migrate-function.js');
    const call = await findMigrateFunction(stackName, 'ask', namespace);
    const response = await call({ action: 'diagnose', questions });
    if (response.action === 'diagnose') return response.diagnoses;
    throw new Error(`the function answered ${response.action}`);
  };
}
