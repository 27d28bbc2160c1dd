/** What can be completed, from the same table of commands and options as the help. */
import { Command, type Option } from 'commander';
import { COMMANDS } from '../commands';
import { withGlobals } from '../options';

/** What a value is; a list holds all that it can be. */
export type Value = 'file' | 'folder' | 'text' | readonly string[];

export interface CompletedOption {
  /** `--format`, `-q` */
  readonly flags: readonly string[];
  readonly description: string;
  /** Null where it takes none. */
  readonly value: Value | null;
  /** `format`, as the help names the value. */
  readonly valueName: string;
}

export interface CompletedCommand {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly CompletedOption[];
  readonly arguments: readonly { readonly name: string; readonly value: Value; readonly variadic: boolean }[];
}

export interface CompletionTable {
  readonly globals: readonly CompletedOption[];
  readonly commands: readonly CompletedCommand[];
}

const HELP: CompletedOption = {
  flags: ['--help', '-h'],
  description: 'show this help',
  value: null,
  valueName: '',
};

export function completionTable(): CompletionTable {
  const program = withGlobals(new Command('trueup'));
  for (const { register } of COMMANDS) register(program);
  const commands = program.commands.map((command) => ({
    name: command.name(),
    summary: COMMANDS.find(({ name }) => name === command.name())!.summary,
    options: command.options.map(optionOf),
    arguments: command.registeredArguments.map((argument) => ({
      name: argument.name(),
      value: argument.argChoices ?? valueNamed(argument.name()),
      variadic: argument.variadic,
    })),
  }));
  const help: CompletedCommand = {
    name: 'help',
    summary: 'show the help of a command',
    options: [],
    arguments: [{ name: 'command', value: commands.map(({ name }) => name), variadic: false }],
  };
  return { globals: [...program.options.map(optionOf), HELP], commands: [...commands, help] };
}

function optionOf({
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
    value: required || optional ? (argChoices ?? valueNamed(valueName)) : null,
    valueName,
  };
}

function valueNamed(name: string): Value {
  if (/^(folder|directory)$/.test(name)) return 'folder';
  return /^(files?|report)$/.test(name) ? 'file' : 'text';
}
