import { Argument, type Command } from 'commander';
import { bashCompletion } from '../completion/bash';
import { fishCompletion } from '../completion/fish';
import { completionTable } from '../completion/table';
import { zshCompletion } from '../completion/zsh';
import { EXIT } from '../exit-codes';
import { setAction } from '../terminal/action';
import { printJson } from '../terminal/json';
import type { GlobalOptions } from '../terminal/terminal';

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;

export function registerCompletion(program: Command): void {
  const command = program
    .command('completion')
    .addArgument(new Argument('<shell>', 'the shell that you use').choices(Object.keys(SHELLS)))
    .description(
      'Prints what makes a shell complete commands, options and their values. In bash: source <(trueup completion bash); ' +
        'in zsh the same, after compinit; in fish: trueup completion fish | source.',
    );
  setAction<GlobalOptions>(command, (terminal, _, shell) => {
    const script = SHELLS[shell as keyof typeof SHELLS](completionTable());
    if (terminal.json) printJson(terminal, { script });
    else terminal.out.write(script);
    return EXIT.ok;
  });
}
