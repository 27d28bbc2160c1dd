import type { Command } from 'commander';
import { loadParser } from '../../compiler/read/parser';
import { collect, merge } from '../../workload/workload';
import { rehearse } from '../database/rehearse';
import { type DatabaseOptions, withConnection, withMaxUndecided } from '../options';
import { setAction } from '../terminal/action';
import { printJson } from '../terminal/json';
import { printRehearsal, rehearsalExitCode } from '../terminal/rehearsal';
import { plural } from '../terminal/terminal';
import { fromFile, fromStatistics, readOnlySession, repeated } from '../workload-sources';

interface Options extends DatabaseOptions {
  readonly workload?: readonly string[];
  readonly maxUndecided: number;
}

/** Longer than any call of the planner may take. */
const STATEMENT_TIMEOUT_MS = 10 * 60_000;

export function registerRehearse(program: Command): void {
  const command = withConnection(program.command('rehearse'))
    .description(
      "Plans the application's statements on a live database, and runs none of them: read only, and never waiting for " +
        'a lock. Says which of them fail, which would fail when they run, and what could not be decided. Connect as ' +
        'the role that sends them: then its privileges are part of the question.',
    )
    .option(
      '--workload <file>',
      'statements to plan; may be repeated (default: what pg_stat_statements of this database holds)',
      repeated,
    );
  withMaxUndecided(command);
  setAction<Options>(command, async (terminal, options) => {
    await loadParser();
    const files = (options.workload ?? []).map(fromFile);
    const { db, label } = await readOnlySession(options, STATEMENT_TIMEOUT_MS);
    try {
      const statistics = files.length > 0 ? null : await fromStatistics(db);
      const workload = merge(statistics === null ? files : [collect(statistics.sent)]);
      const rehearsal = await rehearse(db, workload.entries);
      const hidden = statistics?.hidden ?? 0;
      if (terminal.json) printJson(terminal, { ...rehearsal, hidden });
      else printRehearsal(terminal, rehearsal, label, options.maxUndecided);
      if (hidden > 0)
        terminal.err.line(
          `${plural(hidden, 'statement')} of other roles could not be seen; \`trueup workload\` prints the GRANT.`,
        );
      return rehearsalExitCode(rehearsal, options.maxUndecided);
    } finally {
      await db.close();
    }
  });
}
