/**
 * Child processes and folders that cannot outlive us: a small shell holds a pipe to this process, and when the pipe
 * closes, however this process ends, it ends the child with everything that the child started, or removes the folder.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface SupervisedOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where standard output and error go. @default - piped to `process` */
  readonly logFile?: string;
}

export interface Supervised {
  readonly process: ChildProcess;
  /** Ends the child and what it started: TERM, and KILL after five seconds. */
  stop(): Promise<void>;
  /** The exit status of the child. */
  readonly ended: Promise<number>;
}

// Everything is one process group. The traps keep the two shells alive through their own TERM; children start without
// them. Descriptor 3 is the pipe: a background command's standard input is /dev/null.
const SCRIPT = `
  trap : TERM
  exec 3<&0
  "$@" </dev/null 3<&- & child=$!
  { trap : TERM; read -r _ <&3; kill -s TERM -- -$$; sleep 5; kill -s KILL $child; kill -s KILL -- -$$; } 2>/dev/null & watch=$!
  wait $child; status=$?
  while kill -0 $child 2>/dev/null; do wait $child; status=$?; done
  trap '' TERM
  kill -s KILL $watch
  kill -s TERM -- -$$
  exit $status`;

export function supervised(command: readonly string[], options: SupervisedOptions): Supervised {
  const log = options.logFile === undefined ? ('pipe' as const) : openSync(options.logFile, 'a');
  const child = spawn('/bin/sh', ['-c', SCRIPT, 'sh', ...command], {
    cwd: options.cwd,
    env: options.env as NodeJS.ProcessEnv,
    stdio: ['pipe', log, log],
    detached: true,
  });
  if (typeof log === 'number') closeSync(log);
  child.stdin!.on('error', () => {});
  const ended = once(child, 'close').then(([code]) => (code as number | null) ?? 1);
  return {
    process: child,
    ended,
    stop: async () => {
      child.stdin!.end();
      await ended;
    },
  };
}

export interface Finished {
  readonly exitCode: number;
  /** Standard output and error, as printed. */
  readonly output: string;
}

/** Runs a command to its end; one that takes longer is ended, and `output` says so. */
export async function runToEnd(
  command: readonly string[],
  options: Omit<SupervisedOptions, 'logFile'> & { readonly timeoutMs: number },
): Promise<Finished> {
  const child = supervised(command, options);
  const chunks: Buffer[] = [];
  for (const stream of [child.process.stdout!, child.process.stderr!]) {
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  }
  const timer = setTimeout(() => {
    chunks.push(Buffer.from(`\n(ended by the test after ${options.timeoutMs} ms)\n`));
    void child.stop();
  }, options.timeoutMs);
  const exitCode = await child.ended;
  clearTimeout(timer);
  return { exitCode, output: Buffer.concat(chunks).toString('utf8') };
}

/** Longer than a supervised child is given to end: it may write until then. */
const JANITOR =
  'read -r word; test "$word" && exit; for second in 1 2 3 4 5 6 7; do rm -rf "$1"; sleep 1; done';

/** A new folder under the system's temporary one, gone after `remove()` or after this process. */
export function temporaryFolder(prefix: string): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), prefix));
  const janitor = spawn('/bin/sh', ['-c', JANITOR, 'sh', path], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  janitor.unref();
  (janitor.stdin as unknown as { unref(): void }).unref();
  janitor.stdin.on('error', () => {});
  return {
    path,
    remove: () => {
      rmSync(path, { recursive: true, force: true, maxRetries: 10 });
      janitor.stdin.end('removed\n');
    },
  };
}
