/** The program: its commands, its help and how it handles errors. */
import { type Argument, Command, CommanderError } from 'commander';
import { packageVersion } from '../package';
import { addCommands } from './commands';
import { EXIT, EXIT_CODE_HELP, type ExitCode } from './exit-codes';
import { withGlobals } from './options';
import { UsageError } from './terminal/failure';
import { printJson } from './terminal/json';
import { reportFailure } from './terminal/report';
import { openTerminal, type Terminal, watchOutput } from './terminal/terminal';
import { suppressExpectedWarnings } from './terminal/warnings';

const HELP = `
Applies a folder of SQL files to a database, and verifies each file with its own checks before it is committed.

  npx trueup new add_email      creates migrations/0001_add_email.sql: fill it in
  npx trueup check              reports problems in the files, without a database
  npx trueup plan               shows what \`up\` would do, and which locks the application would notice
  npx trueup up                 applies the pending migrations; a second run does nothing

The folder of migrations comes last (default: ./migrations). Commands that need a database read --database-url,
DATABASE_URL, or PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE, PGSSLMODE and PGSSLROOTCERT.

${EXIT_CODE_HELP}`;

const HELP_WIDTH = 110;

const formatArgument = (argument: Argument): string => {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
  return argument.required ? `<${name}>` : `[${name}]`;
};

/** Runs one command line and sets the exit code of this process. */
export async function main(args: readonly string[]): Promise<void> {
  watchOutput();
  suppressExpectedWarnings();
  await runCommandLine(args);
}

async function runCommandLine(args: readonly string[]): Promise<void> {
  const terminal = openTerminal({ json: args.includes('--json'), color: !args.includes('--no-color') });
  let said = '';
  let help = '';
  const program = withGlobals(new Command('trueup'))
    .description('Bring a PostgreSQL schema to what the application expects, and verify it.')
    .version(packageVersion(), '--version', 'print the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand('help [command]', 'show the help of a command')
    .addHelpText('after', HELP)
    .configureHelp({
      showGlobalOptions: true,
      subcommandTerm: (command) =>
        [command.name(), ...command.registeredArguments.map(formatArgument)].join(' '),
    })
    .configureOutput({
      getOutHelpWidth: () => Math.min(process.stdout.columns ?? HELP_WIDTH, HELP_WIDTH),
      getErrHelpWidth: () => Math.min(process.stderr.columns ?? HELP_WIDTH, HELP_WIDTH),
      writeOut: (text) => {
        help += text;
      },
      writeErr: (text) => {
        help += text;
      },
      outputError: (text) => {
        said += text;
      },
    })
    .exitOverride();
  addCommands(program, args);
  try {
    await program.parseAsync([...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) {
      process.exitCode = reportFailure(terminal, error);
    } else if (error.exitCode === 0) {
      if (!terminal.json) terminal.out.write(help);
      else printJson(terminal, error.code === 'commander.version' ? { version: help.trim() } : { help });
    } else if (error.code !== 'commander.help') {
      process.exitCode = reportFailure(terminal, toUsageError(said, args, program));
    } else if (args.find(isWord) === 'help') {
      // The help of an unknown command is reported like the unknown command itself.
      await runCommandLine(args.filter((_, i) => i !== args.indexOf('help')));
    } else {
      process.exitCode = handleMissingCommand(terminal, help);
    }
  }
}

const isWord = (arg: string): boolean => !arg.startsWith('-');

function handleMissingCommand(terminal: Terminal, help: string): ExitCode {
  if (terminal.json)
    return reportFailure(terminal, new UsageError('no command was given', '`trueup --help` lists them.'));
  terminal.err.write(help);
  return EXIT.usage;
}

/** Turns Commander's message into a usage error. */
function toUsageError(said: string, args: readonly string[], program: Command): UsageError {
  const command = program.commands.find((each) => args.includes(each.name()));
  const message = said
    .replace(/^error: /, '')
    .trim()
    .replace(/\s*\n\s*/g, ' ');
  return new UsageError(
    message,
    `\`trueup ${command ? `${command.name()} ` : ''}--help\` lists the arguments and options.`,
  );
}
