/**
 * Runs a real temporary PostgreSQL server from npm, for `trueup check --run`, the demo and the tests.
 *
 * The server ends with this process, however that ends, and its files are removed: a small shell holds a pipe to this
 * process. When the pipe closes, the shell stops the server and removes the folder.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, fstatSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { listInstalledMajors } from './binaries';
import { makeDataDirectory, type ServerFiles } from './data-directory';

const START_TIMEOUT_MS = 30_000;

export interface PostgresServerOptions {
  /**
   * Major version.
   * @default - the newest that is installed
   */
  readonly major?: number;
  /** Server settings, e.g. `{ log_statement: 'all' }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /**
   * Name of the superuser.
   * @default - `postgres`
   */
  readonly superuser?: string;
  /**
   * PEM-encoded certificate and key. If set, connections without TLS are rejected.
   * @default - no TLS
   */
  readonly tls?: { readonly cert: string; readonly key: string };
}

export interface PostgresServer {
  readonly major: number;
  readonly host: string;
  readonly port: number;
  readonly superuser: string;
  readonly password: string;
  readonly dataDirectory: string;
  readonly logFile: string;
  /**
   * Returns a connection URL.
   * @param database `postgres` by default
   */
  url(database?: string, user?: string, password?: string): string;
  /**
   * Stops the server and starts it again on the same port. `immediate` simulates a crash, which is followed by
   * recovery.
   */
  restart(mode?: 'fast' | 'immediate'): Promise<void>;
  stopServer(mode?: 'fast' | 'immediate'): Promise<void>;
  startServer(): Promise<void>;
  /** Stops the server and removes its files. */
  stop(): Promise<void>;
}

export async function findFreePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((ready, failed) => probe.once('error', failed).listen(0, '127.0.0.1', ready));
  const { port } = probe.address() as { port: number };
  await new Promise((closed) => probe.close(closed));
  return port;
}

/**
 * Starts a server.
 * @throws {Error} with the server's own messages if it does not start
 */
export async function startPostgres(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const major = options.major ?? listInstalledMajors().at(-1) ?? 18;
  const superuser = options.superuser ?? 'postgres';
  const files = await makeDataDirectory(major, superuser, options.tls);
  try {
    const server = new EmbeddedServer(major, superuser, files, options);
    await server.startServer();
    return server;
  } catch (error) {
    rmSync(files.folder, { recursive: true, force: true });
    throw error;
  }
}

/**
 * Tells whether a log line reports the end of the server, and not only of one client: clients that connect during start
 * or recovery are also rejected with FATAL. Their lines have host and port in our prefix; a prefix that the caller sets
 * may lack them.
 */
