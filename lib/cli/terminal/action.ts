/** What every command's action has in common. */
import type { Command } from 'commander';
import type { ExitCode } from '../exit-codes';
import { answerInterrupt } from './interrupt';
import { reportFailure } from './report';
import { type GlobalOptions, openTerminal, type Terminal } from './terminal';

/** Arguments come as commander gives them: the positional ones, in order. */
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
    answerInterrupt(terminal);
    try {
      process.exitCode = await action(terminal, options, ...(given.slice(0, -2) as string[]));
    } catch (error) {
      process.exitCode = reportFailure(terminal, error);
    }
  });
}
