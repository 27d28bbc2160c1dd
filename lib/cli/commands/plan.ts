import { relative, sep } from 'node:path';
import { type Command, Option } from 'commander';
import type { Manifest } from '../../../lambda/contract/manifest';
import type { Plan, PlannedStep } from '../../../lambda/contract/status';
import { formatFailureMarkdown } from '../../report/failure-markdown';
import { formatMark } from '../../report/markdown';
import { describeMeasurements } from '../../report/measurements';
import { buildSections, type PlanDocument } from '../../report/plan-document';
import { formatPlanMarkdown } from '../../report/plan-markdown';
import { mergeWorkloads } from '../../workload/collect-workload';
import { readBaseRevision } from '../base-revision';
import { compileCached } from '../compile-cache';
import { planSince } from '../database/plan-since';
import { findLiveGuardProblem, planWorkload } from '../database/plan-workload';
import { EXIT, type ExitCode } from '../exit-codes';
import { compileMigrations, resolveNamespace } from '../folder';
import { findCommonCommit } from '../git';
import { openOperations } from '../open';
import {
  type DatabaseOptions,
  type OwnerOption,
  parseMajorVersion,
  type StackOption,
  withDatabase,
  withFolder,
  withOwner,
  withStack,
} from '../options';
import { setAction } from '../terminal/action';
import { toFailure, UsageError } from '../terminal/failure';
import { printJson } from '../terminal/json';
import { printTrial } from '../terminal/plan-trial';
import { printError } from '../terminal/report';
import {
  formatCount,
  formatDuration,
  formatTable,
  printHanging,
  type Stream,
  type Terminal,
} from '../terminal/terminal';
import { printWorkloadPlan } from '../terminal/workload-plan';
import { collectValues, loadSqlParser, loadWorkloadFile, openReadOnlySession } from '../workload-sources';

interface Options extends DatabaseOptions, OwnerOption, StackOption {
  readonly workload?: readonly string[];
  readonly exitCode?: boolean;
  readonly sql?: boolean;
  readonly format?: 'text' | 'json' | 'markdown';
  readonly since?: string;
  readonly major?: number;
}

export function registerPlan(program: Command): void {
  const command = withOwner(withDatabase(withFolder(program.command('plan'))))
    .description(
      'Shows what `up` would do: each statement with the locks that the application would notice, and what it ' +
        'rewrites or destroys. Changes nothing.',
    )
    .option(
      '--workload <file>',
      'also plan the statements of the application, and show which of them each migration affects; may be repeated',
      collectValues,
    )
    .addOption(
      new Option(
        '--format <format>',
        'output format; markdown is for a pull request, and contains the reason if no plan could be made',
      ).choices(['text', 'json', 'markdown']),
    )
    .option(
      '--since <revision>',
      'plan for a database that has the migrations of this commit, and apply the later ones to a temporary PostgreSQL',
    )
    .option(
      '--major <version>',
      'with --since: major version of an installed PostgreSQL (default: the newest)',
      parseMajorVersion,
    )
    .option('--sql', 'print the text of the statements')
    .option('--exit-code', 'exit with 3 if the plan has steps');
  withStack(command);
  setAction<Options>(command, async (terminal, options, folder) => {
    rejectConflictingOptions(options);
    if (options.format === 'markdown') return planAsMarkdown(terminal, options, folder!);
    const { label, document } = await computePlan(terminal, options, folder!);
    printPlanDocument(terminal, options, label, document);
    return getExitCode(document, options.exitCode ?? false);
  });
}

/** Prints a document in any case: a step summary or a comment must not show the plan of an earlier commit. */
async function planAsMarkdown(terminal: Terminal, options: Options, folder: string): Promise<ExitCode> {
  const name = resolveNamespace(folder, options.namespace);
  // Several folders may have the same last name.
  const mark = formatMark(options.namespace ?? (relative('', folder).replaceAll(sep, '/') || '.'));
  const print = (markdown: string): void => terminal.out.write(`${mark}\n${markdown}`);
  try {
    const { document } = await computePlan(terminal, options, folder);
    print(formatPlanMarkdown(document));
    return getExitCode(document, options.exitCode ?? false);
  } catch (error) {
    const { exitCode, error: info, compile } = toFailure(error);
    print(formatFailureMarkdown(name, info, compile?.problems));
    return exitCode;
  }
}

/**
 * Rejects options that cannot be combined.
 * @throws {UsageError}
 */
function rejectConflictingOptions(options: Options): void {
  const { stack, since, major, workload, json, format, databaseUrl, ownerRole } = options;
  if (json && format !== undefined && format !== 'json')
    throw new UsageError(
      `--json cannot be combined with --format ${format}`,
      'Remove one of the two options.',
    );
  if (stack !== undefined && workload !== undefined)
    throw new UsageError(
      '--workload cannot be combined with --stack',
      'A workload is planned on a database that this machine can reach.',
    );
  if (major !== undefined && since === undefined)
    throw new UsageError('--major requires --since', 'It chooses the version of the temporary PostgreSQL.');
  const other = Object.entries({ stack, 'database-url': databaseUrl, 'owner-role': ownerRole }).find(
    ([, value]) => value !== undefined,
  );
  if (since !== undefined && other)
    throw new UsageError(
      `--since cannot be combined with --${other[0]}`,
      'It plans on a temporary PostgreSQL. Remove one of the two options.',
    );
}

