import type { Command } from 'commander';
import type { Plan, PlannedStep } from '../../../lambda/contract/status';
import { EXIT, type ExitCode } from '../exit-codes';
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
import { printJson } from '../terminal/json';
import { printError } from '../terminal/report';
import { duration, plural, type Stream, type Terminal, table } from '../terminal/terminal';

interface Options extends DatabaseOptions, OwnerOption, StackOption {
  readonly exitCode?: boolean;
  readonly sql?: boolean;
}

export function registerPlan(program: Command): void {
  const command = withOwner(withDatabase(withFolder(program.command('plan'))))
    .description(
      'Shows what `up` would do: each statement with the locks that the application would notice, and what it ' +
        'rewrites or destroys. Changes nothing.',
    )
    .option('--sql', "print the statements' text")
    .option('--exit-code', 'exit with 3 if there is something to do');
  withStack(command);
  setAction<Options>(command, async (terminal, options, folder) => {
    const operations = await open(folder!, options);
    const plan = await operations.plan();
    if (terminal.json) printJson(terminal, plan);
    else printPlan(terminal, plan, operations.label, options.sql ?? false);
    return exitCodeOf(plan, options.exitCode ?? false);
  });
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
