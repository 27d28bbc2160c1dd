/**
 * `npm run mutation -- ROOM`: installs Stryker beside itself where it is missing, and mutates the room in two passes;
 * then prints who survived. `npm run mutation -- ROOM report` prints it once more.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ROOMS } from './rooms.mjs';
import { describe, mutantsAfter, rangesOfSurvivors, reportOf } from './survivors.mjs';

const here = import.meta.dirname;
process.chdir(join(here, '../..'));
const run = (file, args, env = {}) =>
  spawnSync(file, args, { stdio: 'inherit', env: { ...process.env, ...env } }).status ?? 1;

const [room = '', ...rest] = process.argv.slice(2);
const stryker = join(here, 'node_modules/@stryker-mutator/core/bin/stryker.js');
const mutate = (pass) =>
  run(process.execPath, [stryker, 'run', join(here, 'stryker.config.mjs'), ...rest], {
    MUTATION_ROOM: room,
    MUTATION_PASS: pass,
  });

function runPasses() {
  if (!existsSync(stryker) && run('npm', ['ci', '--prefix', here, '--no-progress']) !== 0) return 1;
  for (const pass of ['1', '2']) rmSync(reportOf(room, pass), { force: true });
  const first = mutate('1');
  if (first !== 0) return first;
  const again = ROOMS[room].slower.length > 0 && rangesOfSurvivors(room).length > 0;
  return again ? mutate('2') : 0;
}

process.exitCode = rest[0] === 'report' ? 0 : runPasses();
if (process.exitCode === 0) {
  const mutants = mutantsAfter(room);
  const alive = mutants.filter(({ alive }) => alive);
  for (const mutant of alive) console.log(describe(mutant));
  const killed = mutants.length - alive.length;
  const score = ((100 * killed) / mutants.length).toFixed(1);
  console.log(`${room}: ${mutants.length} mutants, ${killed} killed, ${score} %`);
}
