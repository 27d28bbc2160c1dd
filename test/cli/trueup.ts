/** The real program, as a process. */
import { type ChildProcess, execFile, type SpawnOptions, spawn } from 'node:child_process';
import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { inject } from 'vitest';
import { bundleProgram, writeStarter } from './bundle';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Another copy of it. */
  readonly program?: string;
}

const ROOT = join(__dirname, '../..');

const bundleFolder = inject('cacheFolder');

/** The environment without what would lead to another database, change the output, or leave files in somebody's home. */
export function cleanEnvironment(change: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(PG|DATABASE_URL$|NO_COLOR$|FORCE_COLOR$|CI$|NODE_OPTIONS$|VITEST)/.test(name),
  );
  return { ...Object.fromEntries(kept), XDG_CACHE_HOME: bundleFolder, ...change };
}

export interface Started {
  readonly child: ChildProcess;
  /** As far as it has come. */
  readonly output: { stdout: string; stderr: string };
  /** Code -1 for one that a signal ended. */
  readonly ended: Promise<Ran>;
}

/** A program that is looked at, or disturbed, while it runs. */
export function start(file: string, args: readonly string[], options: SpawnOptions): Started {
  const child = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  child.stdout!.on('data', (text) => {
    output.stdout += text;
  });
  child.stderr!.on('data', (text) => {
    output.stderr += text;
  });
  const ended = new Promise<Ran>((ran) =>
    child.once('close', (code) => ran({ code: code ?? -1, ...output })),
  );
  return { child, output, ended };
}

/** Arguments of `node` for the program in one file, which is made once a run: tests start it hundreds of times. */
export function command(): string[] {
  const program = join(bundleFolder, 'trueup.js');
  if (!existsSync(program)) {
    // Two test files may make it at the same time.
    const own = join(bundleFolder, `trueup-${process.pid}.js`);
    bundleProgram(own);
    renameSync(own, program);
  }
  return [program];
}

/** Arguments of `node` that run the same program sooner. */
function readyCommand(): string[] {
  const [program] = command();
  const starter = join(bundleFolder, 'start-trueup.cjs');
  if (!existsSync(starter)) {
    const own = join(bundleFolder, `start-trueup-${process.pid}.cjs`);
    writeStarter(own, program!);
    renameSync(own, starter);
  }
  return [starter];
}

export function trueup(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { cwd = ROOT, env, program } = options;
  return new Promise((ran) => {
    execFile(
      process.execPath,
      [...(program ? [program] : readyCommand()), ...args],
      { cwd, env: cleanEnvironment(env), maxBuffer: 16 * 1024 * 1024 },
      (error, stdout, stderr) => ran({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}
