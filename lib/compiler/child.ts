/** Work that needs PostgreSQL's parser, for callers that cannot wait: WebAssembly is loaded asynchronously, so a process does it. */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { extname } from 'node:path';

/**
 * The answer of a script of ours, which prints it as JSON on its last line.
 * @param script its path without the extension: JavaScript once built; TypeScript, through tsx, in the repository
 * @param doing e.g. `compiles migrations`, for an error's words
 * @throws {Error} where it ends without one
 */
export function answerOf<T>(script: string, args: readonly string[], doing: string): T {
  const child = spawnSync(process.execPath, [...entry(script), ...args], {
    encoding: 'utf8',
    // A folder of 10,000 migrations makes some twenty megabytes.
    maxBuffer: Number.POSITIVE_INFINITY,
    stdio: ['ignore', 'pipe', 'pipe'],
    windowsHide: true,
  });
  const answer = child.status === 0 ? parse<T>(child.stdout) : undefined;
  if (!answer) throw new Error(failure(doing, child));
  return answer;
}

/** Ours begins with a line feed: what a preloaded script prints is then not glued to it. */
export const giveAnswer = (answer: unknown): void => {
  process.stdout.write(`\n${JSON.stringify(answer)}\n`);
};

function entry(script: string): string[] {
  const file = script + extname(__filename);
  return extname(file) === '.ts' ? ['--require', createRequire(__filename).resolve('tsx/cjs'), file] : [file];
}

function parse<T>(stdout: string): T | undefined {
  try {
    return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as T;
  } catch {
    return undefined;
  }
}

function failure(doing: string, child: ReturnType<typeof spawnSync>): string {
  const how = child.error
    ? `could not be started (${child.error.message})`
    : child.signal
      ? `was ended by ${child.signal}`
      : `ended with exit code ${child.status}`;
  const words = String(child.stderr ?? '').trim();
  return `The process that ${doing} ${how}.${words ? ` Its last output:\n${words.slice(-2_000)}` : ''}`;
}
