import type { Command } from 'commander';
import { OBJECT_KINDS } from '../../../lambda/audit/catalog';
import { writeSnapshot } from '../../audit/file';
import { type Snapshot, takeSnapshot } from '../../audit/snapshot';
import { formatNotCheckedLines } from '../../audit/words';
import { loadParser } from '../../compiler/read/parser';
import { packageVersion } from '../../package';
import { EXIT } from '../exit-codes';
import { type DatabaseOptions, withConnection } from '../options';
import { replaceFile } from '../replace-file';
import { setAction } from '../terminal/action';
import { UsageError } from '../terminal/failure';
import { printJson } from '../terminal/json';
import { createProgressView } from '../terminal/progress';
import { formatDuration, printHanging, type Terminal } from '../terminal/terminal';
import { openReadOnlySession } from '../workload-sources';

interface Options extends DatabaseOptions {
  readonly output?: string;
  readonly exactCounts?: boolean;
}

/** Most queries set their own timeout; this one applies to the rest. */
const STATEMENT_TIMEOUT_MS = 60_000;

export function registerSnapshot(program: Command): void {
  const command = withConnection(program.command('snapshot'))
    .description(
      'Writes the catalog of a database, without rows, to a file that you can keep after the old server is removed: ' +
        'objects, grants, sequence positions, row counts, versions, collations, settings that change what SQL means, ' +
        'and the workload. Read-only, in short transactions; a role with read access is sufficient. The file ' +
        'lists the objects that the role cannot access.',
    )
    .option('-o, --output <file>', 'where to write the snapshot (default: standard output)')
    .option(
      '--exact-counts',
      'count the rows of every table (default: the estimates of the server); reads whole tables',
    );
  setAction<Options>(command, async (terminal, options) => {
    if (terminal.json && options.output === undefined)
      throw new UsageError(
        'with --json, the snapshot cannot be written to standard output',
        'Give --output FILE; --json then prints a summary of the snapshot.',
      );
    await loadParser();
    const { db, label } = await openReadOnlySession(options, STATEMENT_TIMEOUT_MS);
    const progress = createProgressView(terminal);
    try {
      const snapshot = await progress.during(() =>
        takeSnapshot(db, {
          count: options.exactCounts,
          version: packageVersion(),
          partBegins: (part) => progress.now(`reading ${part}`),
        }),
      );
      const text = writeSnapshot(snapshot);
      if (options.output === undefined) terminal.out.write(text);
      else replaceFile(options.output, text);
      printReport(terminal, snapshot, label, options.output);
      return EXIT.ok;
    } finally {
      await db.close();
    }
  });
}

/** Counts the objects of each kind, in the order of the file. */
const countObjects = ({ catalog, workload }: Snapshot): Record<string, number> => ({
  ...Object.fromEntries(
    (Object.keys(OBJECT_KINDS) as (keyof typeof OBJECT_KINDS)[])
      // Roles belong to the server, not to the database.
      .filter((kind) => kind !== 'roles')
      .filter((kind) => kind !== 'database' && kind !== 'others')
      .map((kind) => [kind, catalog[kind].length]),
  ),
  statements: workload.length,
});

function printReport(terminal: Terminal, snapshot: Snapshot, label: string, output?: string): void {
  const { notChecked, taken } = snapshot;
  if (terminal.json) {
    printJson(terminal, { output, counts: countObjects(snapshot), taken, notChecked });
    return;
  }
  const { err } = terminal;
  const found = Object.entries(countObjects(snapshot)).filter(([, count]) => count > 0);
  const total = Object.values(taken.ms).reduce((sum, each) => sum + each, 0);
  err.line(`${label}${output === undefined ? '' : ` is in ${output}`} (${formatDuration(total)})`);
  printHanging(err, '  ', found.map(([kind, count]) => `${splitCamelCase(kind)} ${count}`).join(', '));
  for (const line of formatNotCheckedLines(notChecked)) printHanging(err, '  ', `not checked: ${line}`);
}

/** Turns `eventTriggers` into `event triggers`. */
const splitCamelCase = (kind: string): string =>
  kind.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
