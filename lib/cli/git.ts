/** Reads the files of a commit from git, without checking anything out. */
import { spawnSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { UsageError } from './terminal/failure';

export interface CommittedFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const MAX_OUTPUT_BYTES = 512 * 1024 * 1024;

/**
 * Returns the files directly in a folder at a commit; `null` if there was no such folder.
 * @param revision a branch, tag or commit
 * @throws {UsageError} if there is no git, no repository or no such commit
 */
export function readFolderAt(revision: string, folder: string): readonly CommittedFile[] | null {
  const place = dirname(resolve(folder));
  requireRevision(revision, place);
  // The names are relative to the directory in which git runs.
  const listed = runGit(place, ['ls-tree', '-z', revision, `./${basename(resolve(folder))}/`]);
  const entries = listed
    .toString('utf8')
    .split('\0')
    .flatMap((line) => {
      const [, type, id, path] = /^\d+ (\w+) ([0-9a-f]+)\t(.*)$/s.exec(line) ?? [];
      return type === 'blob' ? [{ id: id!, name: basename(path!) }] : [];
    });
  if (entries.length === 0) return null;
  return readBlobs(
    place,
    entries.map(({ id }) => id),
  ).map((bytes, i) => ({ name: entries[i]!.name, bytes }));
}

/**
 * Returns the text of one file at a commit; `null` if it did not exist.
 * @throws {UsageError} as {@link readFolderAt}
 */
export function readFileAt(revision: string, file: string): string | null {
  const place = findExistingFolder(dirname(resolve(file)));
  requireRevision(revision, place);
  const { status, stdout } = spawnGit(place, [
    'cat-file',
    'blob',
    `${revision}:./${relative(place, resolve(file))}`,
  ]);
  return status === 0 ? stdout.toString('utf8') : null;
}

/**
 * Returns the merge base of HEAD and a revision: everything after it came with this change.
 * @throws {UsageError} if there is none, or the clone does not reach back to it; also as {@link readFolderAt}
 */
export function findCommonCommit(revision: string, folder: string): string {
  const place = dirname(resolve(folder));
  requireRevision(revision, place);
  const { status, stdout } = spawnGit(place, ['merge-base', '--end-of-options', revision, 'HEAD']);
  if (status === 0) return stdout.toString('utf8').trim();
  throw new UsageError(
    `--since: ${revision} and HEAD have no commit in common${isShallow(place) ? ' in this shallow clone' : ''}`,
    isShallow(place) ? SHALLOW_CLONE_REMEDY : 'Give a branch, tag or commit that shares history with HEAD.',
  );
}

/**
 * Returns a function that gives a file's path in its repository, with `/`. Outside a repository the path is relative to
 * the working directory.
 */
export function createPathResolver(folder: string): (file: string) => string {
  const { error, status, stdout } = spawnGit(resolve(folder), ['rev-parse', '--show-prefix']);
  const inside = error || status !== 0 ? null : stdout.toString('utf8').replace(/\n$/, '');
  const prefix = inside ?? `${relative(process.cwd(), resolve(folder))}/`;
  return (file) => join(prefix, file).replaceAll('\\', '/');
}

const SHALLOW_CLONE_REMEDY =
  'This is a shallow clone. Fetch the history (`git fetch --unshallow`, or `fetch-depth: 0` of actions/checkout) and try again.';

const isShallow = (place: string): boolean =>
  spawnGit(place, ['rev-parse', '--is-shallow-repository']).stdout.toString('utf8').trim() === 'true';

/**
 * Returns where a file was at a commit before it was renamed; `null` if git finds no earlier name.
 * @throws {UsageError} as {@link readFolderAt}
 */
export function findOriginalPath(revision: string, file: string): string | null {
  if (!existsSync(file)) return null;
  const here = join(realpathSync(dirname(resolve(file))), basename(file));
  return listChangedFiles(revision, file).find(({ now }) => now === here)?.before ?? null;
}

/** Returns the SQL files that existed at a commit and that this checkout neither has nor has renamed. */
export const listRemovedFiles = (revision: string, near: string): readonly string[] =>
  listChangedFiles(revision, near).flatMap(({ before, now }) =>
    now === null && before.endsWith('.sql') ? [before] : [],
  );

/**
 * Compares the files of the whole checkout with a commit. Returns the renamed files, and the removed ones with `now` as
 * `null`.
 */
function listChangedFiles(revision: string, near: string): { before: string; now: string | null }[] {
  const place = findExistingFolder(dirname(resolve(near)));
  const root = runGit(place, ['rev-parse', '--show-toplevel']).toString('utf8').trimEnd();
  const words = runGit(root, [
    'diff',
    '--name-status',
    '--find-renames=30%',
    '--diff-filter=RD',
    '-z',
    revision,
  ])
    .toString('utf8')
    .split('\0');
  const changes: { before: string; now: string | null }[] = [];
  for (let i = 0; i + 1 < words.length; ) {
    const renamed = words[i]!.startsWith('R');
    changes.push({
      before: join(root, words[i + 1]!),
      now: renamed ? join(root, words[i + 2]!) : null,
    });
    i += renamed ? 3 : 2;
  }
  return changes;
}

/** Returns the folder, or its nearest existing parent, because git cannot run in a folder that no longer exists. */
const findExistingFolder = (folder: string): string =>
  existsSync(folder) ? folder : findExistingFolder(dirname(folder));

function requireRevision(revision: string, place: string): void {
  const { error, status, stderr } = spawnGit(place, ['rev-parse', '--show-toplevel']);
  if (error)
    throw new UsageError('--since needs git, which cannot be started', 'Install git, or remove --since.');
  if (status !== 0) throw makeGitError(place, stderr.toString('utf8'));
  if (!revision.startsWith('-')) {
    const found = spawnGit(place, [
      'rev-parse',
      '--verify',
      '--quiet',
      '--end-of-options',
      `${revision}^{commit}`,
    ]);
    if (found.status === 0) return;
  }
  throw new UsageError(
    `--since: this repository has no commit ${revision}`,
    isShallow(place)
      ? SHALLOW_CLONE_REMEDY
      : 'Give a branch, tag or commit that exists in this clone; `git fetch origin main` fetches origin/main.',
  );
}

/**
 * Explains why git cannot read the repository. In a container the checkout often belongs to another user, and git then
 * refuses to read it.
 */
function makeGitError(place: string, words: string): UsageError {
  const trusted = /safe\.directory (.+)/.exec(words)?.[1];
  if (trusted !== undefined)
    return new UsageError(
      `--since: ${place} belongs to another user, so git does not read it`,
      `If you trust it, run \`git config --global --add safe.directory ${trusted}\` and try again.`,
    );
  return /not a git repository/.test(words)
    ? new UsageError(
        `--since: ${place} is not in a git repository`,
        'Run it in a checkout, or remove --since.',
      )
    : new UsageError(`git rev-parse failed: ${words.trim()}`, 'Check the repository (`git fsck`).');
}

/**
 * Reads the contents of several objects in one call, in the given order.
 * @throws {UsageError} if one is missing or damaged
 */
function readBlobs(place: string, ids: readonly string[]): Uint8Array[] {
  const all = runGit(place, ['cat-file', '--batch'], ids.join('\n'));
  let at = 0;
  return ids.map((id) => {
    const end = all.indexOf(0x0a, at);
    const size = Number(all.toString('utf8', at, end).split(' ')[2]);
    if (!Number.isInteger(size))
      throw new UsageError(
        `--since: this repository lacks an object of that commit, ${id}`,
        'Check the repository (`git fsck`) or clone it again.',
      );
    at = end + 1 + size + 1;
    return all.subarray(end + 1, end + 1 + size);
  });
}

function runGit(place: string, args: readonly string[], input?: string): Buffer {
  const { status, stdout, stderr } = spawnGit(place, args, input);
  if (status === 0) return stdout;
  throw new UsageError(
    `git ${args[0]} failed: ${stderr.toString('utf8').trim()}`,
    'Check the repository (`git fsck`).',
  );
}

const spawnGit = (place: string, args: readonly string[], input = '') =>
  spawnSync('git', ['-C', place, ...args], {
    input,
    maxBuffer: MAX_OUTPUT_BYTES,
    env: { ...process.env, LC_ALL: 'C' },
  });
