import type { Outcome } from '../../lambda/contract/converge';
import type { LocalOperations } from '../cli/database/local';
import { duration, hang, plural } from '../cli/terminal/terminal';
import { newRequestId, untilDone } from '../cli/until-done';
import type { Incident } from './incidents';
import type { Act, Stage } from './stage';

/** What a deployment does, for each database: compile, plan, converge, verify. */
export const deploy: Act = {
  title: 'Deploy: compile, plan, converge, and verify each migration before its commit',
  play: async (stage) => {
    const deployed: Deployed[] = [];
    for (const incident of stage.incidents) deployed.push(await deployOne(stage, incident));
    const migrations = deployed.reduce((sum, each) => sum + each.applied.length, 0);
    return {
      summary: [
        `${deployed.length} databases repaired by ${plural(migrations, 'migration')}, each verified before its commit and again after`,
      ],
      facts: { deployed },
    };
  },
};

interface Deployed {
  readonly database: string;
  readonly applied: readonly string[];
  readonly stoppedBy: readonly string[];
  readonly durationMs: number;
}

async function deployOne(stage: Stage, incident: Incident): Promise<Deployed> {
  const { out } = stage;
  const { colors } = out;
  const begun = Date.now();
  const operations = await stage.operations(incident);
  const plan = await operations.plan();
  let outcome = await converge(stage, operations);
  const stoppedBy = outcome.status === 'failed' ? (outcome.error.details ?? []) : [];
  if (outcome.status === 'failed' && outcome.error.code === 'preflight') {
    const { message, migration } = outcome.error;
    hang(
      out,
      `  ${colors.yellow('stopped')}  `,
      `${colors.bold(incident.database)} before ${migration}: ${message}`,
    );
    for (const sentence of stoppedBy) hang(out, '             - ', sentence);
    for (const { what, sql } of incident.byHand) {
      hang(out, `  ${colors.cyan('by hand')}  `, what);
      await stage.alone(incident, (client) => client.query(sql));
    }
    outcome = await converge(stage, operations);
  }
  if (outcome.status === 'failed') throw new Error(`${incident.database}: ${outcome.error.message}`);
  const { proved, findings, errors } = await operations.verify();
  if (findings.length + errors.length > 0) throw new Error(`${incident.database} does not verify`);
  // What was applied before it was stopped counts too.
  const applied = plan.steps.map((step) => step.migration);
  const durationMs = Date.now() - begun;
  const names = applied.map((name) => colors.dim(name)).join(', ');
  hang(
    out,
    `  ${colors.green('applied')}  `,
    `${colors.bold(incident.database)}: ${names}; ${proved.length} of ${applied.length} verified in ${duration(durationMs)}`,
  );
  return { database: incident.database, applied, stoppedBy, durationMs };
}

export async function converge(
  stage: Stage,
  operations: LocalOperations,
): Promise<Exclude<Outcome, { status: 'continue' }>> {
  const limits = { id: newRequestId(), timeoutMs: 60_000 };
  const { outcome } = await stage.progress.during(() => untilDone((slice) => operations.up(slice), limits));
  if (outcome.status === 'continue') throw new Error(`not finished in time: ${outcome.progress}`);
  return outcome;
}
