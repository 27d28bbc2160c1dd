/** The common part of every command's action. */
import type { Command } from 'commander';
import type { ExitCode } from '../exit-codes';
import { handleInterrupt } from './interrupt';
import { reportFailure } from './report';
import { type GlobalOptions, openTerminal, type Terminal } from './terminal';

/** The action of a command. `args` are the positional arguments, in order. */
export type Action<Options> = (
  terminal: Terminal,
  options: Options,
  ...args: string[]
) => Promise<ExitCode> | ExitCode;

export function setAction<Options extends GlobalOptions>(command: Command, action: Action<Options>): void {
  command.action(async (...given: unknown[]) => {
    const self = given.at(-1) as Command;
    const options = self.optsWithGlobals<Options>();
    const terminal = openTerminal(options);
    handleInterrupt(terminal);
    try {
      process.exitCode = await action(terminal, options, ...(given.slice(0, -2) as string[]));
    } catch (error) {
      process.exitCode = reportFailure(terminal, error);
    }
  });
}
