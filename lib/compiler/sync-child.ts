/** Entry of the process that {@link compileFolderSync} starts: compiles the folder in argv, answers on one line of stdout. */
import type { Manifest } from '../../lambda/contract/manifest';
import { giveAnswer } from './child';
import { CompileError, compileFolder, type Problem } from './index';

export type Answer =
  | { readonly manifest: Manifest; readonly warnings: readonly Problem[] }
  | { readonly problems: readonly Problem[] };

if (require.main === module) void answer(process.argv[2] ?? '', process.argv[3]);

async function answer(folder: string, history: string | undefined): Promise<void> {
  let result: Answer;
  try {
    const warnings: Problem[] = [];
    const manifest = await compileFolder(folder, { history, warn: (warning) => warnings.push(warning) });
    result = { manifest, warnings };
  } catch (error) {
    // Anything else is a bug: it ends the process, and the parent shows it.
    if (!(error instanceof CompileError)) throw error;
    result = { problems: error.problems };
  }
  giveAnswer(result);
}
