/** The commands, in the order of the help. One is loaded when it is called: a command pays for nothing but itself. */
import type { Command } from 'commander';

export interface CommandEntry {
  readonly name: string;
  /** As the help shows them. */
  readonly arguments: string;
  readonly summary: string;
  /** Adds the whole command, with its options and what it does. */
  readonly register: (program: Command) => void;
}

// require(): `npm start` runs the sources, where import() of a file finds none.
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
    name: 'comment',
    arguments: '<report>',
    summary: 'show a plan as a comment on its GitHub pull request',
    register: (program) => (require('./comment') as typeof import('./comment')).registerComment(program),
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
    summary: 'undo one migration by its down section',
    register: (program) => (require('./down') as typeof import('./down')).registerDown(program),
  },
  {
    name: 'baseline',
    arguments: '<name> [folder]',
    summary: 'mark as applied what a database already holds',
    register: (program) => (require('./baseline') as typeof import('./baseline')).registerBaseline(program),
  },
  {
    name: 'adopt',
    arguments: '<folder>',
    summary: "take over another tool's migrations, and prove what its ledger says",
    register: (program) => (require('./adopt') as typeof import('./adopt')).registerAdopt(program),
  },
  {
    name: 'workload',
    arguments: '[files...]',
    summary: 'write the statements that an application sends to a file for review',
    register: (program) => (require('./workload') as typeof import('./workload')).registerWorkload(program),
  },
  {
    name: 'rehearse',
    arguments: '',
    summary: "do the application's statements still plan on this database?",
    register: (program) => (require('./rehearse') as typeof import('./rehearse')).registerRehearse(program),
  },
  {
    name: 'snapshot',
    arguments: '',
    summary: 'write what a database is, without its rows, to a file to compare with later',
    register: (program) => (require('./snapshot') as typeof import('./snapshot')).registerSnapshot(program),
  },
  {
    name: 'audit',
    arguments: '',
    summary: 'say what is wrong with a database, and what it lost when it was moved',
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
  {
    name: 'demo',
    arguments: '[folder]',
    summary: 'repair five broken databases on a temporary PostgreSQL',
    register: (program) => (require('./demo') as typeof import('./demo')).registerDemo(program),
  },
  {
    name: 'completion',
    arguments: '<shell>',
    summary: 'print what makes bash, zsh or fish complete commands and options',
    register: (program) =>
      (require('./completion') as typeof import('./completion')).registerCompletion(program),
  },
];

/** Adds those that the command line names; of the others only what the help and a typing error need. */
export function addCommands(program: Command, args: readonly string[]): void {
  for (const { name, arguments: given, summary, register } of COMMANDS) {
    if (args.includes(name)) register(program);
    else program.command(`${name} ${given}`.trim());
    program.commands.at(-1)!.summary(summary);
  }
}
