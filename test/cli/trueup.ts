/** The real program, as a process or in that of the test. */
import { type ChildProcess, execFile, type SpawnOptions, spawn } from 'node:child_process';
import type { EventEmitter } from 'node:events';
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { createRequire, wrap } from 'node:module';
import { dirname, join } from 'node:path';
import { Script } from 'node:vm';
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
  /** Whether it gets a process in any case. @default false */
  readonly ownProcess?: boolean;
}

const ROOT = join(__dirname, '../..');

const bundleFolder = inject('cacheFolder');
/** That of the test, while a command runs in this process with an environment of its own. */
let testEnvironment: NodeJS.ProcessEnv | undefined;

/** The environment without what would lead to another database, change the output, or leave files in somebody's home. */
export function cleanEnvironment(change: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(testEnvironment ?? process.env).filter(
    ([name]) =>
      !/^(PG|DATABASE_URL$|NO_COLOR$|FORCE_COLOR$|CI$|NODE_OPTIONS$|VITEST|COMMANDS_IN_PROCESS$)/.test(name),
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

/** Makes a file once a run. Two test files may make it at the same time. */
function makeOnce(name: string, make: (file: string) => void): string {
  const file = join(bundleFolder, name);
  if (!existsSync(file)) {
    const own = join(bundleFolder, `${process.pid}-${name}`);
    make(own);
    renameSync(own, file);
  }
  return file;
}

/** Arguments of `node` for the program in one file: tests start it hundreds of times. */
export const command = (): string[] => [makeOnce('trueup.js', (file) => bundleProgram(file))];

/** Arguments of `node` that run the same program sooner. */
const readyCommand = (): string[] => [
  makeOnce('start-trueup.cjs', (file) => writeStarter(file, command()[0]!)),
];

let script: { readonly file: string; readonly compiled: Script } | undefined;

/** The program with modules of its own, as a process has them; only packages are loaded once. */
function loadProgram(): { main(args: readonly string[]): Promise<void> } {
  if (!script) {
    const file = makeOnce('main.js', (made) => bundleProgram(made, 'lib/cli/main'));
    script = { file, compiled: new Script(wrap(readFileSync(file, 'utf8')), { filename: file }) };
  }
  const { file, compiled } = script;
  const module = { exports: {} };
  compiled.runInThisContext()(module.exports, createRequire(file), module, file, dirname(file));
  return module.exports as ReturnType<typeof loadProgram>;
}

/** What the program listens to, until its process ends. */
const LISTENED: readonly (readonly [EventEmitter, event: string])[] = [
  [process, 'SIGINT'],
  [process, 'SIGTERM'],
  [process.stdout, 'error'],
  [process.stderr, 'error'],
];

function setEnvironment(env: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(process.env)) if (env[name] === undefined) delete process.env[name];
  for (const [name, value] of Object.entries(env)) if (value !== undefined) process.env[name] = value;
}

/** Runs the program in this process, with the environment, folder and output of one of its own. */
async function runHere(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<Ran> {
  const { stdout, stderr, emitWarning, exitCode } = process;
  const before = { cwd: process.cwd(), env: { ...process.env }, out: stdout.write, err: stderr.write };
  const listeners = LISTENED.map(([emitter, event]) => emitter.listeners(event));
  const output = { stdout: '', stderr: '' };
  const writeTo =
    (name: keyof typeof output) =>
    (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
      output[name] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8');
      const written = rest.at(-1);
      if (typeof written === 'function') written();
      return true;
    };
  testEnvironment = before.env;
  try {
    setEnvironment(env);
    process.exitCode = undefined;
    process.chdir(cwd);
    stdout.write = writeTo('stdout');
    stderr.write = writeTo('stderr');
    await loadProgram().main(args);
    return { code: Number(process.exitCode ?? 0), ...output };
  } finally {
    setEnvironment(before.env);
    Object.assign(process, { exitCode, emitWarning });
    Object.assign(stdout, { write: before.out });
    Object.assign(stderr, { write: before.err });
    process.chdir(before.cwd);
    for (const [i, [emitter, event]] of LISTENED.entries())
      for (const each of emitter.listeners(event) as (() => void)[])
        if (!listeners[i]!.includes(each)) emitter.off(event, each);
    testEnvironment = undefined;
  }
}

/**
 * Runs the program. Where `COMMANDS_IN_PROCESS` is set (`npm test`), it runs in this process, since starting one takes most
 * of the time of a short command; several at the same time have a process each.
 */
export function trueup(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { cwd = ROOT, env = {}, program, ownProcess } = options;
  // Node.js reads variables of its own when it starts.
  const setsNode = Object.keys(env).some((name) => name.startsWith('NODE_'));
  const needsProcess = ownProcess || program || testEnvironment || setsNode;
  if (process.env.COMMANDS_IN_PROCESS && !needsProcess) return runHere(args, cwd, cleanEnvironment(env));
  return new Promise((ran) => {
    execFile(
      process.execPath,
      [...(program ? [program] : readyCommand()), ...args],
      { cwd, env: cleanEnvironment(env), maxBuffer: 16 * 1024 * 1024 },
      (error, stdout, stderr) => ran({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}
