/** Asks the database of a stack through its deployed function, since nobody reaches an isolated subnet. */
import type { Ask } from './explain';
import { migrateFunction } from './migrate-function';

/** @param namespace which of the stack's schemas; needed where there are several */
export function askStack(stackName: string, namespace?: string): Ask {
  return async (questions) => {
    if (questions.length === 0) return [];
    const call = await migrateFunction(stackName, namespace);
    const response = await call({ action: 'diagnose', questions });
    if (response.action === 'diagnose') return response.diagnoses;
    throw new Error(`the function answered ${response.action}`);
  };
}