interface PlanResult {
  /** Name of the database in the printed output. */
  readonly label: string;
  readonly document: PlanDocument;
}

async function computePlan(terminal: Terminal, options: Options, folder: string): Promise<PlanResult> {
  if (options.since !== undefined) return computePlanSince(terminal, options, folder, options.since);
  const operations = await openOperations(folder, options);
  const plan = await operations.plan();
  if (options.stack !== undefined) return { label: operations.label, document: plan };
  const manifest = await compileCached(folder, () => compileMigrations(folder));
  const { workload: files } = options;
  const workload = files && (await planWorkloadFiles(manifest, files, options, plan));
  return {
    label: operations.label,
    document: { ...plan, ...(workload ? { workload } : {}), sections: buildSections(manifest, plan) },
  };
}

async function computePlanSince(
  terminal: Terminal,
  { workload: files, major, namespace: given }: Options,
  folder: string,
  revision: string,
): Promise<PlanResult> {
  const manifest = await compileMigrations(folder);
  const workload = files && mergeWorkloads(files.map(loadWorkloadFile)).entries;
  const since = await readBaseRevision(terminal, findCommonCommit(revision, folder), folder, files ?? []);
  const namespace = resolveNamespace(folder, given);
  const { plan, ...tried } = await planSince(terminal, manifest, namespace, { major, workload, since });
  return {
    label: `${namespace} since ${revision}`,
    document: { ...plan, ...tried, sections: buildSections(manifest, plan) },
  };
}

const QUERY_TIMEOUT_MS = 60_000;

async function planWorkloadFiles(manifest: Manifest, files: readonly string[], options: Options, plan: Plan) {
  // The parser is not loaded yet if the compiled folder came from the cache.
  await loadSqlParser();
  const { entries } = mergeWorkloads(files.map(loadWorkloadFile));
  const { db } = await openReadOnlySession(options, QUERY_TIMEOUT_MS);
  try {
    return { ...(await planWorkload(db, entries, manifest, plan)), live: await findLiveGuardProblem(db) };
  } finally {
    await db.close();
  }
}

function getExitCode({ errors, steps, trial }: PlanDocument, asked: boolean): ExitCode {
  if (errors.length > 0) return EXIT.failed;
  if (trial && (trial.error !== null || trial.findings.length > 0)) return EXIT.failed;
  return asked && steps.length > 0 ? EXIT.pending : EXIT.ok;
}

function printPlanDocument(
  terminal: Terminal,
  options: Options,
  label: string,
  document: PlanDocument,
): void {
  if (terminal.json) printJson(terminal, document);
  else {
    printPlan(terminal, document, label, options.sql ?? false);
    if (document.workload) printWorkloadPlan(terminal, document.workload);
    if (document.trial) printTrial(terminal, document.trial);
  }
}

function printPlan(terminal: Terminal, plan: Plan, label: string, sql: boolean): void {
  const { out, err } = terminal;
  for (const warning of plan.warnings) err.line(`${err.colors.yellow('warning')}  ${warning}`);
  if (plan.errors.length > 0) {
    for (const error of plan.errors) printError(err, error);
    out.line(`${label}: nothing can be applied until these errors are fixed.`);
    return;
  }
  if (plan.steps.length === 0) {
    out.line(`${label}: nothing to do.`);
    return;
  }
  out.line(`${out.colors.bold(label)}: ${formatCount(plan.steps.length, 'step')}`);
  for (const step of plan.steps) printStep(out, step, sql);
}

function printStep(out: Stream, step: PlannedStep, sql: boolean): void {
  const { colors } = out;
  const note = step.note ? colors.dim(`  (${step.note})`) : '';
  out.line();
  out.line(`${colors.cyan(step.action)}  ${colors.bold(step.migration)}${note}`);
  if (step.holdsMs) out.line(`  holds its locks for ${formatDuration(step.holdsMs)} at most`);
  if (!sql) {
    const rows = step.statements.map((each) => [`line ${each.line}`, each.command, formatRemarks(out, each)]);
    for (const [i, line] of formatTable(rows).entries()) {
      out.line(line);
      for (const each of describeMeasurements(step.statements[i]!)) printHanging(out, '    - ', each);
    }
    return;
  }
  for (const each of step.statements) {
    out.line(`  ${colors.dim(`-- line ${each.line}`)}  ${formatRemarks(out, each)}`.trimEnd());
    for (const line of `${each.sql};`.split('\n')) out.line(`  ${line}`);
    for (const line of describeMeasurements(each)) printHanging(out, '  -- ', line);
  }
}

const EXECUTION_NOTES: Readonly<Record<string, string>> = {
  separate: 'in a separate transaction',
  'non-transactional': 'outside a transaction',
  batch: 'repeated in small transactions until no row changes',
};

function formatRemarks({ colors }: Stream, statement: PlannedStep['statements'][number]): string {
  return [
    EXECUTION_NOTES[statement.execution],
    statement.locks.length > 0 ? colors.yellow(statement.locks.join(', ')) : undefined,
    statement.rewrites ? colors.yellow(statement.rewrites) : undefined,
    statement.destroys ? colors.red(`destroys: ${statement.destroys}`) : undefined,
  ]
    .filter(Boolean)
    .join('; ');
}
