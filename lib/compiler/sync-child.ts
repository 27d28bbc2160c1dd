/** Entry of the process that {@link compileFolderSync} starts: compiles the folder in argv, answers on one line of stdout. */
import type { Manifest } from '../../lambda/engine/manifest';
import { CompileError, compileFolder, type Problem } from './index';

export type Answer = { readonly manifest: Manifest } | { readonly problems: readonly Problem[] };

if (require.main === module) void answer(process.argv[2] ?? '');

async function answer(folder: string): Promise<void> {
  let result: Answer;
  try {
    result = { manifest: await compileFolder(folder) };
  } catch (error) {
    // Anything else is a bug: it ends the process, and the parent shows it.
    if (!(error instanceof CompileError)) throw error;
    result = { problems: error.problems };
  }
  // Ours begins with a line feed: what a preloaded script prints is then not glued to it.
  process.stdout.write(`\n${JSON.stringify(result)}\n`);
}
