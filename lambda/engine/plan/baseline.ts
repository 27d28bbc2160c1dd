/** Decides what to do after a baseline has recorded the migrations that the database holds. Pure. */

import type { ConvergeRequest } from '../../contract/converge';
import type { ErrorInfo } from '../../contract/errors';
import type { Migration } from '../../contract/manifest';
import type { Ledger } from '../ledger/ledger';
import type { Run } from '../run';
import { findAppliedElsewhereError } from './other-tools';
import type { PlanStep } from './plan';

type BaselineRun = Pick<Run, 'baselined' | 'elsewhere' | 'unmarked' | 'warnings'>;

/**
 * Returns the remaining steps, or an error. If the database holds only part of the baseline, it is neither new nor in
 * the state that the baseline names, so nothing is run against it. If it holds nothing of the baseline it is new,
 * e.g. another stage of the same application, and every migration is applied in order.
 */
export function checkAfterBaseline(
  run: BaselineRun,
  ledger: Ledger,
  request: ConvergeRequest,
  steps: readonly PlanStep[],
): PlanStep[] | ErrorInfo {
  run.warnings.push(...listUnprovedRecords(run, steps));
  if (request.baselineOnly) {
    for (const [name, why] of run.unmarked) {
      run.warnings.push(`${name} was not recorded as applied: ${why}`);
    }
    return [];
  }
  const unmarked = steps.filter(({ migration }) => run.unmarked.has(migration.name));
  const hasBaseline = run.baselined.size > 0 || ledger.migrations.some(({ baselined }) => baselined);
  const noneVerifies = unmarked.every(({ migration }) => migration.verify.length === 0);
  if (unmarked[0] && (hasBaseline || noneVerifies)) {
    return makeNotHeldError(
      unmarked[0].migration,
      run.unmarked.get(unmarked[0].migration.name)!,
      hasBaseline,
    );
  }
  if (unmarked.length > 0) {
    run.warnings.push(
      `the database contains none of the migrations up to the baseline ${request.baseline}, so all of them are run`,
    );
  }
  const twice = findAppliedElsewhereError(
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

/** Warns of migrations that were recorded only because another tool's ledger lists them. */
function listUnprovedRecords({ baselined, elsewhere }: BaselineRun, steps: readonly PlanStep[]): string[] {
  const withoutVerify = steps
    .map(({ migration }) => migration)
    .filter(({ name, verify }) => baselined.has(name) && verify.length === 0);
  return elsewhere.flatMap(({ tool, table, names }) => {
    const count = withoutVerify.filter(({ name }) => names.has(name)).length;
    if (count === 0) return [];
    const [what, it] = count === 1 ? ['1 migration is', 'it'] : [`${count} migrations are`, 'them'];
    return `${what} recorded as applied because ${tool} has applied ${it} (its ledger is ${table}); without a verify section, Trueup cannot verify that`;
  });
}

const makeNotHeldError = (migration: Migration, why: string, hasBaseline: boolean): ErrorInfo => ({
  code: 'verification',
  migration: migration.name,
  file: migration.file,
  message: hasBaseline
    ? 'it is part of the baseline, but the database does not contain it, although it contains others'
    : 'it is part of the baseline, but has no verify section that shows whether the database contains it',
  remedy:
    'Nothing was run. Fix what its verify section reports (or write one), or name an older migration as the baseline; Trueup then applies the later ones.',
  details: [why],
});
