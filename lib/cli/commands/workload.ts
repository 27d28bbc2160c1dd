import { createReadStream } from 'node:fs';
import type { Command } from 'commander';
import { loadParser } from '../../compiler/read/parser';
import { quoteIfNeeded } from '../../compiler/read/tree';
import { collectWorkload, mergeWorkloads, type Workload } from '../../workload/collect-workload';
import { writeWorkload } from '../../workload/file';
import { StatementReader } from '../../workload/sources/log';
import type { WorkloadStatistics } from '../../workload/sources/statistics';
import { EXIT } from '../exit-codes';
import { decodeLines } from '../logs/lines';
import { readLog } from '../logs/read-log';
import { type DatabaseOptions, withConnection } from '../options';
import { replaceFile } from '../replace-file';
import { setAction } from '../terminal/action';
import { UsageError } from '../terminal/failure';
import { printJson } from '../terminal/json';
import { formatCount, type Terminal } from '../terminal/terminal';
import {
  collectValues,
  loadStatistics,
  loadWorkloadFile,
  openReadOnlySession,
  requireFile,
} from '../workload-sources';

interface Options extends DatabaseOptions {
  readonly log?: readonly string[];
  readonly logDatabase?: string;
  readonly output?: string;
}

export function registerWorkload(program: Command): void {
  const command = withConnection(
    program.command('workload').argument('[files...]', 'workload files or other SQL files to merge'),
  )
    .description(
      'Writes the statements that an application sends to an SQL file that a person can review: normalized, without ' +
        'values or comments, sorted, with roles and calls if they are known. Reads them from pg_stat_statements of a ' +
        'database (also the source of a move), from server logs, from SQL files, or from all of these.',
    )
    .option('--log <file>', "a server's log, or `-` for standard input; may be repeated", collectValues)
    .option('--log-database <name>', 'from the log, only statements sent to this database (default: all)')
    .option('-o, --output <file>', 'where to write the workload (default: standard output)');
  setAction<Options>(command, async (terminal, options, ...given) => {
    const files = given[0] as unknown as readonly string[];
    await loadParser();
    const sources: Workload[] = [
      ...files.map(loadWorkloadFile),
      ...(await Promise.all((options.log ?? []).map((file) => readLogWorkload(file, options.logDatabase)))),
    ];
    const hasOthers = sources.length > 0;
    const statistics =
      hasOthers && options.databaseUrl === undefined ? null : await readDatabaseStatistics(options);
    if (statistics !== null) sources.push(collectWorkload(statistics.sent));
    const workload = mergeWorkloads(sources);
    const text = writeWorkload(workload);
    if (options.output !== undefined) replaceFile(options.output, text);
    else if (!terminal.json) terminal.out.write(text);
    printReport(terminal, workload, statistics, options.output);
    return EXIT.ok;
  });
}

async function readLogWorkload(file: string, database: string | undefined): Promise<Workload> {
  if (file !== '-') requireFile(file);
  const reader = new StatementReader(database);
  const lines = await readLog(decodeLines(file === '-' ? process.stdin : createReadStream(file)), reader);
  if (reader.sent.length === 0)
    throw new UsageError(
      lines === 0
        ? `no line of ${file} has the format of a PostgreSQL log`
        : `${file} contains no statement${database === undefined ? '' : ` to ${database}`}`,
      'The server logs them with log_statement = all, or with log_min_duration_statement.',
    );
  return collectWorkload(reader.sent);
}

async function readDatabaseStatistics(options: Options): Promise<WorkloadStatistics> {
  const { db } = await openReadOnlySession(options, 60_000);
  try {
    return await loadStatistics(db);
  } finally {
    await db.close();
  }
}

function printReport(
  terminal: Terminal,
  { entries, leftOut }: Workload,
  statistics: WorkloadStatistics | null,
  output = '',
): void {
  const hidden = statistics?.hidden ?? 0;
  if (terminal.json) {
    const reasons = Object.fromEntries(leftOut);
    printJson(terminal, { output: output || null, statements: entries, leftOut: reasons, hidden });
    return;
  }
  const { err } = terminal;
  err.line(`${formatCount(entries.length, 'statement')}${output && ` in ${output}`}.`);
  for (const [reason, count] of [...leftOut].sort(([a], [b]) => (a < b ? -1 : 1)))
    err.line(`  left out: ${count} × ${reason}`);
  if (hidden > 0)
    err.line(
      `  not checked: ${formatCount(hidden, 'statement')} of other roles; GRANT pg_read_all_stats TO ${quoteIfNeeded(statistics!.role)}; shows them`,
    );
}
