/** What a person sees: standard error, so that --json has standard output for itself. */
import { createInterface } from 'node:readline/promises';
import { EXIT } from './options';

export interface Terminal {
  line(text: string): void;
  /** True with --yes, or when somebody types `yes`. Without a terminal nobody can, and it says so. */
  confirmed(yes: boolean, question: string): Promise<boolean>;
}

export const terminal: Terminal = {
  line: (text) => void process.stderr.write(`${text}\n`),
  async confirmed(yes, question) {
    if (yes) return true;
    if (!process.stdin.isTTY) {
      terminal.line(`${question} Nobody can answer here: give --yes. Nothing was done.`);
      return false;
    }
    const reader = createInterface({ input: process.stdin, output: process.stderr });
    // Otherwise Ctrl-C would end the program as if all were well.
    reader.once('SIGINT', () => {
      terminal.line('\nNothing was done.');
      process.exit(EXIT.interrupted);
    });
    try {
      const answer = await reader.question(`${question} Type yes: `);
      if (answer.trim() === 'yes') return true;
      terminal.line('Not confirmed. Nothing was done.');
      return false;
    } finally {
      reader.close();
    }
  },
};
