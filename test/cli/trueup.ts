/** The real program, as a process. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const ROOT = join(__dirname, '../..');

/** The environment without what would lead to another database, or change the output. */
export function cleanEnvironment(change: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(PG|DATABASE_URL$|NO_COLOR$|FORCE_COLOR$|CI$|NODE_OPTIONS$|VITEST)/.test(name),
  );
  return { ...Object.fromEntries(kept), ...change };
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly timeoutMs?: number;
}

export const COMMAND: readonly string[] = [
  '--import',
  require.resolve('tsx', { paths: [ROOT] }),
  join(ROOT, 'bin/trueup.ts'),
];

export function trueup(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return new Promise((ran) => {
    execFile(
      process.execPath,
      [...COMMAND, ...args],
      {
        cwd: options.cwd ?? ROOT,
        env: cleanEnvironment(options.env),
        timeout: options.timeoutMs ?? 50_000,
        maxBuffer: 16 * 1024 * 1024,
      },
      (error, stdout, stderr) => {
        const code = error ? ((error as { code?: number | string }).code as number) : 0;
        ran({ code, stdout, stderr });
      },
    );
  });
}
