import { createReadStream } from 'node:fs';
import type { Command } from 'commander';
import { loadParser } from '../../compiler/read/parser';
import { quoteIfNeeded } from '../../compiler/read/tree';
import { writeWorkload } from '../../workload/file';
import { StatementReader } from '../../workload/sources/log';
import type { Statistics } from '../../workload/sources/statistics';
import { collect, merge, type Workload } from '../../workload/workload';
import { EXIT } from '../exit-codes';
import { linesOf } from '../logs/lines';
import { readLog } from '../logs/read-log';
import { type DatabaseOptions, withConnection } from '../options';
import { replaceFile } from '../replace-file';
import { setAction } from '../terminal/action';
import { UsageError } from '../terminal/failure';
import { printJson } from '../terminal/json';
import { plural, type Terminal } from '../terminal/terminal';
import { fromFile, fromStatistics, readOnlySession, repeated, requireFile } from '../workload-sources';

interface Options extends DatabaseOptions {
  readonly log?: readonly string[];
  readonly logDatabase?: string;
  readonly output?: string;
}

export function registerWorkload(program: Command): void {
  const command = withConnection(
    program.command('workload').argument('[files...]', 'workload files, or any files of SQL, to merge'),
  )
    .description(
      'Writes the statements that an application sends as a file of SQL that a person can review: normalized, without ' +
        'values or comments, sorted, with roles and calls where they are known. Takes them from pg_stat_statements of a ' +
        'database (also one that is left behind), from server logs, from files of SQL, or from all of these.',
    )
    .option('--log <file>', "a server's log, or `-` for standard input; may be repeated", repeated)
    .option('--log-database <name>', 'of the log only the statements sent to this database (default: all)')
    .option('-o, --output <file>', 'where to write the workload (default: standard output)');
  setAction<Options>(command, async (terminal, options, ...given) => {
    const files = given[0] as unknown as readonly string[];
    await loadParser();
    const sources: Workload[] = [
      ...files.map(fromFile),
      ...(await Promise.all((options.log ?? []).map((file) => fromLog(file, options.logDatabase)))),
    ];
    const hasOthers = sources.length > 0;
    const statistics = hasOthers && options.databaseUrl === undefined ? null : await fromDatabase(options);
    if (statistics !== null) sources.push(collect(statistics.sent));
    const workload = merge(sources);
    const text = writeWorkload(workload);
    if (options.output !== undefined) replaceFile(options.output, text);
    else if (!terminal.json) terminal.out.write(text);
    report(terminal, workload, statistics, options.output);
    return EXIT.ok;
  });
}

async function fromLog(file: string, database: string | undefined): Promise<Workload> {
  if (file !== '-') requireFile(file);
  const reader = new StatementReader(database);
  const lines = await readLog(linesOf(file === '-' ? process.stdin : createReadStream(file)), reader);
  if (reader.sent.length === 0)
    throw new UsageError(
      lines === 0
        ? `no line of ${file} has the form of a PostgreSQL log`
        : `${file} holds no statement${database === undefined ? '' : ` to ${database}`}`,
      'The server logs them with log_statement = all, or with log_min_duration_statement.',
    );
  return collect(reader.sent);
}

async function fromDatabase(options: Options): Promise<Statistics> {
  const { db } = await readOnlySession(options, 60_000);
  try {
    return await fromStatistics(db);
  } finally {
    await db.close();
  }
}

function report(
  terminal: Terminal,
  { entries, leftOut }: Workload,
  statistics: Statistics | null,
  output = '',
): void {
  const hidden = statistics?.hidden ?? 0;
  if (terminal.json) {
    const reasons = Object.fromEntries(leftOut);
    printJson(terminal, { output: output || null, statements: entries, leftOut: reasons, hidden });
    return;
  }
  const { err } = terminal;
  err.line(`${plural(entries.length, 'statement')}${output && ` in ${output}`}.`);
  for (const [reason, count] of [...leftOut].sort(([a], [b]) => (a < b ? -1 : 1)))
    err.line(`  left out: ${count} × ${reason}`);
  if (hidden > 0)
    err.line(
      `  not seen: ${plural(hidden, 'statement')} of other roles; GRANT pg_read_all_stats TO ${quoteIfNeeded(statistics!.role)}; shows them`,
    );
}
