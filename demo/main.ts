/**
 * `npm start`: shows the purpose of Trueup on a real server, with the five incidents that led to it. Every act calls the
 * code that the commands, the handlers and the pager call. With a folder and a database it does what `trueup up` does.
 */
import { Command } from 'commander';
import { withScratchServer } from '../lib/cli/database/own-server';
import { EXIT } from '../lib/cli/exit-codes';
import { main } from '../lib/cli/main';
import { withGlobals } from '../lib/cli/options';
import { setAction } from '../lib/cli/terminal/action';
import { printJson } from '../lib/cli/terminal/json';
import { formatDuration, type Terminal, watchOutput } from '../lib/cli/terminal/terminal';
import { suppressExpectedWarnings } from '../lib/cli/terminal/warnings';
import { makeCertificates } from '../test/support/certificates';
import { deployAct } from './deploy-act';
import { driftAct } from './drift-act';
import { errorsAct } from './errors-act';
import { failedDeploymentsAct } from './failed-deployments-act';
import { moveAct } from './move-act';
import { pageAct } from './page-act';
import { repeatAct } from './repeat-act';
import { rollbackAct } from './rollback-act';
import { type Act, type ActResult, Stage } from './stage';
import { workloadGuardAct } from './workload-guard-act';

const ACTS: readonly Act[] = [
  errorsAct,
  pageAct,
  deployAct,
  repeatAct,
  driftAct,
  failedDeploymentsAct,
  workloadGuardAct,
  moveAct,
  rollbackAct,
];

async function playActs(terminal: Terminal, stage: Stage, begun: number): Promise<void> {
  const { out, server } = stage;
  const { bold } = out.colors;
  out.line(`Runs on a scratch server with PostgreSQL ${server.major}, which is removed at the end.`);
  const played: (ActResult & { readonly title: string })[] = [];
  for (const { title, play } of ACTS) {
    out.line(bold(`\n${played.length + 1}. ${title}`));
    played.push({ title, ...(await play(stage)) });
  }
  const durationMs = Date.now() - begun;
  out.line(bold(`\nIn ${formatDuration(durationMs)}:`));
  for (const { summary } of played) if (summary !== undefined) out.line(`  - ${summary}`);
  out.line(
    '\nNext: docs/migrations.md explains how to write a migration; `npx trueup --help` lists the commands.',
  );
  if (!terminal.json) return;
  const acts = played.map(({ title, facts }) => ({ title, ...facts }));
  printJson(terminal, { serverMajor: server.major, durationMs, acts });
}

const program = withGlobals(new Command('npm start --'));
setAction(program, async (terminal) => {
  const begun = Date.now();
  watchOutput();
  suppressExpectedWarnings();
  // The deployed functions accept only a server whose certificate they can verify.
  const certificates = await makeCertificates();
  return withScratchServer(terminal, { tls: certificates }, async (server, own) => {
    await playActs(own, new Stage(own, server, certificates.ca), begun);
    return EXIT.ok;
  });
});

const args = process.argv.slice(2);
const isGlobal = (arg: string): boolean =>
  program.options.some(({ short, long }) => arg === short || arg === long);
void (args.every(isGlobal) ? program.parseAsync(args, { from: 'user' }) : main(['up', ...args]));
