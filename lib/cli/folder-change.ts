/** The changes since a revision, for `--since`: only problems that came with the change are reported. */
import { CompileError, type Problem } from '../compiler/problem';
import { readFolder } from '../compiler/read/files';
import { type CommittedFile, findCommonCommit, readFolderAt } from './git';

export interface FolderChange {
  /** The revision as the user gave it. */
  readonly revision: string;
  /** Names of the files that are new or whose text has changed. */
  readonly changed: readonly string[];
  /**
   * Tells whether a problem came with this change: it is in a changed file, or was not reported before. A new file can
   * be the reason why an unchanged one is rejected.
   */
  readonly isOfIt: (problem: Problem) => boolean;
}

/**
 * Compares a folder with the commit from which this branch and `revision` diverged.
 * @throws {UsageError} if git, the repository or the commit is missing
 */
export async function readChangeSince(revision: string, folder: string): Promise<FolderChange> {
  const before = readFolderAt(findCommonCommit(revision, folder), folder) ?? [];
  const texts = new Map(before.map(({ name, bytes }) => [name, decodeText(bytes)]));
  const { files } = readFolder(folder);
  const changed = files
    .filter(({ name, bytes }) => texts.get(name) !== decodeText(bytes))
    .map(({ name }) => name);
  const names = new Set(changed);
  const old = new Set((await findProblems(before, folder)).map(buildProblemKey));
  return {
    revision,
    changed,
    isOfIt: (problem) => names.has(problem.file) || !old.has(buildProblemKey(problem)),
  };
}

/** Decodes a file with LF line endings, since a checkout may convert them to the machine's own. */
const decodeText = (bytes: Uint8Array): string =>
  Buffer.from(bytes).toString('latin1').replaceAll('\r\n', '\n');

/** Identifies a problem. The line is part of it, because it stays the same in an unchanged file. */
const buildProblemKey = ({ file, line, message }: Problem): string => JSON.stringify([file, line, message]);

async function findProblems(files: readonly CommittedFile[], folder: string): Promise<readonly Problem[]> {
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
