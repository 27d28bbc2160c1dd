import type { Command } from 'commander';
import { withDatabase, withOwner, withTimeout } from '../options';
import { setAction } from '../terminal/action';
import { UsageError } from '../terminal/failure';
import { runUp, type UpOptions } from './up';

export function registerDemo(program: Command): void {
  const command = withTimeout(
    withOwner(
      withDatabase(
        program
          .command('demo')
          .argument('[folder]', 'with a database: the folder to bring to it, as `up` does'),
      ),
    ),
  ).description(
    'Without arguments: starts a real PostgreSQL, breaks five databases in it as five incidents did, deploys the ' +
      'repairs, and shows what else can go wrong. Nothing is left behind. With a folder and a database: works like `up`.',
  );
  setAction<UpOptions>(command, async (terminal, options, folder) => {
    if (folder !== undefined) return runUp(terminal, options, folder);
    // DATABASE_URL alone does not count: who wants to see a demonstration means no database of theirs.
    if (options.databaseUrl !== undefined) {
      throw new UsageError('no folder was given for that database', 'Give the folder after the options.');
    }
    // Loaded only here: every other command would pay for it at its start.
    // require(): `npm start` runs the sources, where import() of a file finds none.
    const { playDemo } = require('../../demo') as typeof import('../../demo');
    return playDemo(terminal);
  });
}
