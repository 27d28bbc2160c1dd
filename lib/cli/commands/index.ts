/**
 * A command as the help lists it. Its code is loaded only when it is called, so that it does not slow down the others.
 */
import type { Command } from 'commander';

export interface CommandEntry {
  readonly name: string;
  /** The arguments as the help shows them. */
  readonly arguments: string;
  readonly summary: string;
  /** Adds the complete command with its options and description. */
  readonly register: (program: Command) => void;
}

// require(): a checkout runs the sources, where import() does not find the module.
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'new',
    arguments: '<name> [folder]',
    summary: 'create a migration file from a commented template',
    register: (program) => (require('./new') as typeof import('./new')).registerNew(program),
  },
  {
    name: 'check',
    arguments: '[folder]',
    summary: 'check the migration files, without a database',
    register: (program) => (require('./check') as typeof import('./check')).registerCheck(program),
  },
  {
    name: 'plan',
    arguments: '[folder]',
    summary: 'show what `up` would do, statement by statement',
    register: (program) => (require('./plan') as typeof import('./plan')).registerPlan(program),
  },
  {
    name: 'up',
    arguments: '[folder]',
    summary: 'apply pending migrations and verify each before it is committed',
    register: (program) => (require('./up') as typeof import('./up')).registerUp(program),
  },
  {
    name: 'status',
    arguments: '[folder]',
    summary: 'show which migrations are applied and which are pending',
    register: (program) => (require('./status') as typeof import('./status')).registerStatus(program),
  },
  {
    name: 'verify',
    arguments: '[folder]',
    summary: 'verify again what was applied, and report drift',
    register: (program) => (require('./verify') as typeof import('./verify')).registerVerify(program),
  },
  {
    name: 'down',
    arguments: '<name> [folder]',
    summary: 'undo one migration with its down section',
    register: (program) => (require('./down') as typeof import('./down')).registerDown(program),
  },
  {
    name: 'baseline',
    arguments: '[name] [folder]',
    summary: 'record migrations that a database already contains as applied',
    register: (program) => (require('./baseline') as typeof import('./baseline')).registerBaseline(program),
  },
  {
    name: 'adopt',
    arguments: '<folder>',
    summary: "convert another tool's migrations and compare its ledger with the database",
    register: (program) => (require('./adopt') as typeof import('./adopt')).registerAdopt(program),
  },
  {
    name: 'workload',
    arguments: '[files...]',
    summary: 'write the statements that an application sends to a file for review',
    register: (program) => (require('./workload') as typeof import('./workload')).registerWorkload(program),
  },
  {
    name: 'check-workload',
    arguments: '',
    summary: "check that a database can still plan the application's statements",
    register: (program) =>
      (require('./check-workload') as typeof import('./check-workload')).registerCheckWorkload(program),
  },
  {
    name: 'snapshot',
    arguments: '',
    summary: 'write the catalog of a database, without rows, to a file for a later comparison',
    register: (program) => (require('./snapshot') as typeof import('./snapshot')).registerSnapshot(program),
  },
  {
    name: 'audit',
    arguments: '',
    summary: 'find problems in a schema, including objects lost when the database was moved',
    register: (program) => (require('./audit') as typeof import('./audit')).registerAudit(program),
  },
  {
    name: 'explain',
    arguments: '[file]',
    summary: 'explain errors in a PostgreSQL log and how to repair them',
    register: (program) => (require('./explain') as typeof import('./explain')).registerExplain(program),
  },
  {
    name: 'alarm-test',
    arguments: '',
    summary: 'raise one harmless error of each kind to test the alarms',
    register: (program) =>
      (require('./alarm-test') as typeof import('./alarm-test')).registerAlarmTest(program),
  },
];

/**
 * Registers the commands that the command line names. For the others it adds only what the help and the suggestions for
 * mistyped names need.
 */
export function addCommands(program: Command, args: readonly string[]): void {
  for (const { name, arguments: given, summary, register } of COMMANDS) {
    if (args.includes(name)) register(program);
    else program.command(`${name} ${given}`.trim());
    program.commands.at(-1)!.summary(summary);
  }
}
