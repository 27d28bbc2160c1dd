/**
 * Shows the purpose of Trueup on a real database, with the five incidents that led to it. Every act calls the
 * code that the commands, the handlers and the pager call. A new act is a file here and a line in ACTS. Acts that need
 * a simulated AWS are only played by `npm start` (test/stage), which adds them to these.
 */
import { withScratchServer } from '../cli/database/own-server';
import { EXIT, type ExitCode } from '../cli/exit-codes';
import { printJson } from '../cli/terminal/json';
import { formatDuration, type Terminal } from '../cli/terminal/terminal';
import type { PostgresServer } from '../scratch-postgres/server';
import { deployAct } from './deploy-act';
import { driftAct } from './drift-act';
import { errorsAct } from './errors-act';
import { failedDeploymentsAct } from './failed-deployments-act';
import { INCIDENTS } from './incidents';
import { moveAct } from './move-act';
import { pageAct } from './page-act';
import { repeatAct } from './repeat-act';
import { type Act, type ActResult, createStage } from './stage';
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
];

export interface DemoOptions {
  /**
   * Acts to play after the others.
   * @default - none
   */
  readonly more?: readonly Act[];
  /**
   * PEM texts: the server's certificate and key, with which it uses TLS, and the certificate of the authority that
   * signed it.
   * @default - no TLS
   */
  readonly certificates?: { readonly ca: string; readonly cert: string; readonly key: string };
}

export async function playDemo(terminal: Terminal, options: DemoOptions = {}): Promise<ExitCode> {
  const begun = Date.now();
  const { more = [], certificates } = options;
  return withScratchServer(terminal, { tls: certificates }, async (server, own) => {
    await playActs(own, server, [...ACTS, ...more], begun, certificates?.ca);
    return EXIT.ok;
  });
}

async function playActs(
  terminal: Terminal,
  server: PostgresServer,
  acts: readonly Act[],
  begun: number,
  roots?: string,
): Promise<void> {
  const stage = createStage(terminal, { server, roots, incidents: INCIDENTS });
  const { out } = stage;
  const { bold } = out.colors;
  out.line(`Runs on a scratch server with PostgreSQL ${server.major}, which is removed at the end.`);
  const played: { title: string; result: ActResult }[] = [];
  for (const { title, play } of acts) {
    out.line();
    out.line(bold(`${played.length + 1}. ${title}`));
    played.push({ title, result: await play(stage) });
  }
  const durationMs = Date.now() - begun;
  out.line();
  out.line(bold(`In ${formatDuration(durationMs)}:`));
  for (const line of played.flatMap(({ result }) => result.summary)) out.line(`  - ${line}`);
  out.line();
  out.line(
    'Next: docs/migrations.md explains how to write a migration; `npx trueup --help` lists the commands.',
  );
  if (terminal.json) {
    const told = played.map(({ title, result }) => ({ title, ...result.facts }));
    printJson(terminal, { serverMajor: server.major, durationMs, acts: told });
  }
}
