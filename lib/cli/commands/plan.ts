import { type Command, Option } from 'commander';
import type { Manifest } from '../../../lambda/contract/manifest';
import type { Plan, PlannedStep } from '../../../lambda/contract/status';
import { CompileError } from '../../compiler/problem';
import { type PlanDocument, proofsOf } from '../../report/plan-document';
import { planMarkdown } from '../../report/plan-markdown';
import { problemsMarkdown } from '../../report/problems-markdown';
import { merge } from '../../workload/workload';
import { compiledBefore } from '../compile-cache';
import { planSince } from '../database/plan-since';
import { planWorkload, whyNoLive } from '../database/plan-workload';
import { EXIT, type ExitCode } from '../exit-codes';
import { compile, namespaceOf } from '../folder';
import { commonCommit } from '../git';
import { open } from '../open';
import {
  type DatabaseOptions,
  majorVersion,
  type OwnerOption,
  type StackOption,
  withDatabase,
  withFolder,
  withOwner,
  withStack,
} from '../options';
import { sinceRevision } from '../since';
import { setAction } from '../terminal/action';
import { UsageError } from '../terminal/failure';
import { printJson } from '../terminal/json';
import { printTrial } from '../terminal/plan-trial';
import { printError } from '../terminal/report';
import { duration, plural, type Stream, type Terminal, table } from '../terminal/terminal';
import { printWorkloadPlan } from '../terminal/workload-plan';
import { fromFile, parserReady, readOnlySession, repeated } from '../workload-sources';

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
      'also plan what the application sends, and say what each migration touches of it; may be repeated',
      repeated,
    )
    .addOption(
      new Option('--format <format>', 'how to print it: markdown for the page of a pull request').choices([
        'text',
        'json',
        'markdown',
      ]),
    )
    .option(
      '--since <revision>',
      'plan for a database that has the migrations of this commit, and try it: on a temporary PostgreSQL',
    )
    .option(
      '--major <version>',
      'with --since: PostgreSQL version, where installed (default: the newest)',
      majorVersion,
    )
    .option('--sql', "print the statements' text")
    .option('--exit-code', 'exit with 3 if there is something to do');
  withStack(command);
  setAction<Options>(command, async (terminal, options, folder) => {
    refuseTogether(options);
    try {
      const { label, document } = await planned(terminal, options, folder!);
      print(terminal, options, label, document);
      return exitCodeOf(document, options.exitCode ?? false);
    } catch (error) {
      if (!(error instanceof CompileError) || options.format !== 'markdown') throw error;
      terminal.out.write(problemsMarkdown(folder!, error.problems));
      return EXIT.failed;
    }
  });
}

/** @throws {UsageError} */
function refuseTogether(options: Options): void {
  const { stack, since, major, workload, json, format, databaseUrl, ownerRole } = options;
  if (json && format !== undefined && format !== 'json')
    throw new UsageError(`--json does not go with --format ${format}`, 'Give one of them.');
  if (stack !== undefined && workload !== undefined)
    throw new UsageError(
      '--workload does not go with --stack',
      'It is planned on a database that can be reached from here.',
    );
  if (major !== undefined && since === undefined)
    throw new UsageError('--major goes with --since', 'A database has the version that it has.');
  const other = Object.entries({ stack, 'database-url': databaseUrl, 'owner-role': ownerRole }).find(
    ([, value]) => value !== undefined,
  );
  if (since !== undefined && other)
    throw new UsageError(
      `--since does not go with --${other[0]}`,
      'It plans on a temporary PostgreSQL of its own. Leave one of them out.',
    );
}

interface Planned {
  /** For people. */
  readonly label: string;
  readonly document: PlanDocument;
}

async function planned(terminal: Terminal, options: Options, folder: string): Promise<Planned> {
  if (options.since !== undefined) return plannedSince(terminal, options, folder, options.since);
  const operations = await open(folder, options);
  const plan = await operations.plan();
  if (options.stack !== undefined) return { label: operations.label, document: plan };
  const manifest = await compiledBefore(folder, () => compile(folder));
  const { workload: files } = options;
  const workload = files && (await ofWorkload(manifest, files, options, plan));
  return {
    label: operations.label,
    document: { ...plan, ...(workload ? { workload } : {}), proofs: proofsOf(manifest, plan) },
  };
}

