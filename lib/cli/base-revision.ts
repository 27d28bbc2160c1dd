/** `--since`: determines from a commit what is running. */
import { existsSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import type { Manifest } from '../../lambda/contract/manifest';
import { CompileError } from '../compiler/problem';
import { mergeWorkloads, type Workload } from '../workload/collect-workload';
import {
  buildGuaranteedWorkload,
  parseWorkloadFile,
  readWorkloadFile,
  WorkloadFileError,
} from '../workload/guaranteed-workload';
import type { BaseRevision } from './database/scratch';
import { findOriginalPath, listRemovedFiles, readFileAt, readFolderAt } from './git';
import { UsageError } from './terminal/failure';
import type { Terminal } from './terminal/terminal';
import { withUsageErrors } from './workload-sources';

/**
 * Reads the migrations and the workload of a commit. Returns `undefined`, with a message, if the folder did not exist
 * then: everything is new.
 * The application of that commit sends the statements in its workload file, and it may also send those in the current
 * one.
 * @throws {UsageError}
 */
export async function readBaseRevision(
  terminal: Terminal,
  revision: string,
  folder: string,
  files: readonly string[],
): Promise<BaseRevision | undefined> {
  const found = readFolderAt(revision, folder)?.filter(
    ({ name }) => /\.sql$/i.test(name) && !name.startsWith('.'),
  );
  if (!found?.length) {
    terminal.err.line(`${folder} has no migrations at ${revision}: all are new, and nothing is guarded.`);
    return undefined;
  }
  const manifest = await compileAtRevision(revision, folder, found);
  const workloads = withUsageErrors(() =>
    files.flatMap((file) => {
      const before = readCommittedWorkload(terminal, revision, file, files);
      // The running application still sends the statements of a file that was deleted here.
      return before !== null && !existsSync(file)
        ? [before]
        : [...(before ? [before] : []), readWorkloadFile(file)];
    }),
  );
  return {
    revision,
    manifest,
    workload: withUsageErrors(() => buildGuaranteedWorkload(mergeWorkloads(workloads).entries)),
  };
}

/**
 * Reads the workload file of the commit, under whatever name it had; `null` if it is new.
 * @throws {UsageError} if that is uncertain
 */
function readCommittedWorkload(
  terminal: Terminal,
  revision: string,
  file: string,
  files: readonly string[],
): Workload | null {
  const text = readFileAt(revision, file);
  if (text !== null) return parseWorkloadFile(text, `${revision}:${file}`);
  const moved = findOriginalPath(revision, file);
  const old = moved && readWorkloadAt(revision, moved);
  if (old) {
    terminal.err.line(`${file} was ${relative(process.cwd(), moved)} at ${revision}.`);
    return old;
  }
  const given = new Set(files.map((each) => resolve(each)));
  const gone = listRemovedFiles(revision, file).find(
    (each) => !given.has(each) && isTrueupWorkload(readFileAt(revision, each)),
  );
  if (gone !== undefined) {
    const name = relative(process.cwd(), gone);
    throw new UsageError(
      `--since: ${file} does not exist at ${revision}, and the workload ${name}, which does, was removed since`,
      `The running application sends the statements in ${name}. Add \`--workload ${name}\` to read the file at ${revision}.`,
    );
  }
  terminal.err.line(
    `${file} does not exist at ${revision}: only the statements that it contains now are guarded.`,
  );
  return null;
}

/**
 * Reads a workload at a commit; `null` if the file is something else, since git may take any file for the older version
 * of another.
 */
function readWorkloadAt(revision: string, file: string): Workload | null {
  try {
    return parseWorkloadFile(readFileAt(revision, file) ?? '', file);
  } catch (error) {
    if (error instanceof WorkloadFileError) return null;
    throw error;
  }
}

/** Recognizes a workload file by the comments that `trueup workload` writes. */
const isTrueupWorkload = (text: string | null): boolean =>
  /^-- (Trueup workload, format|role \S|calls \d|search_path )/m.test(text ?? '');

async function compileAtRevision(
  revision: string,
  folder: string,
  files: readonly { readonly name: string; readonly bytes: Uint8Array }[],
): Promise<Manifest> {
  const { compileFiles } = require('../compiler') as typeof import('../compiler');
  try {
    return await compileFiles(files, folder);
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    const { file, line, message } = error.problems[0]!;
    throw new UsageError(
      `--since: the migrations at ${revision} do not compile: ${file}${line === null ? '' : `:${line}`}: ${message}`,
      'Give a commit whose migrations compile, or remove --since.',
    );
  }
}
