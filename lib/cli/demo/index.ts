/**
 * The main job: what Trueup is for, on a real database, from the five incidents that it was made from. Every act calls
 * what the commands call. A new act is a file here and a line in ACTS.
 */
import { INCIDENTS } from '../../local/incidents';
import { startPostgres } from '../../local/postgres-server';
import { EXIT, type ExitCode } from '../exit-codes';
import { printJson } from '../json';
import { duration, type Terminal } from '../terminal';
import { again } from './again';
import { broken } from './broken';
import { deploy } from './deploy';
import { drift } from './drift';
import { errors } from './errors';
import { type Act, type ActResult, setStage } from './stage';

const ACTS: readonly Act[] = [errors, deploy, again, drift, broken];

export async function playDemo(terminal: Terminal): Promise<ExitCode> {
  const begun = Date.now();
  const server = await startPostgres();
  try {
    const stage = setStage(terminal, server, INCIDENTS);
    const { out } = stage;
    const { colors } = out;
    out.line(
      `A real PostgreSQL ${server.major} was started for this, at ${server.host}:${server.port}; it goes when this ends.`,
    );
    const played: { title: string; result: ActResult }[] = [];
    for (const { title, play } of ACTS) {
      out.line();
      out.line(colors.bold(`${played.length + 1}. ${title}`));
      played.push({ title, result: await play(stage) });
    }
    const durationMs = Date.now() - begun;
    out.line();
    out.line(colors.bold(`In ${duration(durationMs)}, on PostgreSQL ${server.major}:`));
    for (const line of played.flatMap(({ result }) => result.summary)) out.line(`  - ${line}`);
    out.line();
    out.line('Next: `npx trueup new add_email` in your own project, or read docs/migrations.md.');
    if (terminal.json) {
      const acts = played.map(({ title, result }) => ({ title, ...result.facts }));
      printJson(terminal, { serverMajor: server.major, durationMs, acts });
    }
    return EXIT.ok;
  } finally {
    await server.stop();
  }
}
