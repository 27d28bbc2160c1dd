import type { Command } from 'commander';
import { loadParser } from '../../compiler/read/parser';
import { collectWorkload, mergeWorkloads, type WorkloadEntry } from '../../workload/collect-workload';
import { checkWorkload } from '../database/check-workload';
import type { ExitCode } from '../exit-codes';
import {
  type DatabaseOptions,
  type StackOption,
  withConnection,
  withMaxUndecided,
  withStack,
} from '../options';
import { checkWorkloadRemotely } from '../remote/check-workload';
import { setAction } from '../terminal/action';
import { UsageError } from '../terminal/failure';
import { printJson } from '../terminal/json';
import { formatCount, type Terminal } from '../terminal/terminal';
import { getWorkloadExitCode, printWorkloadCheck } from '../terminal/workload-check';
import { collectValues, loadStatistics, loadWorkloadFile, openReadOnlySession } from '../workload-sources';

interface Options extends DatabaseOptions, StackOption {
  readonly workload?: readonly string[];
  readonly maxUndecided: number;
}

/** Longer than any single planner call may take. */
const STATEMENT_TIMEOUT_MS = 10 * 60_000;

export function registerCheckWorkload(program: Command): void {
  const command = withConnection(program.command('check-workload'))
    .description(
      "Plans the application's statements on a live database, and runs none of them: read only, and never waiting for " +
        'a lock. Reports the statements that fail, those that would fail when they run, and those that are undecided. ' +
        'Connect as the role that sends them, so that its privileges are checked too.',
    )
    .option(
      '--workload <file>',
      'statements to plan; may be repeated (default: those in pg_stat_statements of this database; with --stack, ' +
        'the running workload)',
      collectValues,
    )
    .option('--namespace <name>', 'with --stack: namespace of the schema, if the stack has several');
  withStack(command);
  withMaxUndecided(command);
  setAction<Options>(command, async (terminal, options) => {
    if (options.stack !== undefined) return checkOnStack(terminal, options, options.stack);
    if (options.namespace !== undefined)
      throw new UsageError('--namespace requires --stack', 'Without --stack, the ledger is not read.');
    await loadParser();
    const files = (options.workload ?? []).map(loadWorkloadFile);
    const { db, label } = await openReadOnlySession(options, STATEMENT_TIMEOUT_MS);
    try {
      const statistics = files.length > 0 ? null : await loadStatistics(db);
      const workload = mergeWorkloads(statistics === null ? files : [collectWorkload(statistics.sent)]);
      const workloadCheck = await checkWorkload(db, workload.entries);
      const hidden = statistics?.hidden ?? 0;
      if (terminal.json) printJson(terminal, { ...workloadCheck, hidden });
      else printWorkloadCheck(terminal, workloadCheck, label, options.maxUndecided);
      if (hidden > 0)
        terminal.err.line(
          `${formatCount(hidden, 'statement')} of other roles could not be read; \`trueup workload\` prints the GRANT.`,
        );
      return getWorkloadExitCode(workloadCheck, options.maxUndecided);
    } finally {
      await db.close();
    }
  });
}

async function checkOnStack(terminal: Terminal, options: Options, stackName: string): Promise<ExitCode> {
  const { workload, namespace, maxUndecided } = options;
  if (options.databaseUrl !== undefined)
    throw new UsageError(
      '--stack cannot be combined with --database-url',
      'The deployed function knows its database.',
    );
  let entries: readonly WorkloadEntry[] | null = null;
  if (workload !== undefined) {
    await loadParser();
    ({ entries } = mergeWorkloads(workload.map(loadWorkloadFile)));
  }
  const workloadCheck = await checkWorkloadRemotely({ stackName, namespace }, entries);
  const where = namespace === undefined ? `stack ${stackName}` : `${namespace} of stack ${stackName}`;
  if (terminal.json) printJson(terminal, { ...workloadCheck, hidden: 0 });
  else printWorkloadCheck(terminal, workloadCheck, where, maxUndecided);
  if (entries === null && workloadCheck.statements === 0)
    terminal.err.line(
      'No deployment with a workload has succeeded, so the ledger keeps no statements. Give them with --workload.',
    );
  return getWorkloadExitCode(workloadCheck, maxUndecided);
}
