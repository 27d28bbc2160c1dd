import type { Command } from 'commander';
import { withDatabase, withMaxUndecided, withOwner, withTimeout } from '../options';
import { setAction } from '../terminal/action';
import { UsageError } from '../terminal/failure';
import { runUp, type UpOptions } from './up';

export function registerDemo(program: Command): void {
  const command = withTimeout(
    withOwner(
      withDatabase(
        program.command('demo').argument('[folder]', 'with a database: folder to apply to it, as `up` does'),
      ),
    ),
  ).description(
    'Without arguments: starts a real PostgreSQL, breaks five databases in it as in five incidents, deploys the ' +
      'repairs, and shows what else can go wrong. It then removes the server. With a folder and a database: works like `up`.',
  );
  withMaxUndecided(command);
  setAction<UpOptions>(command, async (terminal, options, folder) => {
    if (folder !== undefined) return runUp(terminal, options, folder);
    // Only the option counts, not DATABASE_URL: a user who wants to see the demo does not mean their own database.
    if (options.databaseUrl !== undefined) {
      throw new UsageError('no folder was given for that database', 'Give the folder after the options.');
    }
    // Loaded only here, so that other commands start faster.
    // require(): `npm start` runs the sources, where import() does not find the module.
    const { playDemo } = require('../../demo') as typeof import('../../demo');
    return playDemo(terminal);
  });
}
