/** A repository's folder as it was at its commit: of the history only this commit, and of its files only those. */
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Repository } from './repositories';
import { succeed } from './run';

/** @param into a folder that is not there yet. Answers with the path of the migrations. */
export async function fetchFolder({ name, commit, folder, also }: Repository, into: string): Promise<string> {
  mkdirSync(into, { recursive: true });
  const git = (...args: string[]) => succeed('git', ['-C', into, ...args]);
  await git('init', '--quiet');
  await git('remote', 'add', 'origin', `https://github.com/${name}`);
  await git('fetch', '--quiet', '--depth=1', '--filter=blob:none', 'origin', commit);
  await git('sparse-checkout', 'set', '--no-cone', `/${folder}/`, ...(also ? [`/${also}/`] : []));
  await git('checkout', '--quiet', commit);
  if (also) cpSync(join(into, also), join(into, folder), { recursive: true });
  return join(into, folder);
}
