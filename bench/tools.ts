/** The tools that are measured, each as the process that its user starts. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { buildProgram } from '../lib/build/program';
import type { Folders } from './workload';

export interface Tool {
  readonly name: string;
  readonly version: string;
  /** Keeps a history, so that it can find nothing to do. */
  readonly history: boolean;
  command(url: string, folders: Folders): Command;
}

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const root = join(__dirname, '..');
const bin = (name: string): string => join(root, 'node_modules', '.bin', name);
const version = (name: string): string =>
  (JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')) as { version: string })
    .version;

/**
 * Trueup built, as npm delivers it; removed by `remove`.
 * @param cache where compiled folders are kept
 */
export async function buildTrueup(cache: string): Promise<{ tool: Tool; remove: () => void }> {
  const folder = mkdtempSync(join(root, 'node_modules', '.trueup-bench-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    await buildProgram(folder);
  } catch (error) {
    remove();
    throw error;
  }
  const tool: Tool = {
    name: 'trueup',
    version: (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version,
    history: true,
    command: (url, folders) => ({
      file: process.execPath,
      args: [join(folder, 'bin', 'trueup.js'), 'up', folders.dbmate, '--quiet'],
      // In CI nothing is kept: users have no CI.
      env: { DATABASE_URL: url, XDG_CACHE_HOME: cache, CI: '' },
    }),
  };
  return { tool, remove };
}

const dbmate: Tool = {
  name: 'dbmate',
  version: version('dbmate'),
  history: true,
  command: (url, { dbmate: folder }) => ({
    file: bin('dbmate'),
    args: ['--no-dump-schema', '-d', folder, '--url', withoutTls(url), 'migrate'],
  }),
};

const nodePgMigrate: Tool = {
  name: 'node-pg-migrate',
  version: version('node-pg-migrate'),
  history: true,
  command: (url, { nodePgMigrate: folder }) => ({
    file: bin('node-pg-migrate'),
    args: ['up', '-m', folder, '-j', 'sql', '--verbose', 'false'],
    env: { DATABASE_URL: url },
  }),
};

/** Null where there is no psql. */
export function findPsql(): Tool | null {
  const found = spawnSync('psql', ['--version'], { encoding: 'utf8' });
  if (found.status !== 0) return null;
  return {
    name: 'psql -f',
    version: found.stdout.match(/[\d.]+/)?.[0] ?? '?',
    history: false,
    command: (url, { psql }) => ({
      file: 'psql',
      args: ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', withoutTls(url), '-f', psql],
    }),
  };
}

export const peers: readonly Tool[] = [dbmate, nodePgMigrate];

function withoutTls(url: string): string {
  const plain = new URL(url);
  plain.searchParams.set('sslmode', 'disable');
  return plain.href;
}

export function start(command: Command): ChildProcess & { readonly words: () => string } {
  let words = '';
  const child = spawn(command.file, command.args, {
    env: { ...process.env, ...command.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // One group, so that a wrapper's own child can be ended with it.
    detached: true,
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text) => {
      words = `${words}${text}`.slice(-4_000);
    });
  }
  return Object.assign(child, { words: () => words });
}

/** Runs it to its end. @returns milliseconds of the whole process */
export async function run(command: Command): Promise<number> {
  const began = performance.now();
  const child = start(command);
  const code = await new Promise<number | null>((done, failed) => {
    child.once('error', failed);
    child.once('close', done);
  });
  if (code !== 0) throw new Error(`${command.file} ended with ${code}:\n${child.words()}`);
  return performance.now() - began;
}
