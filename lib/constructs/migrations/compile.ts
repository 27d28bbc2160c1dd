import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Accepted } from '../../../lambda/contract/audit';
import { type Manifest, sha256 } from '../../../lambda/contract/manifest';
import type { WorkloadPromise } from '../../../lambda/contract/workload';
import { ACCEPT_EXAMPLE, AcceptProblem, readAccepted } from '../../audit/accepted';
import type { Problem } from '../../compiler/problem';
import { compileFolderSync } from '../../compiler/sync';
import { WorkloadFileError } from '../../workload/promise';
import { promiseOfFilesSync } from '../../workload/sync';
import { fault } from '../validation/check';

export interface CompiledFolder {
  readonly manifest: Manifest;
  readonly warnings: readonly Problem[];
}

const compiled = new Map<string, CompiledFolder>();

/**
 * The folder's manifest; compiled once a process for the same files, since an app often has a stack for each stage.
 * @param history the newest migration that was applied before Trueup was adopted
 * @throws {CompileError} with every problem of every file
 */
export function compileOnce(folder: string, history?: string): CompiledFolder {
  const contents = contentsOf(folder);
  const key = `${contents} ${history ?? ''}`;
  const known = compiled.get(key);
  if (known) return known;
  const warnings: Problem[] = [];
  const manifest = compileFolderSync(folder, { history, warn: (warning) => warnings.push(warning) });
  const result = { manifest, warnings };
  if (contents !== undefined) compiled.set(key, result);
  return result;
}

/** Undefined where something cannot be read: the compiler says what. */
function contentsOf(folder: string): string | undefined {
  try {
    const names = readdirSync(folder)
      .filter((name) => name.endsWith('.sql'))
      .sort();
    return sha256(JSON.stringify(names.map((name) => [name, readFileSync(join(folder, name), 'base64')])));
  } catch {
    return undefined;
  }
}

const promises = new Map<string, WorkloadPromise>();

/**
 * What the files promise; read once a process for the same contents.
 * @throws {Error} naming file and line of what cannot be used, and what to do
 */
export function promiseOnce(files: readonly string[]): WorkloadPromise {
  const key = contentsOfFiles(files);
  const known = key === undefined ? undefined : promises.get(key);
  if (known) return known;
  try {
    const promise = promiseOfFilesSync(files);
    if (key !== undefined) promises.set(key, promise);
    return promise;
  } catch (error) {
    if (!(error instanceof WorkloadFileError)) throw error;
    throw new Error(`workload must name files of statements to plan: ${error.message}. ${error.remedy}`, {
      cause: error,
    });
  }
}

/** The manifest with what the application promises. @throws {Error} as {@link promiseOnce} */
export const withWorkload = (manifest: Manifest, files?: string | readonly string[]): Manifest =>
  files === undefined ? manifest : { ...manifest, workload: promiseOnce([files].flat()) };

/** Undefined where one cannot be read: whoever reads it says so. */
function contentsOfFiles(files: readonly string[]): string | undefined {
  try {
    return sha256(JSON.stringify(files.map((file) => [file, readFileSync(file, 'base64')])));
  } catch {
    return undefined;
  }
}

/** @throws {Error} naming the file, and the line that cannot be read */
export function acceptedIn(file: string): readonly Accepted[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(
      `${fault('audit.accept', file, `must be the path of a file that can be read (${code})`)}.`,
      {
        cause: error,
      },
    );
  }
  try {
    return readAccepted(text);
  } catch (error) {
    if (!(error instanceof AcceptProblem)) throw error;
    throw new Error(`audit.accept: ${file}:${error.line}: ${error.message}. ${ACCEPT_EXAMPLE}`, {
      cause: error,
    });
  }
}
