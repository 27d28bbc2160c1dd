/** The compiler for CDK constructs, which are synchronous. */
import { join } from 'node:path';
import type { Manifest } from '../../lambda/contract/manifest';
import { answerOf } from './child';
import type { CompileOptions } from './index';
import { CompileError } from './problem';
import type { Answer } from './sync-child';

/**
 * {@link compileFolder}, but blocking.
 * @throws {CompileError} with every problem of every file
 */
export function compileFolderSync(folder: string, { history, warn }: CompileOptions = {}): Manifest {
  const args = [folder, ...(history === undefined ? [] : [history])];
  const answer = answerOf<Answer>(join(__dirname, 'sync-child'), args, `compiles ${folder}`);
  if ('problems' in answer) throw new CompileError(folder, answer.problems);
  for (const warning of answer.warnings) warn?.(warning);
  return answer.manifest;
}
