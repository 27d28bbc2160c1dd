/**
 * What Trueup is for, on a real database, from the five incidents that it was made from. Every act calls what the
 * commands, the handlers and the pager call. A new act is a file here and a line in ACTS. What needs a stand-in for AWS
 * is played by `npm start` alone (test/stage), which adds its acts to these.
 */
import { withOwnServer } from '../cli/database/own-server';
import { EXIT, type ExitCode } from '../cli/exit-codes';
import { printJson } from '../cli/terminal/json';
import { duration, type Terminal } from '../cli/terminal/terminal';
import type { PostgresServer } from '../scratch-postgres/server';
import { again } from './again';
import { broken } from './broken';
import { deploy } from './deploy';
import { drift } from './drift';
import { errors } from './errors';
import { guarded } from './guarded';
import { INCIDENTS } from './incidents';
import { moved } from './moved';
import { page } from './page';
import { type Act, type ActResult, setStage } from './stage';

const ACTS: readonly Act[] = [errors, page, deploy, again, drift, broken, guarded, moved];

export interface DemoOptions {
  /** Played after the others. @default - none */
  readonly more?: readonly Act[];
  /** PEM: of the server, which then speaks TLS, and of the authority that signed it. @default - no TLS */
  readonly certificates?: { readonly ca: string; readonly cert: string; readonly key: string };
}

export async function playDemo(terminal: Terminal, options: DemoOptions = {}): Promise<ExitCode> {
  const begun = Date.now();
  const { more = [], certificates } = options;
  return withOwnServer(terminal, { tls: certificates }, async (server, own) => {
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
  const stage = setStage(terminal, { server, roots, incidents: INCIDENTS });
  const { out } = stage;
  const { bold } = out.colors;
  out.line(`On a PostgreSQL ${server.major} of its own, started for this and gone when it ends.`);
  const played: { title: string; result: ActResult }[] = [];
  for (const { title, play } of acts) {
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
    const told = played.map(({ title, result }) => ({ title, ...result.facts }));
    printJson(terminal, { serverMajor: server.major, durationMs, acts: told });
  }
}
