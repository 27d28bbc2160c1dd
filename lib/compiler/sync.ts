/** The compiler for CDK constructs, which are synchronous. */
import type { Manifest } from '../../lambda/contract/manifest';
import { runJsonScript } from './child';
import type { CompileOptions } from './index';
import { CompileError } from './problem';
import type { CompileResult } from './sync-child';

/**
 * Compiles a folder like {@link compileFolder}, but synchronously.
 * @throws {CompileError} with every problem of every file
 */
export function compileFolderSync(folder: string, { history, warn }: CompileOptions = {}): Manifest {
  const args = [folder, ...(history === undefined ? [] : [history])];
  const answer = runJsonScript<CompileResult>('lib/compiler/sync-child', args, `compiles ${folder}`);
  if ('problems' in answer) throw new CompileError(folder, answer.problems);
  for (const warning of answer.warnings) warn?.(warning);
  return answer.manifest;
}