const isServerFatal = (line: string): boolean =>
  /FATAL:/.test(line) && !/FATAL: +the database system is /.test(line) && !/^[^(]*\(\d+\):[^@]*@/.test(line);

const isSharedMemoryInUse = (line: string): boolean =>
  /FATAL: +pre-existing shared memory block .* is still in use/.test(line);

class EmbeddedServer implements PostgresServer {
  readonly host = '127.0.0.1';
  port = 0;
  private child: ChildProcess | undefined;
  /** Position in the log at which this start begins: older FATAL lines do not concern it. */
  private logStart = 0;

  readonly password: string;
  readonly dataDirectory: string;
  readonly logFile: string;

  constructor(
    readonly major: number,
    readonly superuser: string,
    private readonly files: ServerFiles,
    private readonly options: PostgresServerOptions,
  ) {
    this.password = files.password;
    this.dataDirectory = files.dataDirectory;
    this.logFile = join(files.folder, 'server.log');
  }

  url(database = 'postgres', user = this.superuser, password = this.password): string {
    const login = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;
    return `postgres://${login}@${this.host}:${this.port}/${encodeURIComponent(database)}`;
  }

  async startServer(): Promise<void> {
    // Another process may take the free port before the server does; the next attempt uses a different port.
    for (let [attempt, end] = [1, Date.now() + START_TIMEOUT_MS]; ; attempt++) {
      const port = this.port || (await findFreePort());
      if (await this.launch(port)) {
        this.port = port;
        return;
      }
      // After a stop, processes of the server may exist for a moment longer on a busy machine.
      if (Date.now() < end && this.log().some(isSharedMemoryInUse)) await sleep(100);
      else if (this.port || attempt === 5)
        throw new Error(`PostgreSQL ${this.major} did not start:\n${this.lastLines()}`);
    }
  }

  private async launch(port: number): Promise<boolean> {
    const settings: Record<string, string> = {
      listen_addresses: '127.0.0.1',
      port: String(port),
      unix_socket_directories: process.platform === 'win32' ? '' : this.files.folder,
      // No data outlives this process, so it need not survive a power failure. It does survive a crash of the server.
      fsync: 'off',
      full_page_writes: 'off',
      max_connections: '150',
      log_line_prefix: '%t:%r:%u@%d:[%p]:',
      log_timezone: 'UTC',
      timezone: 'UTC',
      ...(this.options.tls
        ? {
            ssl: 'on',
            ssl_cert_file: join(this.files.folder, 'server.crt'),
            ssl_key_file: join(this.files.folder, 'server.key'),
          }
        : {}),
      ...this.options.settings,
    };
    const args = [
      '-D',
      this.dataDirectory,
      ...Object.entries(settings).flatMap(([k, v]) => ['-c', `${k}=${v}`]),
    ];
    const log = openSync(this.logFile, 'a');
    this.logStart = fstatSync(log).size;
    const spawned = { cwd: this.files.folder, env: { ...process.env, LC_ALL: 'C' }, ...this.files.user };
    rmSync(join(this.dataDirectory, 'postmaster.pid'), { force: true });
    // The shell waits until its standard input closes: on stop(), or when this process ends. A word on the input
    // means that the files must stay (a restart).
    const script =
      '"$@" <&- & server=$!; read -r mode; test "$mode" && signal=$mode || signal=INT; ' +
      'kill -"$signal" $server 2>/dev/null; wait $server; test "$mode" || rm -rf "$PWD"';
    this.child =
      process.platform === 'win32'
        ? spawn(this.files.binaries.postgres, args, { ...spawned, stdio: ['pipe', log, log] })
        : spawn('/bin/sh', ['-c', script, 'sh', this.files.binaries.postgres, ...args], {
            ...spawned,
            detached: true,
            stdio: ['pipe', log, log],
          });
    closeSync(log);
    this.child.unref();
    (this.child.stdin as unknown as { unref(): void }).unref();
    return this.untilReady();
  }

  /** Waits until line 8 of postmaster.pid is `ready`, which does not depend on the log settings. */
  private async untilReady(): Promise<boolean> {
    const file = join(this.dataDirectory, 'postmaster.pid');
    let seen = false;
    for (const end = Date.now() + START_TIMEOUT_MS; Date.now() < end; await sleep(10)) {
      const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
      if (lines[7]?.trim() === 'ready') return true;
      if (seen && lines.length === 0) return false;
      seen ||= lines.length > 0;
      if (this.child?.exitCode != null || this.log().some(isServerFatal)) return false;
    }
    return false;
  }

  /** Returns the log of this start. */
  private log(): string[] {
    return readFileSync(this.logFile).subarray(this.logStart).toString('utf8').split('\n');
  }

  private lastLines(): string {
    return this.log().slice(-12).join('\n');
  }

  async stopServer(mode: 'fast' | 'immediate' = 'fast'): Promise<void> {
    await this.end(`${mode === 'fast' ? 'INT' : 'QUIT'}\n`);
  }

  async restart(mode: 'fast' | 'immediate' = 'fast'): Promise<void> {
    await this.stopServer(mode);
    await this.startServer();
  }

  async stop(): Promise<void> {
    await this.end('');
    rmSync(this.files.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  private async end(word: string): Promise<void> {
    const child = this.child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((done) => child.once('exit', () => done()));
    child.ref();
    if (process.platform === 'win32') child.kill();
    else child.stdin?.end(word);
    await ended;
  }
}
