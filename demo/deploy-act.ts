import { formatCount, formatDuration, printHanging } from '../lib/cli/terminal/terminal';
import { INCIDENTS, type Incident } from '../test/incidents';
import type { Act, Stage } from './stage';

/** Shows the steps of a deployment for each database: compile, plan, converge, verify. */
export const deployAct: Act = {
  title: 'Deploy: compile, plan, converge, and verify each migration before its commit',
  play: async (stage) => {
    const deployed: Awaited<ReturnType<typeof deployIncident>>[] = [];
    for (const incident of INCIDENTS) deployed.push(await deployIncident(stage, incident));
    const count = deployed.reduce((sum, { applied }) => sum + applied.length, 0);
    return {
      summary: `${deployed.length} databases repaired by ${formatCount(count, 'migration')}, each verified before its commit and again after`,
      facts: { deployed },
    };
  },
};

async function deployIncident(stage: Stage, incident: Incident) {
  const { bold, dim } = stage.out.colors;
  const { database, byHand } = incident;
  const begun = Date.now();
  const operations = await stage.openOperations(incident.folder);
  // Includes the migrations that are applied before the deployment stops.
  const applied = (await operations.plan()).steps.map(({ migration }) => migration);
  let outcome = await stage.deploy(operations);
  let stoppedBy: readonly string[] = [];
  if (outcome.status === 'failed' && outcome.error.code === 'preflight') {
    const { message, migration, details = [] } = outcome.error;
    stoppedBy = details;
    stage.say('stopped', `${bold(database)} before ${migration}: ${message}`, 'yellow');
    for (const sentence of details) printHanging(stage.out, '             - ', sentence);
    for (const { what, sql } of byHand) {
      stage.say('by hand', what, 'cyan');
      await stage.withClient(database, (client) => client.query(sql));
    }
    outcome = await stage.deploy(operations);
  }
  if (outcome.status === 'failed') throw new Error(`${database}: ${outcome.error.message}`);
  const { verified, findings, errors } = await operations.verify();
  if (findings.length + errors.length > 0) throw new Error(`${database} does not verify`);
  const durationMs = Date.now() - begun;
  stage.say(
    'applied',
    `${bold(database)}: ${applied.map(dim).join(', ')}; ${verified.length} of ${applied.length} verified in ${formatDuration(durationMs)}`,
  );
  return { database, applied, stoppedBy, durationMs };
}
