import type { Command } from 'commander';
import { loadParser } from '../../compiler/read/parser';
import { collect, merge, type WorkloadEntry } from '../../workload/workload';
import { rehearse } from '../database/rehearse';
import type { ExitCode } from '../exit-codes';
import {
  type DatabaseOptions,
  type StackOption,
  withConnection,
  withMaxUndecided,
  withStack,
} from '../options';
import { rehearseRemotely } from '../remote/rehearse';
import { setAction } from '../terminal/action';
import { UsageError } from '../terminal/failure';
import { printJson } from '../terminal/json';
import { printRehearsal, rehearsalExitCode } from '../terminal/rehearsal';
import { plural, type Terminal } from '../terminal/terminal';
import { fromFile, fromStatistics, readOnlySession, repeated } from '../workload-sources';

interface Options extends DatabaseOptions, StackOption {
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
      'statements to plan; may be repeated (default: what pg_stat_statements of this database holds; with --stack, ' +
        'what the running application promises)',
      repeated,
    )
    .option('--namespace <name>', 'with --stack: which of its schemas, where it has several');
  withStack(command);
  withMaxUndecided(command);
  setAction<Options>(command, async (terminal, options) => {
    if (options.stack !== undefined) return overStack(terminal, options, options.stack);
    if (options.namespace !== undefined)
      throw new UsageError('--namespace goes with --stack', 'Without --stack nothing of a ledger is read.');
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

async function overStack(terminal: Terminal, options: Options, stackName: string): Promise<ExitCode> {
  const { workload, namespace, maxUndecided } = options;
  if (options.databaseUrl !== undefined)
    throw new UsageError(
      '--stack cannot be combined with --database-url',
      'The deployed function knows its database.',
    );
  let entries: readonly WorkloadEntry[] | null = null;
  if (workload !== undefined) {
    await loadParser();
    ({ entries } = merge(workload.map(fromFile)));
  }
  const rehearsal = await rehearseRemotely({ stackName, namespace }, entries);
  const where = namespace === undefined ? `stack ${stackName}` : `${namespace} of stack ${stackName}`;
  if (terminal.json) printJson(terminal, { ...rehearsal, hidden: 0 });
  else printRehearsal(terminal, rehearsal, where, maxUndecided);
  if (entries === null && rehearsal.statements === 0)
    terminal.err.line(
      'No deployment with a workload has succeeded, so the ledger keeps no statements. Give them with --workload.',
    );
  return rehearsalExitCode(rehearsal, maxUndecided);
}
