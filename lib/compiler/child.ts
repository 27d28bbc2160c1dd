/**
 * Does work that needs PostgreSQL's parser for synchronous callers. WebAssembly loads asynchronously, so a child
 * process does the work.
 */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { codeRoot, isSource } from '../package';

/**
 * Runs one of our scripts, which prints its result as JSON on the last line, and returns the result.
 * @param script path below the root of the code, without the extension: JavaScript once built; TypeScript, through tsx,
 * in the repository
 * @param doing e.g. `compiles migrations`, for error messages
 * @throws {Error} if the script ends without a result
 */
export function runJsonScript<T>(script: string, args: readonly string[], doing: string): T {
  const child = spawnSync(process.execPath, [...buildNodeArgs(script), ...args], {
    encoding: 'utf8',
    // The result for a folder of 10,000 migrations has about twenty megabytes.
    maxBuffer: Number.POSITIVE_INFINITY,
    stdio: ['ignore', 'pipe', 'pipe'],
    windowsHide: true,
  });
  const answer = child.status === 0 ? parseLastLine<T>(child.stdout) : undefined;
  if (!answer) throw new Error(describeFailure(doing, child));
  return answer;
}

/** Prints the result after a line feed, so that it is not on one line with the output of a preloaded script. */
export const printJsonResult = (answer: unknown): void => {
  process.stdout.write(`\n${JSON.stringify(answer)}\n`);
};

function buildNodeArgs(script: string): string[] {
  const file = join(codeRoot(), script);
  return isSource()
    ? ['--require', createRequire(__filename).resolve('tsx/cjs'), `${file}.ts`]
    : [`${file}.js`];
}

function parseLastLine<T>(stdout: string): T | undefined {
  try {
    return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as T;
  } catch {
    return undefined;
  }
}

function describeFailure(doing: string, child: ReturnType<typeof spawnSync>): string {
  const how = child.error
    ? `could not be started (${child.error.message})`
    : child.signal
      ? `was ended by ${child.signal}`
      : `ended with exit code ${child.status}`;
  const words = String(child.stderr ?? '').trim();
  return `The process that ${doing} ${how}.${words ? ` Its last output:\n${words.slice(-2_000)}` : ''}`;
}
