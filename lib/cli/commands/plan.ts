import type { Command } from 'commander';
import type { Plan, PlannedStep } from '../../../lambda/contract/status';
import { merge } from '../../workload/workload';
import { planWorkload } from '../database/plan-workload';
import { EXIT, type ExitCode } from '../exit-codes';
import { compile } from '../folder';
import { open } from '../open';
import {
  type DatabaseOptions,
  type OwnerOption,
  type StackOption,
  withDatabase,
  withFolder,
  withOwner,
  withStack,
} from '../options';
import { setAction } from '../terminal/action';
import { UsageError } from '../terminal/failure';
import { printJson } from '../terminal/json';
import { printError } from '../terminal/report';
import { duration, plural, type Stream, type Terminal, table } from '../terminal/terminal';
import { printWorkloadPlan, type WorkloadPlan } from '../terminal/workload-plan';
import { fromFile, readOnlySession, repeated } from '../workload-sources';

interface Options extends DatabaseOptions, OwnerOption, StackOption {
  readonly workload?: readonly string[];
  readonly exitCode?: boolean;
  readonly sql?: boolean;
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
    .option('--sql', "print the statements' text")
    .option('--exit-code', 'exit with 3 if there is something to do');
  withStack(command);
  setAction<Options>(command, async (terminal, options, folder) => {
    if (options.stack !== undefined && options.workload !== undefined)
      throw new UsageError(
        '--workload does not go with --stack',
        'It is planned on a database that can be reached from here.',
      );
    const operations = await open(folder!, options);
    const plan = await operations.plan();
    const workload = await ofWorkload(folder!, options, plan);
    if (terminal.json) printJson(terminal, workload ? { ...plan, workload } : plan);
    else {
      printPlan(terminal, plan, operations.label, options.sql ?? false);
      if (workload) printWorkloadPlan(terminal, workload);
    }
    return exitCodeOf(plan, options.exitCode ?? false);
  });
}

const QUESTION_MS = 60_000;

async function ofWorkload(folder: string, options: Options, plan: Plan): Promise<WorkloadPlan | undefined> {
  const { workload: files } = options;
  if (files === undefined) return undefined;
  const manifest = await compile(folder);
  const { entries } = merge(files.map(fromFile));
  const { db } = await readOnlySession(options, QUESTION_MS);
  try {
    return await planWorkload(db, entries, manifest, plan);
  } finally {
    await db.close();
  }
}

function exitCodeOf({ errors, steps }: Plan, asked: boolean): ExitCode {
  if (errors.length > 0) return EXIT.failed;
  return asked && steps.length > 0 ? EXIT.pending : EXIT.ok;
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
