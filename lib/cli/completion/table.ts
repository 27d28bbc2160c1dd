/** The table of everything that can be completed, built from the same commands and options as the help. */
import { Command, type Option } from 'commander';
import { COMMANDS } from '../commands';
import { withGlobals } from '../options';

/** The kind of a value; a list holds all allowed values. */
export type CompletionValue = 'file' | 'folder' | 'text' | readonly string[];

export interface CompletedOption {
  /** Long and short spelling, e.g. `--help` and `-h`. */
  readonly flags: readonly string[];
  readonly description: string;
  /** Kind of the option's value; `null` if it takes none. */
  readonly value: CompletionValue | null;
  /** Name of the value in the help, e.g. `format`. */
  readonly valueName: string;
}

export interface CompletedCommand {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly CompletedOption[];
  readonly arguments: readonly {
    readonly name: string;
    readonly value: CompletionValue;
    readonly variadic: boolean;
  }[];
}

export interface CompletionTable {
  readonly globals: readonly CompletedOption[];
  readonly commands: readonly CompletedCommand[];
}

const HELP_OPTION: CompletedOption = {
  flags: ['--help', '-h'],
  description: 'show this help',
  value: null,
  valueName: '',
};

export function buildCompletionTable(): CompletionTable {
  const program = withGlobals(new Command('trueup'));
  for (const { register } of COMMANDS) register(program);
  const commands = program.commands.map((command) => ({
    name: command.name(),
    summary: COMMANDS.find(({ name }) => name === command.name())!.summary,
    options: command.options.map(toCompletedOption),
    arguments: command.registeredArguments.map((argument) => ({
      name: argument.name(),
      value: argument.argChoices ?? inferValue(argument.name()),
      variadic: argument.variadic,
    })),
  }));
  const help: CompletedCommand = {
    name: 'help',
    summary: 'show the help of a command',
    options: [],
    arguments: [{ name: 'command', value: commands.map(({ name }) => name), variadic: false }],
  };
  return { globals: [...program.options.map(toCompletedOption), HELP_OPTION], commands: [...commands, help] };
}

function toCompletedOption({
  long,
  short,
  description,
  required,
  optional,
  argChoices,
  flags,
}: Option): CompletedOption {
  const [, valueName = ''] = /[<[]([\w-]+)(?:\.\.\.)?[>\]]/.exec(flags) ?? [];
  return {
    flags: [long, short].filter((flag) => flag != null),
    description: description.replace(/\s+/g, ' '),
    value: required || optional ? (argChoices ?? inferValue(valueName)) : null,
    valueName,
  };
}

function inferValue(name: string): CompletionValue {
  if (/^(folder|directory)$/.test(name)) return 'folder';
  return /^(files?|report)$/.test(name) ? 'file' : 'text';
}
