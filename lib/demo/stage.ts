/** What the acts of the main job share: a real server, and the five databases on it. */
import { mkdtempSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Client } from 'pg';
import type { WorkloadPromise } from '../../lambda/contract/workload';
import type { ConnectionTarget } from '../cli/database/connection';
import { type LocalOperations, localOperations } from '../cli/database/local';
import { serverTarget } from '../cli/database/scratch';
import { compile } from '../cli/folder';
import { type ProgressView, progressView } from '../cli/terminal/progress';
import type { Stream, Terminal } from '../cli/terminal/terminal';
import type { PostgresServer } from '../scratch-postgres/server';
import type { Incident } from './incidents';

export interface Act {
  readonly title: string;
  /** @throws {Error} when what it shows is not so: then the main job fails */
  readonly play: (stage: Stage) => Promise<ActResult>;
}

export interface ActResult {
  /** Lines of the summary at the end. */
  readonly summary: readonly string[];
  /** The same for `--json`. */
  readonly facts: Readonly<Record<string, unknown>>;
}

export interface Stage {
  /** With `--json` it prints nothing: the document at the end says it all. */
  readonly terminal: Terminal;
  readonly out: Stream;
  readonly progress: ProgressView;
  readonly server: PostgresServer;
  readonly incidents: readonly Incident[];
  /** PEM of the authority that signed the server's certificate. @default - the server speaks no TLS */
  readonly roots?: string;
  /** How long the server's log is by now, and its lines from there on. */
  logSize(): number;
  logLines(from: number): string[];
  /** A new folder that goes when the server goes, however that ends. */
  newFolder(): string;
  target(incident: Incident): ConnectionTarget;
  /** The same calls that `trueup` makes, for this folder or the incident's own. */
  operations(incident: Incident, folder?: string, workload?: WorkloadPromise): Promise<LocalOperations>;
  connect(incident: Incident): Promise<Client>;
  /** One connection for the length of `work`. */
  alone<T>(incident: Incident, work: (client: Client) => Promise<T>): Promise<T>;
}

export function setStage(
  terminal: Terminal,
  { server, roots, incidents }: Pick<Stage, 'server' | 'roots' | 'incidents'>,
): Stage {
  const progress = progressView(terminal, { lasting: false });
  const out: Stream = terminal.json ? { ...terminal.out, line: () => {}, write: () => {} } : terminal.out;
  const stage: Stage = {
    terminal: { ...terminal, out },
    out,
    progress,
    server,
    roots,
    incidents,
    logSize: () => statSync(server.logFile).size,
    logLines: (from) => readFileSync(server.logFile).subarray(from).toString('utf8').trimEnd().split('\n'),
    newFolder: () => mkdtempSync(join(dirname(server.dataDirectory), 'folder-')),
    target: (incident) => serverTarget(server, incident.database, roots),
    operations: async (incident, folder = incident.folder, workload = undefined) =>
      localOperations({
        target: stage.target(incident),
        manifest: { ...(await compile(folder)), workload },
        namespace: incident.database,
        progress: progress.report,
      }),
    connect: async (incident) => {
      const client = clientFor(stage.target(incident));
      client.on('error', () => {});
      await client.connect();
      return client;
    },
    alone: async (incident, work) => {
      const client = await stage.connect(incident);
      try {
        return await work(client);
      } finally {
        await client.end();
      }
    },
  };
  return stage;
}

/** An application's connection, whatever PGOPTIONS says here. */
export const clientFor = ({ pg }: ConnectionTarget): Client =>
  new Client({ ...pg, options: '-c client_min_messages=warning' });

/** A statement on one line, cut to fit. */
export function oneLine(sql: string, columns: number): string {
  const text = sql.replace(/\s+/g, ' ').trim();
  return text.length > columns ? `${text.slice(0, columns - 3)}...` : text;
}
