/** Reads workload files synchronously, as CDK constructs need it. */
import type { GuaranteedWorkload } from '../../lambda/contract/workload';
import { runJsonScript } from '../compiler/child';
import { WorkloadFileError } from './guaranteed-workload';
import type { WorkloadReadResult } from './sync-child';

/**
 * Reads several files as one guaranteed workload, in a child process.
 * @throws {WorkloadFileError} with file and line
 */
export function readGuaranteedWorkloadSync(files: readonly string[]): GuaranteedWorkload {
  const answer = runJsonScript<WorkloadReadResult>(
    'lib/workload/sync-child',
    files,
    `reads ${files.join(', ')}`,
  );
  if ('workload' in answer) return answer.workload;
  throw new WorkloadFileError(answer.message, answer.remedy);
}
