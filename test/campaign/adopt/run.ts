/** Programs, without blocking: the servers are children of the same process. */
import { spawn } from 'node:child_process';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Half an hour for the longest folder. */
const GIVE_UP_MS = 30 * 60_000;

export function run(program: string, args: readonly string[], { cwd, env }: RunOptions = {}): Promise<Ran> {
  return new Promise((ran, failed) => {
    const child = spawn(program, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: GIVE_UP_MS,
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text;
    });
    child.once('error', failed);
    child.once('close', (code) => ran({ code: code ?? -1, stdout, stderr }));
  });
}

/** @throws {Error} with what it said, where it fails */
export async function succeed(program: string, args: readonly string[], options?: RunOptions): Promise<Ran> {
  const ran = await run(program, args, options);
  if (ran.code === 0) return ran;
  throw new Error(`${program} ${args[0]}: exit ${ran.code}\n${`${ran.stdout}${ran.stderr}`.slice(-3_000)}`);
}