async function plannedSince(
  terminal: Terminal,
  { workload: files, major, namespace: given }: Options,
  folder: string,
  revision: string,
): Promise<Planned> {
  const manifest = await compile(folder);
  const workload = files && merge(files.map(fromFile)).entries;
  const since = await sinceRevision(terminal, commonCommit(revision, folder), folder, files ?? []);
  const namespace = namespaceOf(folder, given);
  const { plan, ...tried } = await planSince(terminal, manifest, namespace, { major, workload, since });
  return {
    label: `${namespace} since ${revision}`,
    document: { ...plan, ...tried, proofs: proofsOf(manifest, plan) },
  };
}

const QUESTION_MS = 60_000;

async function ofWorkload(manifest: Manifest, files: readonly string[], options: Options, plan: Plan) {
  // A folder that was compiled before needs none.
  await parserReady();
  const { entries } = merge(files.map(fromFile));
  const { db } = await readOnlySession(options, QUESTION_MS);
  try {
    return { ...(await planWorkload(db, entries, manifest, plan)), live: await whyNoLive(db) };
  } finally {
    await db.close();
  }
}

function exitCodeOf({ errors, steps, trial }: PlanDocument, asked: boolean): ExitCode {
  if (errors.length > 0) return EXIT.failed;
  if (trial && (trial.error !== null || trial.findings.length > 0)) return EXIT.failed;
  return asked && steps.length > 0 ? EXIT.pending : EXIT.ok;
}

function print(terminal: Terminal, options: Options, label: string, document: PlanDocument): void {
  if (terminal.json) printJson(terminal, document);
  else if (options.format === 'markdown') terminal.out.write(planMarkdown(document));
  else {
    printPlan(terminal, document, label, options.sql ?? false);
    if (document.workload) printWorkloadPlan(terminal, document.workload);
    if (document.trial) printTrial(terminal, document.trial);
  }
}

export function printPlan(terminal: Terminal, plan: Plan, label: string, sql: boolean): void {
  const { out, err } = terminal;
  for (const warning of plan.warnings) err.line(`${err.colors.yellow('warning')}  ${warning}`);
  if (plan.errors.length > 0) {
    for (const error of plan.errors) printError(err, error);
    out.line(`${label}: nothing can be applied before that is fixed.`);
    return;
  }
  if (plan.steps.length === 0) {
    out.line(`${label}: nothing to do.`);
    return;
  }
  out.line(`${out.colors.bold(label)}: ${plural(plan.steps.length, 'step')}`);
  for (const step of plan.steps) printStep(out, step, sql);
}

function printStep(out: Stream, step: PlannedStep, sql: boolean): void {
  const { colors } = out;
  const note = step.note ? colors.dim(`  (${step.note})`) : '';
  out.line();
  out.line(`${colors.cyan(step.action)}  ${colors.bold(step.migration)}${note}`);
  if (step.holdsMs) out.line(`  holds its locks for ${duration(step.holdsMs)} at most`);
  if (!sql) {
    const rows = step.statements.map((each) => [`line ${each.line}`, each.command, remarks(out, each)]);
    for (const line of table(rows)) out.line(line);
    return;
  }
  for (const each of step.statements) {
    out.line(`  ${colors.dim(`-- line ${each.line}`)}  ${remarks(out, each)}`.trimEnd());
    for (const line of `${each.sql};`.split('\n')) out.line(`  ${line}`);
  }
}

const HOW: Readonly<Record<string, string>> = {
  separate: 'in a transaction of its own',
  outside: 'outside a transaction',
  batch: 'repeated in small transactions until no row changes',
};

function remarks({ colors }: Stream, statement: PlannedStep['statements'][number]): string {
  return [
    HOW[statement.execution],
    statement.locks.length > 0 ? colors.yellow(statement.locks.join(', ')) : undefined,
    statement.rewrites ? colors.yellow(statement.rewrites) : undefined,
    statement.destroys ? colors.red(`destroys: ${statement.destroys}`) : undefined,
  ]
    .filter(Boolean)
    .join('; ');
}
