/** The compiler for CDK constructs, which are synchronous: WebAssembly is loaded asynchronously, so a child process does it. */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { extname, join } from 'node:path';
import type { Manifest } from '../../lambda/contract/manifest';
import type { CompileOptions } from './index';
import { CompileError } from './problem';
import type { Answer } from './sync-child';

/**
 * {@link compileFolder}, but blocking.
 * @throws {CompileError} with every problem of every file
 */
export function compileFolderSync(folder: string, { history, warn }: CompileOptions = {}): Manifest {
  const child = spawnSync(
    process.execPath,
    [...entry(), folder, ...(history === undefined ? [] : [history])],
    {
      encoding: 'utf8',
      // A folder of 10,000 migrations makes some twenty megabytes.
      maxBuffer: Number.POSITIVE_INFINITY,
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
    },
  );
  const answer = child.status === 0 ? parse(child.stdout) : undefined;
  if (!answer) throw new Error(failure(folder, child));
  if ('problems' in answer) throw new CompileError(folder, answer.problems);
  for (const warning of answer.warnings) warn?.(warning);
  return answer.manifest;
}

/** The child beside this file: JavaScript once built; TypeScript, through tsx, in the repository. */
function entry(): string[] {
  const file = join(__dirname, `sync-child${extname(__filename)}`);
  return extname(file) === '.ts' ? ['--require', createRequire(__filename).resolve('tsx/cjs'), file] : [file];
}

function parse(stdout: string): Answer | undefined {
  try {
    return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Answer;
  } catch {
    return undefined;
  }
}

function failure(folder: string, child: ReturnType<typeof spawnSync>): string {
  const how = child.error
    ? `could not be started (${child.error.message})`
    : child.signal
      ? `was ended by ${child.signal}`
      : `ended with exit code ${child.status}`;
  const words = String(child.stderr ?? '').trim();
  return `The process that compiles ${folder} ${how}.${words ? ` Its last output:\n${words.slice(-2_000)}` : ''}`;
}
