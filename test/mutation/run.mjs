/** `npm run mutation -- ROOM`: installs Stryker beside itself where it is missing, and runs it. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const here = import.meta.dirname;
const run = (file, args, env = {}) =>
  spawnSync(file, args, { stdio: 'inherit', env: { ...process.env, ...env } }).status ?? 1;

const [room = '', ...rest] = process.argv.slice(2);
const stryker = join(here, 'node_modules/@stryker-mutator/core/bin/stryker.js');
if (!existsSync(stryker) && run('npm', ['ci', '--prefix', here, '--no-progress']) !== 0) process.exit(1);
process.exitCode = run(process.execPath, [stryker, 'run', join(here, 'stryker.config.mjs'), ...rest], {
  MUTATION_ROOM: room,
});
