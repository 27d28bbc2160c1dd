/** Applies the migrations of a commit to a scratch server, plans the later ones for it, and runs the plan there. */
import type { ConvergeOutcome } from '../../../lambda/contract/converge';
import type { ErrorInfo } from '../../../lambda/contract/errors';
import type { Manifest } from '../../../lambda/contract/manifest';
import type { Plan } from '../../../lambda/contract/status';
import type { PlanTrial, WorkloadPlan } from '../../report/plan-document';
import type { PostgresServer } from '../../scratch-postgres/server';
import type { WorkloadEntry } from '../../workload/collect-workload';
import type { WorkloadCheck } from '../../workload/workload-check';
import { createProgressView } from '../terminal/progress';
import type { Terminal } from '../terminal/terminal';
import { checkWorkload } from './check-workload';
import { createLocalOperations } from './local';
import { withScratchServer } from './own-server';
import { countUndecidedByReason, listFailingStatements, planWorkload } from './plan-workload';
import {
  applyAllMigrations,
  applyBaseRevision,
  prepareTrialDatabase,
  type TrialOptions,
  withReadOnlyConnection,
} from './scratch';

export interface PlanSinceResult {
  readonly plan: Plan;
  readonly workload?: WorkloadPlan;
  /** Absent if the plan has no steps: nothing is pending, or an error prevents it. */
  readonly trial?: PlanTrial;
}

export async function planSince(
  terminal: Terminal,
  manifest: Manifest,
  namespace: string,
  { major, workload: entries, since }: TrialOptions,
): Promise<PlanSinceResult> {
  return withScratchServer(terminal, { major }, (server, own) =>
    createProgressView({ ...own, quiet: true }).during(() =>
      planOnServer(server, manifest, namespace, { entries, since }),
    ),
  );
}

async function planOnServer(
  server: PostgresServer,
  manifest: Manifest,
  namespace: string,
  { entries, since }: Pick<TrialOptions, 'since'> & { readonly entries?: readonly WorkloadEntry[] },
): Promise<PlanSinceResult> {
  const { target, trial, base } = await prepareTrialDatabase(server, manifest, { since: since?.manifest });
  if (since && base) await applyBaseRevision(target, namespace, { ...since, manifest: base });
  // Plans the statements of the files: those that are tried may contain replacements for extension statements.
  // The tables are empty and say nothing about those of a real database, so nothing is measured.
  const plan = await createLocalOperations({ target, manifest, namespace, measures: false }).plan();
  const workload =
    entries === undefined
      ? undefined
      : await withReadOnlyConnection(target, (db) => planWorkload(db, entries, manifest, plan));
  const planned = { plan, ...(workload ? { workload } : {}) };
  if (plan.steps.length === 0) return planned;
  const operations = createLocalOperations({ target, manifest: trial, namespace });
  const { outcome } = await applyAllMigrations(operations);
  const { serverVersion } = await operations.status();
  if (outcome.status !== 'done')
    return { ...planned, trial: { serverVersion, error: toErrorInfo(outcome), findings: [] } };
  const { findings, errors } = await operations.verify();
  const after = entries && (await withReadOnlyConnection(target, (db) => checkWorkload(db, entries)));
  return {
    ...planned,
    trial: {
      serverVersion,
      error: errors[0] ?? null,
      findings,
      ...(after ? { workload: buildTrialWorkload(after) } : {}),
    },
  };
}

const toErrorInfo = (outcome: Exclude<ConvergeOutcome, { status: 'done' }>): ErrorInfo =>
  outcome.status === 'failed'
    ? outcome.error
    : {
        code: 'busy',
        message: `not finished: ${outcome.progress}`,
        remedy: 'Try it with `trueup check --run`.',
      };

const buildTrialWorkload = (after: WorkloadCheck): NonNullable<PlanTrial['workload']> => ({
  statements: after.statements,
  plan: after.plan,
  failing: listFailingStatements(after),
  undecided: countUndecidedByReason(after),
});
