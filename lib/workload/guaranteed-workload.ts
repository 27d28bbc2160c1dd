/** Builds the guaranteed workload, which is part of the manifest, from workload files. */
import { readFileSync, type Stats, statSync } from 'node:fs';
import { makeGuaranteedWorkload } from '../../lambda/contract/manifest';
import type { GuaranteedWorkload } from '../../lambda/contract/workload';
import { mergeWorkloads, type Workload, type WorkloadEntry } from './collect-workload';
import { readWorkload, WorkloadProblem } from './file';
import { listStatementUses } from './workload-check';

/** Maximum number of statements. More could not be planned before a commit anyway: the guard has 1.5 seconds for it. */
const MAX_STATEMENTS = 10_000;
/**
 * Maximum size of all statement texts together. They are sent to the database, and they are part of the function's
 * code.
 */
const MAX_WORKLOAD_BYTES = 4 * 1024 * 1024;
/** Maximum size of one file, including its comments. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;

/**
 * Returns each statement once for each of its senders.
 * @throws {WorkloadFileError} if there are too many statements or their texts are too long
 */
export function buildGuaranteedWorkload(
  entries: readonly WorkloadEntry[],
  name = 'the workload',
): GuaranteedWorkload {
  const statements = listStatementUses(entries).map(({ text, role, searchPath, sender: { calls } }) => ({
    text,
    role,
    searchPath,
    calls,
  }));
  const bytes = statements.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
  if (statements.length > MAX_STATEMENTS || bytes > MAX_WORKLOAD_BYTES) {
    throw new WorkloadFileError(
      `${name} has ${statements.length.toLocaleString('en')} statements of ${Math.ceil(bytes / 1024).toLocaleString('en')} KiB; ${MAX_STATEMENTS.toLocaleString('en')} and ${(MAX_WORKLOAD_BYTES / 1024).toLocaleString('en')} KiB are the limits`,
      'Remove rarely used statements: the lines `-- role …; calls …` show how often each was called.',
    );
  }
  return makeGuaranteedWorkload(statements);
}

/**
 * Checks that the file exists, is a regular file and is not too large, before anything is read or parsed.
 * @throws {WorkloadFileError}
 */
export function requireWorkloadFile(file: string): void {
  const remedy = 'Give a workload file; `trueup workload` writes one.';
  let stat: Stats | undefined;
  try {
    stat = statSync(file, { throwIfNoEntry: false });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ELOOP' ? 'its symbolic links form a loop' : code;
    throw new WorkloadFileError(`${file} cannot be read: ${why}`, remedy);
  }
  if (!stat) throw new WorkloadFileError(`there is no file ${file}`, remedy);
  if (!stat.isFile()) {
    const what = stat.isDirectory() ? 'folder' : 'pipe or a device';
    throw new WorkloadFileError(`${file} is a ${what}, not a file`, remedy);
  }
  if (stat.size > MAX_FILE_BYTES) {
    throw new WorkloadFileError(
      `${file} has ${stat.size.toLocaleString('en')} bytes; a workload file may have at most ${MAX_FILE_BYTES.toLocaleString('en')}`,
      'Remove rarely used statements, or split the file: several files may be given.',
    );
  }
}

/**
 * Reads one workload file. The parser must be loaded.
 * @throws {WorkloadFileError} if the file cannot be read or has no statements
 */
export function readWorkloadFile(file: string): Workload {
  requireWorkloadFile(file);
  const workload = parseWorkloadFile(decodeUtf8(readFileSync(file), file), file);
  if (workload.entries.length > 0) return workload;
  throw new WorkloadFileError(
    `${file} has no statements`,
    'Write it again with `trueup workload`. To stop guarding a workload, remove the file and set `removeWorkload: true` or `--remove-workload`.',
  );
}

function decodeUtf8(bytes: Buffer, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new WorkloadFileError(
      `${file} is not UTF-8`,
      'Save it as UTF-8, or write it again with `trueup workload`.',
    );
  }
}

/**
 * Parses the text of a workload file. The parser must be loaded.
 * @param file name of the file, for error messages
 * @throws {WorkloadFileError}
 */
export function parseWorkloadFile(text: string, file: string): Workload {
  // The parser would treat a zero byte as the end of the text.
  const zero = text.indexOf('\0');
  if (zero >= 0) {
    throw new WorkloadFileError(
      `${file}:${text.slice(0, zero).split('\n').length}: it has a zero byte`,
      'Remove it: PostgreSQL has no such character in text.',
    );
  }
  try {
    return readWorkload(text);
  } catch (error) {
    if (!(error instanceof WorkloadProblem)) throw error;
    throw new WorkloadFileError(
      `${file}:${error.line}: ${error.message}`,
      'A workload may have SELECT, INSERT, UPDATE, DELETE and MERGE. Correct or remove the statement.',
    );
  }
}

/**
 * Reads several files as one guaranteed workload. The parser must be loaded.
 * @throws {WorkloadFileError}
 */
export const readGuaranteedWorkload = (files: readonly string[]): GuaranteedWorkload =>
  buildGuaranteedWorkload(mergeWorkloads(files.map(readWorkloadFile)).entries, files.join(', '));

/** Reports a workload file that cannot be used. */
export class WorkloadFileError extends Error {
  override readonly name = 'WorkloadFileError';
  constructor(
    message: string,
    readonly remedy: string,
  ) {
    super(message);
  }
}
