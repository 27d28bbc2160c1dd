/** What is done after a baseline has recorded what it could. Pure. */

import type { ConvergeRequest } from '../../contract/converge';
import type { ErrorInfo } from '../../contract/errors';
import type { Migration } from '../../contract/manifest';
import type { Ledger } from '../ledger/ledger';
import type { Run } from '../run';
import { appliedElsewhere } from './other-tools';
import type { Step } from './plan';

type Marked = Pick<Run, 'baselined' | 'elsewhere' | 'unmarked' | 'warnings'>;

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
  run.warnings.push(...believed(run, steps));
  if (request.baselineOnly) {
    for (const [name, why] of run.unmarked) {
      run.warnings.push(`${name} is not what the database holds, so it was not marked as applied: ${why}`);
    }
    return [];
  }
  const unmarked = steps.filter(({ migration }) => run.unmarked.has(migration.name));
  const hasBaseline = run.baselined.size > 0 || ledger.migrations.some(({ baselined }) => baselined);
  const noneVerifies = unmarked.every(({ migration }) => migration.verify.length === 0);
  if (unmarked[0] && (hasBaseline || noneVerifies)) {
    return notHeld(unmarked[0].migration, run.unmarked.get(unmarked[0].migration.name)!, hasBaseline);
  }
  if (unmarked.length > 0) {
    run.warnings.push(
      `the database holds nothing up to the baseline ${request.baseline}, so everything was applied`,
    );
  }
  const twice = appliedElsewhere(
    run.elsewhere,
    unmarked.map(({ migration }) => migration),
  );
  if (twice) return twice;
  return steps
    .filter(({ type, migration }) => type !== 'baseline' || run.unmarked.has(migration.name))
    .map((step) =>
      step.type === 'baseline' ? { type: 'apply', migration: step.migration, from: 0, note: '' } : step,
    );
}

/** What is recorded on another tool's word alone. */
function believed({ baselined, elsewhere }: Marked, steps: readonly Step[]): string[] {
  const unproved = steps
    .map(({ migration }) => migration)
    .filter(({ name, verify }) => baselined.has(name) && verify.length === 0);
  return elsewhere.flatMap(({ tool, table, names }) => {
    const count = unproved.filter(({ name }) => names.has(name)).length;
    if (count === 0) return [];
    const [what, it] = count === 1 ? ['1 migration is', 'it'] : [`${count} migrations are`, 'them'];
    return `${what} recorded as applied because ${tool} has applied ${it} (its ledger is ${table}); without a verify section, nothing verifies that`;
  });
}

const notHeld = (migration: Migration, why: string, hasBaseline: boolean): ErrorInfo => ({
  code: 'verification',
  migration: migration.name,
  file: migration.file,
  message: hasBaseline
    ? 'it is part of the baseline, but the database does not hold it, although it holds others'
    : 'it is part of the baseline, but no verify section can tell whether the database holds it',
  remedy:
    'Nothing was run. Fix what its verify section finds (or write one), or name an older migration as the baseline; later ones are then applied.',
  details: [why],
});
