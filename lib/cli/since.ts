/** `--since`: what is running, as a commit has it. */
import { existsSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import type { Manifest } from '../../lambda/contract/manifest';
import { CompileError } from '../compiler/problem';
import { promiseOf, readWorkloadFile, WorkloadFileError, workloadFrom } from '../workload/promise';
import { merge, type Workload } from '../workload/workload';
import type { Since } from './database/scratch';
import { fileAt, folderAt, goneSince, movedFrom } from './git';
import { UsageError } from './terminal/failure';
import type { Terminal } from './terminal/terminal';
import { usable } from './workload-sources';

/**
 * Undefined where the folder was not there: everything is new, which is said.
 * The application of the commit sends what its workload file held, and what this one's holds may be what it sends too.
 * @throws {UsageError}
 */
export async function sinceRevision(
  terminal: Terminal,
  revision: string,
  folder: string,
  files: readonly string[],
): Promise<Since | undefined> {
  const found = folderAt(revision, folder)?.filter(
    ({ name }) => /\.sql$/i.test(name) && !name.startsWith('.'),
  );
  if (!found?.length) {
    terminal.err.line(
      `${folder} holds no migration at ${revision}: all of it is new, and nothing is guarded.`,
    );
    return undefined;
  }
  const manifest = await compiledAt(revision, folder, found);
  const workloads = usable(() =>
    files.flatMap((file) => {
      const before = committed(terminal, revision, file, files);
      // What is gone here is what the running application still sends.
      return before !== null && !existsSync(file)
        ? [before]
        : [...(before ? [before] : []), readWorkloadFile(file)];
    }),
  );
  return { revision, manifest, promise: usable(() => promiseOf(merge(workloads).entries)) };
}

/** The workload file as the commit has it, under whatever name; null where it is new. @throws {UsageError} where that is not certain */
function committed(
  terminal: Terminal,
  revision: string,
  file: string,
  files: readonly string[],
): Workload | null {
  const text = fileAt(revision, file);
  if (text !== null) return workloadFrom(text, `${revision}:${file}`);
  const moved = movedFrom(revision, file);
  const old = moved && workloadAt(revision, moved);
  if (old) {
    terminal.err.line(`${file} was ${relative(process.cwd(), moved)} at ${revision}.`);
    return old;
  }
  const given = new Set(files.map((each) => resolve(each)));
  const gone = goneSince(revision, file).find((each) => !given.has(each) && saysSo(fileAt(revision, each)));
  if (gone !== undefined) {
    const name = relative(process.cwd(), gone);
    throw new UsageError(
      `--since: ${file} is not there at ${revision}, and the workload ${name}, which is, is gone`,
      `The running application sends what is in ${name}: give it as well (\`--workload ${name}\`), and it is read at ${revision}.`,
    );
  }
  terminal.err.line(
    `${file} is not there at ${revision}: of what the running application sends, only what is in it now is guarded.`,
  );
  return null;
}

/** Null where the file is something else: git may take any file for an older one of another name. */
function workloadAt(revision: string, file: string): Workload | null {
  try {
    return workloadFrom(fileAt(revision, file) ?? '', file);
  } catch (error) {
    if (error instanceof WorkloadFileError) return null;
    throw error;
  }
}

/** By the comments that `trueup workload` writes. */
const saysSo = (text: string | null): boolean =>
  /^-- (Trueup workload, format|role \S|calls \d|search_path )/m.test(text ?? '');

async function compiledAt(
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
      'Give a commit whose migrations do, or leave --since out.',
    );
  }
}
