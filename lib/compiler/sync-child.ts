/**
 * Entry point of the process that {@link compileFolderSync} starts: compiles the folder in argv and prints the result
 * on one line of stdout.
 */
import type { Manifest } from '../../lambda/contract/manifest';
import { printJsonResult } from './child';
import { CompileError, compileFolder, type Problem } from './index';

export type CompileResult =
  | { readonly manifest: Manifest; readonly warnings: readonly Problem[] }
  | { readonly problems: readonly Problem[] };

if (require.main === module) void compileAndPrint(process.argv[2] ?? '', process.argv[3]);

async function compileAndPrint(folder: string, history: string | undefined): Promise<void> {
  let result: CompileResult;
  try {
    const warnings: Problem[] = [];
    const manifest = await compileFolder(folder, { history, warn: (warning) => warnings.push(warning) });
    result = { manifest, warnings };
  } catch (error) {
    // Any other error is a bug: it ends the process, and the parent shows it.
    if (!(error instanceof CompileError)) throw error;
    result = { problems: error.problems };
  }
  printJsonResult(result);
}
