/** Workload files for CDK constructs, which are synchronous. */
import { join } from 'node:path';
import type { WorkloadPromise } from '../../lambda/contract/workload';
import { answerOf } from '../compiler/child';
import { WorkloadFileError } from './promise';
import type { Answer } from './sync-child';

/** @throws {WorkloadFileError} with file and line */
export function promiseOfFilesSync(files: readonly string[]): WorkloadPromise {
  const answer = answerOf<Answer>(join(__dirname, 'sync-child'), files, `reads ${files.join(', ')}`);
  if ('promise' in answer) return answer.promise;
  throw new WorkloadFileError(answer.message, answer.remedy);
}
