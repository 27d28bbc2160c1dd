/** Entry of the process that {@link promiseOfFilesSync} starts: reads the workload files in argv. */
import type { WorkloadPromise } from '../../lambda/contract/workload';
import { giveAnswer } from '../compiler/child';
import { loadParser } from '../compiler/read/parser';
import { promiseOfFiles, WorkloadFileError } from './promise';

export type Answer =
  | { readonly promise: WorkloadPromise }
  | { readonly message: string; readonly remedy: string };

if (require.main === module) void answer(process.argv.slice(2));

async function answer(files: readonly string[]): Promise<void> {
  await loadParser();
  try {
    giveAnswer({ promise: promiseOfFiles(files) } satisfies Answer);
  } catch (error) {
    // Anything else is a bug: it ends the process, and the parent shows it.
    if (!(error instanceof WorkloadFileError)) throw error;
    giveAnswer({ message: error.message, remedy: error.remedy } satisfies Answer);
  }
}
