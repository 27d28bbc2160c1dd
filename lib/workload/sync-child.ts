/** Entry of the process that {@link readGuaranteedWorkloadSync} starts: reads the workload files in argv. */
import type { GuaranteedWorkload } from '../../lambda/contract/workload';
import { printJsonResult } from '../compiler/child';
import { loadParser } from '../compiler/read/parser';
import { readGuaranteedWorkload, WorkloadFileError } from './guaranteed-workload';

export type WorkloadReadResult =
  | { readonly workload: GuaranteedWorkload }
  | { readonly message: string; readonly remedy: string };

if (require.main === module) void readAndPrint(process.argv.slice(2));

async function readAndPrint(files: readonly string[]): Promise<void> {
  await loadParser();
  try {
    printJsonResult({ workload: readGuaranteedWorkload(files) } satisfies WorkloadReadResult);
  } catch (error) {
    // Any other error is a bug: it ends the process, and the parent reports it.
    if (!(error instanceof WorkloadFileError)) throw error;
    printJsonResult({ message: error.message, remedy: error.remedy } satisfies WorkloadReadResult);
  }
}
