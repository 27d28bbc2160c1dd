/** PgBouncer in front of a test's server, where it is installed (Debian and Ubuntu: package `pgbouncer`). */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { connect as dial } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findFreePort } from '../../lib/scratch-postgres/server';
import { temporaryFolder } from './processes';

export const PGBOUNCER_INSTALLED = spawnSync('pgbouncer', ['--version']).status === 0;

export interface PgBouncer {
  /** The same database, through the pooler. */
  url(direct: string): string;
  stop(): Promise<void>;
}

/** @param ignored startup parameters that it swallows and does not refuse */
export async function startPgBouncer(
  server: string,
  mode: 'session' | 'transaction' | 'statement',
  ignored: string,
): Promise<PgBouncer> {
  const { hostname, port, username, password } = new URL(server);
  const listen = await findFreePort();
  const folder = temporaryFolder();
  const file = join(folder, 'pgbouncer.ini');
  writeFileSync(
    file,
    `[databases]
* = host=${hostname} port=${port} user=${username} password=${decodeURIComponent(password)}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${listen}
unix_socket_dir =
auth_type = any
pool_mode = ${mode}
ignore_startup_parameters = ${ignored}
default_pool_size = 6
`,
  );
  // It refuses to run as root.
  const root = process.getuid?.() === 0;
  if (root)
    for (const [path, bits] of [
      [folder, 0o755],
      [file, 0o644],
    ] as const)
      chmodSync(path, bits);
  const child = spawn('pgbouncer', ['-q', ...(root ? ['-u', 'nobody'] : []), file], { stdio: 'ignore' });
  const ended = new Promise<void>((done) => child.once('close', () => done()));
  process.once('exit', () => child.kill('SIGKILL'));
  for (const end = Date.now() + 10_000; !(await listens(listen)); await sleep(50))
    if (Date.now() > end) throw new Error('PgBouncer did not start');
  return {
    url: (direct) => {
      const url = new URL(direct);
      url.port = String(listen);
      return url.href;
    },
    stop: () => {
      child.kill('SIGKILL');
      return ended;
    },
  };
}

const listens = (port: number): Promise<boolean> =>
  new Promise((answer) => {
    const socket = dial(port, '127.0.0.1');
    socket.once('connect', () => answer(true)).once('error', () => answer(false));
    socket.once('connect', () => socket.destroy());
  });
