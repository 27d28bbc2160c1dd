import { buildServerTarget } from '../cli/database/scratch';
import { formatCount } from '../cli/terminal/terminal';
import { reproduceErrors } from './incidents';
import { type Act, createClient, type Stage, toOneLine } from './stage';

/** Creates the five databases as their incidents found them, with data, and shows the error of each. */
export const errorsAct: Act = {
  title: 'Five databases that are not what their applications expect',
  play: async (stage) => {
    await createDatabases(stage);
    const { out } = stage;
    const { colors } = out;
    const reproduced: { database: string; sql: string; sqlstate: string; message: string }[] = [];
    for (const incident of stage.incidents) {
      out.line(`  ${colors.bold(incident.database)}: ${incident.title}`);
      const failures = await stage.alone(incident, (client) => reproduceErrors(client, incident));
      for (const [i, { statement, sqlstate, message }] of failures.entries()) {
        if (sqlstate !== statement.sqlstate) throw new Error(`${sqlstate} instead of ${statement.sqlstate}`);
        reproduced.push({ database: incident.database, sql: statement.sql, sqlstate, message });
        // The page describes the errors that follow in the aborted transaction.
        if (sqlstate === failures[i - 1]?.sqlstate || sqlstate === '25P02') continue;
        const same = failures.filter((other) => other.sqlstate === sqlstate).length - 1;
        out.line(`    ${colors.dim(toOneLine(statement.sql, 100))}`);
        out.line(`    ${colors.red('ERROR')} ${sqlstate}: ${message}`);
        if (same > 0) out.line(`    ${colors.dim(`and the same from ${formatCount(same, 'other table')}`)}`);
      }
    }
    return { summary: [], facts: { errors: reproduced } };
  },
};

async function createDatabases({ server, roots, incidents, connect }: Stage): Promise<void> {
  const client = createClient(buildServerTarget(server, 'postgres', roots));
  await client.connect();
  try {
    for (const { database } of incidents) await client.query(`CREATE DATABASE "${database}"`);
  } finally {
    await client.end();
  }
  await Promise.all(
    incidents.map(async (incident) => {
      const seeding = await connect(incident);
      await incident.seed(seeding).finally(() => seeding.end());
    }),
  );
}
