/** Files as a commit has them: read from git, and nothing is checked out. */
import { spawnSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { UsageError } from './terminal/failure';

export interface CommittedFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const MAX_BYTES = 512 * 1024 * 1024;

/**
 * The files right in a folder at a commit; null where there was no such folder.
 * @param revision a branch, tag or commit
 * @throws {UsageError} where there is no git, no repository or no such commit
 */
export function folderAt(revision: string, folder: string): readonly CommittedFile[] | null {
  const place = dirname(resolve(folder));
  requireRevision(revision, place);
  // Names are relative to where git runs.
  const listed = git(place, ['ls-tree', '-z', revision, `./${basename(resolve(folder))}/`]);
  const entries = listed
    .toString('utf8')
    .split('\0')
    .flatMap((line) => {
      const [, type, id, path] = /^\d+ (\w+) ([0-9a-f]+)\t(.*)$/s.exec(line) ?? [];
      return type === 'blob' ? [{ id: id!, name: basename(path!) }] : [];
    });
  if (entries.length === 0) return null;
  return blobs(
    place,
    entries.map(({ id }) => id),
  ).map((bytes, i) => ({ name: entries[i]!.name, bytes }));
}

/** One file at a commit; null where it was not there. @throws {UsageError} as {@link folderAt} */
export function fileAt(revision: string, file: string): string | null {
  const place = existing(dirname(resolve(file)));
  requireRevision(revision, place);
  const { status, stdout } = run(place, [
    'cat-file',
    'blob',
    `${revision}:./${relative(place, resolve(file))}`,
  ]);
  return status === 0 ? stdout.toString('utf8') : null;
}

/**
 * The newest commit that HEAD and a revision both come from: what is not in it came with this change.
 * @throws {UsageError} where there is none, or the clone does not reach back to it; as {@link folderAt}
 */
export function commonCommit(revision: string, folder: string): string {
  const place = dirname(resolve(folder));
  requireRevision(revision, place);
  const { status, stdout } = run(place, ['merge-base', '--end-of-options', revision, 'HEAD']);
  if (status === 0) return stdout.toString('utf8').trim();
  throw new UsageError(
    `--since: ${revision} and HEAD have no commit in common${isShallow(place) ? ' in this shallow clone' : ''}`,
    isShallow(place) ? UNSHALLOW : 'Give a branch, tag or commit that HEAD comes from.',
  );
}

/** A file's path in its repository, with `/`; relative to where the command runs where there is none. */
export function pathInRepository(folder: string): (file: string) => string {
  const { error, status, stdout } = run(resolve(folder), ['rev-parse', '--show-prefix']);
  const inside = error || status !== 0 ? null : stdout.toString('utf8').replace(/\n$/, '');
  const prefix = inside ?? `${relative(process.cwd(), resolve(folder))}/`;
  return (file) => join(prefix, file).replaceAll('\\', '/');
}

const UNSHALLOW =
  'It is a shallow clone: fetch the history (`git fetch --unshallow`; of actions/checkout, `fetch-depth: 0`), and try again.';

const isShallow = (place: string): boolean =>
  run(place, ['rev-parse', '--is-shallow-repository']).stdout.toString('utf8').trim() === 'true';

/**
 * Where a file was at a commit, when it has been renamed or is gone; null where git knows of none.
 * @throws {UsageError} as {@link folderAt}
 */
export function movedFrom(revision: string, file: string): string | null {
  if (!existsSync(file)) return null;
  const here = join(realpathSync(dirname(resolve(file))), basename(file));
  return changedSince(revision, file).find(({ now }) => now === here)?.before ?? null;
}

/** Files of SQL that were at a commit and are neither here nor anywhere else in this checkout. */
export const goneSince = (revision: string, near: string): readonly string[] =>
  changedSince(revision, near).flatMap(({ before, now }) =>
    now === null && before.endsWith('.sql') ? [before] : [],
  );

/** Of the whole checkout, against the files as they are: what was renamed, and what was removed (`now` is null). */
function changedSince(revision: string, near: string): { before: string; now: string | null }[] {
  const place = existing(dirname(resolve(near)));
  const root = git(place, ['rev-parse', '--show-toplevel']).toString('utf8').trimEnd();
  const words = git(root, ['diff', '--name-status', '--find-renames=30%', '--diff-filter=RD', '-z', revision])
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

/** A folder that is gone has none that git could run in. */
const existing = (folder: string): string => (existsSync(folder) ? folder : existing(dirname(folder)));

function requireRevision(revision: string, place: string): void {
  const { error, status, stderr } = run(place, ['rev-parse', '--show-toplevel']);
  if (error)
    throw new UsageError('--since needs git, which cannot be started', 'Install git, or leave --since out.');
  if (status !== 0) throw notReadable(place, stderr.toString('utf8'));
  if (!revision.startsWith('-')) {
    const found = run(place, [
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
      ? UNSHALLOW
      : 'Give a branch, a tag or a commit that is here; `git fetch origin main` brings origin/main.',
  );
}

/** In a container the checkout is often another user's: then git refuses to read it, though it is a repository. */
function notReadable(place: string, words: string): UsageError {
  const trusted = /safe\.directory (.+)/.exec(words)?.[1];
  if (trusted !== undefined)
    return new UsageError(
      `--since: ${place} belongs to another user, so git does not read it`,
      `If it may be trusted: \`git config --global --add safe.directory ${trusted}\`, and try again.`,
    );
  return /not a git repository/.test(words)
    ? new UsageError(
        `--since: ${place} is in no git repository`,
        'Run it in a checkout, or leave --since out.',
      )
    : new UsageError(`git rev-parse failed: ${words.trim()}`, 'Check the repository (`git fsck`).');
}

/** Contents of objects, in order, in one call. @throws {UsageError} where one is missing or damaged */
function blobs(place: string, ids: readonly string[]): Uint8Array[] {
  const all = git(place, ['cat-file', '--batch'], ids.join('\n'));
  let at = 0;
  return ids.map((id) => {
    const end = all.indexOf(0x0a, at);
    const size = Number(all.toString('utf8', at, end).split(' ')[2]);
    if (!Number.isInteger(size))
      throw new UsageError(
        `--since: this repository lacks an object of that commit, ${id}`,
        'Check the repository (`git fsck`), or clone it again.',
      );
    at = end + 1 + size + 1;
    return all.subarray(end + 1, end + 1 + size);
  });
}

function git(place: string, args: readonly string[], input?: string): Buffer {
  const { status, stdout, stderr } = run(place, args, input);
  if (status === 0) return stdout;
  throw new UsageError(
    `git ${args[0]} failed: ${stderr.toString('utf8').trim()}`,
    'Check the repository (`git fsck`).',
  );
}

const run = (place: string, args: readonly string[], input = '') =>
  spawnSync('git', ['-C', place, ...args], {
    input,
    maxBuffer: MAX_BYTES,
    env: { ...process.env, LC_ALL: 'C' },
  });
