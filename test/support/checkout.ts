/** A copy of this checkout in a folder of its own, as `git clone` and `npm ci` would leave it. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cleanEnvironment } from '../cli/trueup';

export const ROOT = join(__dirname, '../..');

export const run = (command: string, args: readonly string[], cwd: string, env?: NodeJS.ProcessEnv): string =>
  execFileSync(command, args, {
    cwd,
    encoding: 'utf8',
    env: cleanEnvironment(env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });

/** What git would put there, with what is not committed yet. Nothing is built. */
export function copyCheckout(folder: string): void {
  const listed = run('git', ['ls-files', '--cached', '--others', '--exclude-standard'], ROOT)
    .trim()
    .split('\n');
  for (const file of listed.filter((each) => existsSync(join(ROOT, each)))) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(join(ROOT, file), join(folder, file));
  }
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
}
