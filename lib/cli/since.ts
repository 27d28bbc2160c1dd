/** `--since`: what is running, as a commit has it. */
import type { Manifest } from '../../lambda/contract/manifest';
import { CompileError } from '../compiler/problem';
import { promiseOf, readWorkloadFile, workloadFrom } from '../workload/promise';
import { merge } from '../workload/workload';
import type { Since } from './database/scratch';
import { fileAt, folderAt } from './git';
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
      const before = fileAt(revision, file);
      const now = readWorkloadFile(file);
      if (before === null) {
        terminal.err.line(
          `${file} is not there at ${revision}: of what the running application sends, only what is in it now is guarded. ` +
            'If this change renames the file, rename it in one of its own.',
        );
      }
      return before === null ? [now] : [workloadFrom(before, `${revision}:${file}`), now];
    }),
  );
  return { revision, manifest, promise: usable(() => promiseOf(merge(workloads).entries)) };
}

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
