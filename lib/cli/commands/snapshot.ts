import type { Command } from 'commander';
import { KINDS } from '../../../lambda/audit/catalogue';
import { writeSnapshot } from '../../audit/file';
import { type Snapshot, takeSnapshot } from '../../audit/snapshot';
import { notSeenLines } from '../../audit/words';
import { loadParser } from '../../compiler/read/parser';
import { EXIT } from '../exit-codes';
import { type DatabaseOptions, withConnection } from '../options';
import { packageVersion } from '../package';
import { replaceFile } from '../replace-file';
import { setAction } from '../terminal/action';
import { UsageError } from '../terminal/failure';
import { printJson } from '../terminal/json';
import { progressView } from '../terminal/progress';
import { duration, hang, type Terminal } from '../terminal/terminal';
import { readOnlySession } from '../workload-sources';

interface Options extends DatabaseOptions {
  readonly output?: string;
  readonly count?: boolean;
}

/** Each question has a limit of its own; this one is for what has none. */
const STATEMENT_TIMEOUT_MS = 60_000;

export function registerSnapshot(program: Command): void {
  const command = withConnection(program.command('snapshot'))
    .description(
      'Writes what a database is, without its rows, to one file that is kept when the old server is gone: objects of ' +
        'all kinds, grants, sequence positions, row counts, versions, collations, settings that change what SQL means, ' +
        'and the workload. Reads only, in short transactions; a role that may only read is enough. What it may not ' +
        'see, the file says.',
    )
    .option('-o, --output <file>', 'where to write the snapshot (default: standard output)')
    .option(
      '--count',
      'count the rows of every table (default: what the server estimates); reads all of them',
    );
  setAction<Options>(command, async (terminal, options) => {
    if (terminal.json && options.output === undefined)
      throw new UsageError(
        'with --json the snapshot itself has no place on standard output',
        'Give --output FILE; --json then prints what is in it.',
      );
    await loadParser();
    const { db, label } = await readOnlySession(options, STATEMENT_TIMEOUT_MS);
    const progress = progressView(terminal);
    try {
      const snapshot = await progress.during(() =>
        takeSnapshot(db, {
          count: options.count,
          version: packageVersion(),
          partBegins: (part) => progress.now(`reading ${part}`),
        }),
      );
      const text = writeSnapshot(snapshot);
      if (options.output === undefined) terminal.out.write(text);
      else replaceFile(options.output, text);
      report(terminal, snapshot, label, options.output);
      return EXIT.ok;
    } finally {
      await db.close();
    }
  });
}

/** How many objects of each kind, in the order of the file. */
const counts = ({ catalogue, workload }: Snapshot): Record<string, number> => ({
  ...Object.fromEntries(
    (Object.keys(KINDS) as (keyof typeof KINDS)[])
      .filter((kind) => kind !== 'database' && kind !== 'others')
      .map((kind) => [kind, catalogue[kind].length]),
  ),
  statements: workload.length,
});

function report(terminal: Terminal, snapshot: Snapshot, label: string, output?: string): void {
  const { notSeen, taken } = snapshot;
  if (terminal.json) {
    printJson(terminal, { output, counts: counts(snapshot), taken, notSeen });
    return;
  }
  const { err } = terminal;
  const found = Object.entries(counts(snapshot)).filter(([, count]) => count > 0);
  const total = Object.values(taken.ms).reduce((sum, each) => sum + each, 0);
  err.line(`${label}${output === undefined ? '' : ` is in ${output}`} (${duration(total)})`);
  hang(err, '  ', found.map(([kind, count]) => `${words(kind)} ${count}`).join(', '));
  for (const line of notSeenLines(notSeen)) hang(err, '  ', `not seen: ${line}`);
}

/** `eventTriggers` → `event triggers` */
const words = (kind: string): string => kind.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
