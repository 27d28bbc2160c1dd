/** A plan for a database that has the migrations of a commit, on a temporary server, where it is tried as well. */
import type { Outcome } from '../../../lambda/contract/converge';
import type { ErrorInfo } from '../../../lambda/contract/errors';
import type { Manifest } from '../../../lambda/contract/manifest';
import type { Plan } from '../../../lambda/contract/status';
import type { PlanTrial, WorkloadPlan } from '../../report/plan-document';
import type { PostgresServer } from '../../scratch-postgres/server';
import type { Rehearsal } from '../../workload/rehearsal';
import type { WorkloadEntry } from '../../workload/workload';
import { progressView } from '../terminal/progress';
import type { Terminal } from '../terminal/terminal';
import { localOperations } from './local';
import { withOwnServer } from './own-server';
import { failingOf, planWorkload, undecidedOf } from './plan-workload';
import { rehearse } from './rehearse';
import { applied, beginAt, onTarget, prepare, type TrialOptions } from './scratch';

export interface PlannedSince {
  readonly plan: Plan;
  readonly workload?: WorkloadPlan;
  /** Absent where nothing is to be done, or something stands in the way. */
  readonly trial?: PlanTrial;
}

export async function planSince(
  terminal: Terminal,
  manifest: Manifest,
  namespace: string,
  { major, workload: entries, since }: TrialOptions,
): Promise<PlannedSince> {
  return withOwnServer(terminal, { major }, (server, own) =>
    progressView({ ...own, quiet: true }).during(() =>
      planOn(server, manifest, namespace, { entries, since }),
    ),
  );
}

async function planOn(
  server: PostgresServer,
  manifest: Manifest,
  namespace: string,
  { entries, since }: Pick<TrialOptions, 'since'> & { readonly entries?: readonly WorkloadEntry[] },
): Promise<PlannedSince> {
  const { target, trial, base } = await prepare(server, manifest, { since: since?.manifest });
  if (since && base) await beginAt(target, namespace, { ...since, manifest: base });
  // As the files have it: what is tried may have other statements in place of those of extensions.
  const plan = await localOperations({ target, manifest, namespace }).plan();
  const workload =
    entries === undefined
      ? undefined
      : await onTarget(target, (db) => planWorkload(db, entries, manifest, plan));
  const planned = { plan, ...(workload ? { workload } : {}) };
  if (plan.steps.length === 0) return planned;
  const operations = localOperations({ target, manifest: trial, namespace });
  const { outcome } = await applied(operations);
  const { serverVersion } = await operations.status();
  if (outcome.status !== 'done')
    return { ...planned, trial: { serverVersion, error: errorOf(outcome), findings: [] } };
  const { findings, errors } = await operations.verify();
  const after = entries && (await onTarget(target, (db) => rehearse(db, entries)));
  return {
    ...planned,
    trial: {
      serverVersion,
      error: errors[0] ?? null,
      findings,
      ...(after ? { workload: verdictsOf(after) } : {}),
    },
  };
}

const errorOf = (outcome: Exclude<Outcome, { status: 'done' }>): ErrorInfo =>
  outcome.status === 'failed'
    ? outcome.error
    : {
        code: 'busy',
        message: `not finished: ${outcome.progress}`,
        remedy: 'Try it with `trueup check --run`.',
      };

const verdictsOf = (after: Rehearsal): NonNullable<PlanTrial['workload']> => ({
  statements: after.statements,
  plan: after.plan,
  failing: failingOf(after),
  undecided: undecidedOf(after),
});
