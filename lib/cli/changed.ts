/** `--since`: of what is wrong in a folder, that which came with this change. */
import { CompileError, type Problem } from '../compiler/problem';
import { readFolder } from '../compiler/read/files';
import { type CommittedFile, commonCommit, folderAt } from './git';

export interface Change {
  /** As a person named it. */
  readonly revision: string;
  /** Names of files that are new, or not what they were. */
  readonly changed: readonly string[];
  /** In a changed file, or not there before: a new file can be why an old one is refused. */
  readonly isOfIt: (problem: Problem) => boolean;
}

/** @throws {UsageError} where git, the repository or the commit is missing */
export async function changeSince(revision: string, folder: string): Promise<Change> {
  const before = folderAt(commonCommit(revision, folder), folder) ?? [];
  const texts = new Map(before.map(({ name, bytes }) => [name, textOf(bytes)]));
  const { files } = readFolder(folder);
  const changed = files
    .filter(({ name, bytes }) => texts.get(name) !== textOf(bytes))
    .map(({ name }) => name);
  const names = new Set(changed);
  const old = new Set((await problemsIn(before, folder)).map(keyOf));
  return {
    revision,
    changed,
    isOfIt: (problem) => names.has(problem.file) || !old.has(keyOf(problem)),
  };
}

/** A checkout may turn line ends into those of its machine. */
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1').replaceAll('\r\n', '\n');

/** The line counts too: an unchanged file has it where it was. */
const keyOf = ({ file, line, message }: Problem): string => JSON.stringify([file, line, message]);

async function problemsIn(files: readonly CommittedFile[], folder: string): Promise<readonly Problem[]> {
  const { compileFiles } = require('../compiler') as typeof import('../compiler');
  const migrations = files.filter(({ name }) => /\.sql$/i.test(name) && !name.startsWith('.'));
  const warnings: Problem[] = [];
  try {
    await compileFiles(migrations, folder, { warn: (warning) => warnings.push(warning) });
    return warnings;
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    return error.problems;
  }
}
