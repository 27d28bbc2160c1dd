/**
 * `npm run mutation -- ROOM`: installs Stryker beside itself where it is missing, mutates the room and prints who survived;
 * `-- ROOM report` prints it once more. `-- known` makes the known mutations, which need a server, one after the other.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { runKnown } from './known.mjs';
import { report } from './report.mjs';

const here = import.meta.dirname;
process.chdir(join(here, '../..'));
const run = (file, args, env = {}) =>
  spawnSync(file, args, { stdio: 'inherit', env: { ...process.env, ...env } }).status ?? 1;

const [room = '', ...rest] = process.argv.slice(2);
const stryker = join(here, 'node_modules/@stryker-mutator/core/bin/stryker.js');

function mutate() {
  if (!existsSync(stryker) && run('npm', ['ci', '--prefix', here, '--no-progress']) !== 0) return 1;
  const config = join(here, 'stryker.config.mjs');
  return run(process.execPath, [stryker, 'run', config, ...rest], { MUTATION_ROOM: room });
}

if (room === 'known') process.exitCode = runKnown(rest);
else {
  process.exitCode = rest[0] === 'report' ? 0 : mutate();
  if (process.exitCode === 0) console.log(report(room));
}
