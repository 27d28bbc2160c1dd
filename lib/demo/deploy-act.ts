import type { ConvergeOutcome } from '../../lambda/contract/converge';
import type { LocalOperations } from '../cli/database/local';
import { formatCount, formatDuration, printHanging } from '../cli/terminal/terminal';
import { newRequestId, runUntilDone } from '../cli/until-done';
import type { Incident } from './incidents';
import type { Act, Stage } from './stage';

/** Shows the steps of a deployment for each database: compile, plan, converge, verify. */
export const deployAct: Act = {
  title: 'Deploy: compile, plan, converge, and verify each migration before its commit',
  play: async (stage) => {
    const deployed: DeploymentResult[] = [];
    for (const incident of stage.incidents) deployed.push(await deployIncident(stage, incident));
    const migrations = deployed.reduce((sum, each) => sum + each.applied.length, 0);
    return {
      summary: [
        `${deployed.length} databases repaired by ${formatCount(migrations, 'migration')}, each verified before its commit and again after`,
      ],
      facts: { deployed },
    };
  },
};

interface DeploymentResult {
  readonly database: string;
  readonly applied: readonly string[];
  readonly stoppedBy: readonly string[];
  readonly durationMs: number;
}

async function deployIncident(stage: Stage, incident: Incident): Promise<DeploymentResult> {
  const { out } = stage;
  const { colors } = out;
  const begun = Date.now();
  const operations = await stage.operations(incident);
  const plan = await operations.plan();
  let outcome = await converge(stage, operations);
  const stoppedBy = outcome.status === 'failed' ? (outcome.error.details ?? []) : [];
  if (outcome.status === 'failed' && outcome.error.code === 'preflight') {
    const { message, migration } = outcome.error;
    printHanging(
      out,
      `  ${colors.yellow('stopped')}  `,
      `${colors.bold(incident.database)} before ${migration}: ${message}`,
    );
    for (const sentence of stoppedBy) printHanging(out, '             - ', sentence);
    for (const { what, sql } of incident.byHand) {
      printHanging(out, `  ${colors.cyan('by hand')}  `, what);
      await stage.alone(incident, (client) => client.query(sql));
    }
    outcome = await converge(stage, operations);
  }
  if (outcome.status === 'failed') throw new Error(`${incident.database}: ${outcome.error.message}`);
  const { verified: proved, findings, errors } = await operations.verify();
  if (findings.length + errors.length > 0) throw new Error(`${incident.database} does not verify`);
  // Includes the migrations that were applied before the deployment stopped.
  const applied = plan.steps.map((step) => step.migration);
  const durationMs = Date.now() - begun;
  const names = applied.map((name) => colors.dim(name)).join(', ');
  printHanging(
    out,
    `  ${colors.green('applied')}  `,
    `${colors.bold(incident.database)}: ${names}; ${proved.length} of ${applied.length} verified in ${formatDuration(durationMs)}`,
  );
  return { database: incident.database, applied, stoppedBy, durationMs };
}

export async function converge(
  stage: Stage,
  operations: LocalOperations,
): Promise<Exclude<ConvergeOutcome, { status: 'continue' }>> {
  const limits = { id: newRequestId(), timeoutMs: 60_000 };
  const { outcome } = await stage.progress.during(() =>
    runUntilDone((slice) => operations.up(slice), limits),
  );
  if (outcome.status === 'continue') throw new Error(`not finished in time: ${outcome.progress}`);
  return outcome;
}
