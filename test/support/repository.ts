/** A git repository in a temporary folder. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll } from 'vitest';

export const scratch = mkdtempSync(join(tmpdir(), 'trueup-test-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

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
  const folder = mkdtempSync(join(scratch, 'r-'));
  git(folder, 'init', '-q');
  write(folder, base);
  git(folder, 'add', '.');
  git(folder, 'commit', '-qm', 'base');
  git(folder, 'tag', 'base');
  write(folder, now);
  return folder;
}
