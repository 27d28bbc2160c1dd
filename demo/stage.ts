/** The server of the demo and its databases, as the acts use them. */
import { cpSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Client } from 'pg';
import type { ConvergeOutcome } from '../lambda/contract/converge';
import type { GuaranteedWorkload } from '../lambda/contract/workload';
import type { ConnectionTarget } from '../lib/cli/database/connection';
import { createLocalOperations, type LocalOperations } from '../lib/cli/database/local';
import { applyAllMigrations, buildServerTarget } from '../lib/cli/database/scratch';
import { compileMigrations } from '../lib/cli/folder';
import { printHanging, type Stream, type Terminal } from '../lib/cli/terminal/terminal';
import type { PostgresServer } from '../lib/scratch-postgres/server';

export interface Act {
  readonly title: string;
  /**
   * Plays the act.
   * @throws {Error} if the act does not show what it claims; the demo then fails
   */
  readonly play: (stage: Stage) => Promise<ActResult>;
}

export interface ActResult {
  /**
   * The line for the summary at the end.
   * @default - none
   */
  readonly summary?: string;
  /** The result of the act for `--json`. */
  readonly facts: Readonly<Record<string, unknown>>;
}

type Deployed = Exclude<ConvergeOutcome, { status: 'continue' }>;

const INDENT = '    ';

export class Stage {
  /** Prints nothing with `--json`, where a single document is printed at the end. */
  readonly out: Stream;
  /** Prints the output and the errors of a command as part of an act. */
  readonly indented: Terminal;

  /** @param roots PEM of the authority that signed the server's certificate */
  constructor(
    terminal: Terminal,
    readonly server: PostgresServer,
    readonly roots: string,
  ) {
    const { json, out } = terminal;
    this.out = json ? { ...out, line: () => {}, write: () => {} } : out;
    const shifted: Stream = {
      ...this.out,
      columns: out.columns - INDENT.length,
      line: (text = '') => this.out.line(text && INDENT + text),
    };
    this.indented = { ...terminal, out: shifted, err: shifted };
  }

  /** Prints what happened as a colored word, and the details beside it. */
  say(word: string, text: string, color: 'green' | 'yellow' | 'cyan' = 'green'): void {
    printHanging(this.out, `  ${this.out.colors[color](word.padEnd(7))}  `, text);
  }

  /** Returns the current length of the server's log in bytes. `readLog` returns the lines after that position. */
  measureLog = (): number => statSync(this.server.logFile).size;

  readLog = (from: number): string[] =>
    readFileSync(this.server.logFile).subarray(from).toString('utf8').trimEnd().split('\n');

  /** Creates a folder that is removed with the server. */
  createFolder = (): string => mkdtempSync(join(dirname(this.server.dataDirectory), 'folder-'));

  /** Copies a folder of migrations and adds these files, by name. */
  copyFolder(folder: string, files: Readonly<Record<string, string>>): string {
    const copy = join(this.createFolder(), basename(folder));
    cpSync(folder, copy, { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(copy, name), text);
    return copy;
  }

  target(database: string): ConnectionTarget {
    const target = buildServerTarget(this.server, database);
    return { ...target, pg: { ...target.pg, ssl: { ca: this.roots } } };
  }

  /** Connects like an application, independent of PGOPTIONS. */
  async connect(database: string): Promise<Client> {
    const { pg } = this.target(database);
    const client = new Client({ ...pg, options: '-c client_min_messages=warning' });
    client.on('error', () => {});
    await client.connect();
    return client;
  }

  /** Runs `work` with one connection, and closes it afterwards. */
  async withClient<T>(database: string, work: (client: Client) => Promise<T>): Promise<T> {
    const client = await this.connect(database);
    return work(client).finally(() => client.end());
  }

  async createDatabase(database: string, seed: (client: Client) => Promise<unknown>): Promise<void> {
    await this.withClient('postgres', (client) => client.query(`CREATE DATABASE "${database}"`));
    await this.withClient(database, seed);
  }

  /** Returns the operations that `trueup` uses, for a folder that is named like the database. */
  async openOperations(folder: string, workload?: GuaranteedWorkload): Promise<LocalOperations> {
    const namespace = basename(folder);
    return createLocalOperations({
      target: this.target(namespace),
      manifest: { ...(await compileMigrations(folder)), workload },
      namespace,
    });
  }

  /** Deploys like `trueup up`. */
  async deploy(operations: LocalOperations): Promise<Deployed> {
    const { outcome } = await applyAllMigrations(operations);
    if (outcome.status === 'continue') throw new Error(`not finished in time: ${outcome.progress}`);
    return outcome;
  }
}
