import { Argument, type Command } from 'commander';
import { buildBashCompletion } from '../completion/bash';
import { buildFishCompletion } from '../completion/fish';
import { buildCompletionTable } from '../completion/table';
import { buildZshCompletion } from '../completion/zsh';
import { EXIT } from '../exit-codes';
import { setAction } from '../terminal/action';
import { printJson } from '../terminal/json';
import type { GlobalOptions } from '../terminal/terminal';

const SHELLS = { bash: buildBashCompletion, zsh: buildZshCompletion, fish: buildFishCompletion } as const;

export function registerCompletion(program: Command): void {
  const command = program
    .command('completion')
    .addArgument(new Argument('<shell>', 'the shell that you use').choices(Object.keys(SHELLS)))
    .description(
      'Prints a completion script for commands, options and their values. In bash: source <(trueup completion bash); ' +
        'in zsh the same, after compinit; in fish: trueup completion fish | source.',
    );
  setAction<GlobalOptions>(command, (terminal, _, shell) => {
    const script = SHELLS[shell as keyof typeof SHELLS](buildCompletionTable());
    if (terminal.json) printJson(terminal, { script });
    else terminal.out.write(script);
    return EXIT.ok;
  });
}
