/** Workload files as what an application promises: part of the manifest. */
import { readFileSync, statSync } from 'node:fs';
import { makePromise } from '../../lambda/contract/manifest';
import type { WorkloadPromise } from '../../lambda/contract/workload';
import { readWorkload, WorkloadProblem } from './file';
import { questionsOf } from './rehearsal';
import { merge, type Workload, type WorkloadEntry } from './workload';

/** More is not planned before a commit anyway: the guard has a second and a half for it. */
export const MAX_STATEMENTS = 10_000;
/** Of their texts together: they travel to the database, and are part of the function's code. */
export const MAX_BYTES = 4 * 1024 * 1024;

/** Each statement once for each of its senders. @throws {WorkloadFileError} */
export function promiseOf(entries: readonly WorkloadEntry[], name = 'the workload'): WorkloadPromise {
  const statements = questionsOf(entries).map(({ text, role, searchPath, sender: { calls } }) => ({
    text,
    role,
    searchPath,
    calls,
  }));
  const bytes = statements.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
  if (statements.length > MAX_STATEMENTS || bytes > MAX_BYTES) {
    throw new WorkloadFileError(
      `${name} has ${statements.length.toLocaleString('en')} statements of ${Math.ceil(bytes / 1024).toLocaleString('en')} KiB; ${MAX_STATEMENTS.toLocaleString('en')} and ${(MAX_BYTES / 1024).toLocaleString('en')} KiB are the limits`,
      'Leave out what runs seldom: the lines `-- role …; calls …` say how often each was seen.',
    );
  }
  return makePromise(statements);
}

/** The parser must be ready. @throws {WorkloadFileError} */
export function readWorkloadFile(file: string): Workload {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (!stat?.isFile()) {
    throw new WorkloadFileError(
      stat
        ? `${file} is a ${stat.isDirectory() ? 'folder' : 'pipe or a device'}, not a file`
        : `there is no file ${file}`,
      'Give a workload file; `trueup workload` writes one.',
    );
  }
  return workloadFrom(readFileSync(file, 'utf8'), file);
}

/** @param file its name, for an error. @throws {WorkloadFileError} */
export function workloadFrom(text: string, file: string): Workload {
  try {
    return readWorkload(text);
  } catch (error) {
    if (!(error instanceof WorkloadProblem)) throw error;
    throw new WorkloadFileError(
      `${file}:${error.line}: ${error.message}`,
      'A workload holds SELECT, INSERT, UPDATE, DELETE and MERGE. Correct the statement, or take it out.',
    );
  }
}

/** Several files together. The parser must be ready. @throws {WorkloadFileError} */
export const promiseOfFiles = (files: readonly string[]): WorkloadPromise =>
  promiseOf(merge(files.map(readWorkloadFile)).entries, files.join(', '));

/** A workload file that cannot be used. */
export class WorkloadFileError extends Error {
  override readonly name = 'WorkloadFileError';
  constructor(
    message: string,
    readonly remedy: string,
  ) {
    super(message);
  }
}
