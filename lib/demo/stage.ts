/** The objects that the acts of the demo share: a real server, and the five databases on it. */
import { mkdtempSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Client } from 'pg';
import type { GuaranteedWorkload } from '../../lambda/contract/workload';
import type { ConnectionTarget } from '../cli/database/connection';
import { createLocalOperations, type LocalOperations } from '../cli/database/local';
import { buildServerTarget } from '../cli/database/scratch';
import { compileMigrations } from '../cli/folder';
import { createProgressView, type ProgressView } from '../cli/terminal/progress';
import type { Stream, Terminal } from '../cli/terminal/terminal';
import type { PostgresServer } from '../scratch-postgres/server';
import type { Incident } from './incidents';

export interface Act {
  readonly title: string;
  /**
   * Plays the act.
   * @throws {Error} if the act does not show what it claims; the demo then fails
   */
  readonly play: (stage: Stage) => Promise<ActResult>;
}

export interface ActResult {
  /** Lines for the summary at the end. */
  readonly summary: readonly string[];
  /** The result of the act for `--json`. */
  readonly facts: Readonly<Record<string, unknown>>;
}

export interface Stage {
  /** Prints nothing with `--json`, where a single document is printed at the end. */
  readonly terminal: Terminal;
  readonly out: Stream;
  readonly progress: ProgressView;
  readonly server: PostgresServer;
  readonly incidents: readonly Incident[];
  /**
   * PEM of the authority that signed the server's certificate.
   * @default - the server does not use TLS
   */
  readonly roots?: string;
  /** Current length of the server's log, in bytes. `logLines` returns the lines after that position. */
  logSize(): number;
  logLines(from: number): string[];
  /** Creates a folder that is removed with the server, however that ends. */
  newFolder(): string;
  target(incident: Incident): ConnectionTarget;
  /** Returns the operations that `trueup` uses, for this folder or the incident's own. */
  operations(incident: Incident, folder?: string, workload?: GuaranteedWorkload): Promise<LocalOperations>;
  connect(incident: Incident): Promise<Client>;
  /** Runs `work` with one connection, and closes it afterwards. */
  alone<T>(incident: Incident, work: (client: Client) => Promise<T>): Promise<T>;
}

export function createStage(
  terminal: Terminal,
  { server, roots, incidents }: Pick<Stage, 'server' | 'roots' | 'incidents'>,
): Stage {
  const progress = createProgressView(terminal, { lasting: false });
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
    target: (incident) => buildServerTarget(server, incident.database, roots),
    operations: async (incident, folder = incident.folder, workload = undefined) =>
      createLocalOperations({
        target: stage.target(incident),
        manifest: { ...(await compileMigrations(folder)), workload },
        namespace: incident.database,
        progress: progress.report,
      }),
    connect: async (incident) => {
      const client = createClient(stage.target(incident));
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

/** Creates a connection like an application's, independent of PGOPTIONS. */
export const createClient = ({ pg }: ConnectionTarget): Client =>
  new Client({ ...pg, options: '-c client_min_messages=warning' });

/** Formats a statement on one line, shortened to fit. */
export function toOneLine(sql: string, columns: number): string {
  const text = sql.replace(/\s+/g, ' ').trim();
  return text.length > columns ? `${text.slice(0, columns - 3)}...` : text;
}
