/** A git repository in a temporary folder. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { atEndOfFile } from './end-of-file';

let folder: string | undefined;
atEndOfFile(() => {
  if (folder) rmSync(folder, { recursive: true, force: true });
  folder = undefined;
});

/** A folder outside the project's own repository, removed at the end of the test file. */
export function scratch(): string {
  folder ??= mkdtempSync(join(tmpdir(), 'trueup-test-'));
  return folder;
}

export const git = (folder: string, ...args: string[]): string =>
  execFileSync('git', ['-C', folder, '-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });

export type Files = Readonly<Record<string, string>>;
export const write = (folder: string, files: Files): void => {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
};

/** A repository with these files committed as `base`, and these in the working tree. */
export function repository(base: Files, now: Files = {}): string {
  const folder = mkdtempSync(join(scratch(), 'r-'));
  git(folder, 'init', '-q');
  write(folder, base);
  git(folder, 'add', '.');
  git(folder, 'commit', '-qm', 'base');
  git(folder, 'tag', 'base');
  write(folder, now);
  return folder;
}
