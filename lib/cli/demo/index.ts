/**
 * The main job: what Trueup is for, on a real database, from the five incidents that it was made from. Every act calls
 * what the commands, the handlers and the pager call. A new act is a file here and a line in ACTS.
 */
import { makeCertificates } from '../../local/certificates';
import { INCIDENTS } from '../../local/incidents';
import type { PostgresServer } from '../../local/postgres-server';
import { EXIT, type ExitCode } from '../exit-codes';
import { printJson } from '../json';
import { withOwnServer } from '../own-server';
import { duration, type Terminal } from '../terminal';
import { again } from './again';
import { broken } from './broken';
import { deploy } from './deploy';
import { drift } from './drift';
import { errors } from './errors';
import { page } from './page';
import { rollback } from './rollback';
import { type Act, type ActResult, setStage } from './stage';

const ACTS: readonly Act[] = [errors, page, deploy, again, drift, broken, rollback];

export async function playDemo(terminal: Terminal): Promise<ExitCode> {
  const begun = Date.now();
  const { ca, cert, key } = await makeCertificates();
  return withOwnServer(terminal, { tls: { cert, key } }, async (server, own) => {
    await playActs(own, server, ca, begun);
    return EXIT.ok;
  });
}

async function playActs(
  terminal: Terminal,
  server: PostgresServer,
  roots: string,
  begun: number,
): Promise<void> {
  const stage = setStage(terminal, { server, roots, incidents: INCIDENTS });
  const { out } = stage;
  const { bold } = out.colors;
  out.line(`On a PostgreSQL ${server.major} of its own, started for this and gone when it ends.`);
  const played: { title: string; result: ActResult }[] = [];
  for (const { title, play } of ACTS) {
    out.line();
    out.line(bold(`${played.length + 1}. ${title}`));
    played.push({ title, result: await play(stage) });
  }
  const durationMs = Date.now() - begun;
  out.line();
  out.line(bold(`In ${duration(durationMs)}:`));
  for (const line of played.flatMap(({ result }) => result.summary)) out.line(`  - ${line}`);
  out.line();
  out.line(
    'Next: docs/migrations.md says how to write one of your own, `npx trueup --help` what the commands are.',
  );
  if (terminal.json) {
    const acts = played.map(({ title, result }) => ({ title, ...result.facts }));
    printJson(terminal, { serverMajor: server.major, durationMs, acts });
  }
}
