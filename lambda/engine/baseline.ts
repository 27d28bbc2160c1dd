/** What is done after a baseline has recorded what it could. Pure. */
import type { ErrorInfo } from './errors';
import type { Ledger } from './ledger';
import type { Migration } from './manifest';
import { edited, type Step } from './plan';
import type { ConvergeRequest } from './request';
import type { Run } from './run';

type Marked = Pick<Run, 'baselined' | 'unmarked' | 'warnings'>;

/**
 * A database that holds some of it and not the rest is neither new nor what the baseline says: nothing is run against
 * it. One that holds nothing of it is new, e.g. another stage of the same application, and gets everything in order.
 */
export function afterBaseline(
  run: Marked,
  ledger: Ledger,
  request: ConvergeRequest,
  steps: readonly Step[],
): Step[] | ErrorInfo {
  if (request.baselineOnly) {
    for (const [name, why] of run.unmarked) {
      run.warnings.push(`${name} is not what the database holds, so it was not marked as applied: ${why}`);
    }
    return [];
  }
  const unmarked = steps.filter(({ migration }) => run.unmarked.has(migration.name));
  const known = unmarked.find(({ migration }) =>
    ledger.migrations.some(({ name, state }) => name === migration.name && state === 'applied'),
  );
  if (known) return edited(known.migration);
  const adopted = run.baselined.size > 0 || ledger.migrations.some(({ baselined }) => baselined);
  const unprovable = unmarked.every(({ migration }) => migration.verify.length === 0);
  if (unmarked[0] && (adopted || unprovable)) {
    return notHeld(unmarked[0].migration, run.unmarked.get(unmarked[0].migration.name)!, adopted);
  }
  if (unmarked.length > 0) {
    run.warnings.push(`nothing up to the baseline ${request.baseline} is there, so all of it was applied`);
  }
  return steps
    .filter(({ type, migration }) => type !== 'baseline' || run.unmarked.has(migration.name))
    .map((step) =>
      step.type === 'baseline' ? { type: 'apply', migration: step.migration, from: 0, note: '' } : step,
    );
}

const notHeld = (migration: Migration, why: string, adopted: boolean): ErrorInfo => ({
  code: 'verification',
  migration: migration.name,
  file: migration.file,
  message: adopted
    ? 'it is part of the baseline, but the database does not hold it, although it holds others'
    : 'it is part of the baseline, and no file of it can tell whether the database holds it',
  remedy:
    'Nothing was run. Mend what its verify section finds (or write one), or name an older migration as the baseline: what comes after it is applied.',
  details: [why],
});
