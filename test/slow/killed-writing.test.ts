/** `audit --write`, `audit --html` and `snapshot --output` killed at each call that changes the disk: nothing is there, or the whole. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cleanEnvironment, command, start } from '../cli/trueup';
import { connect, createDatabase, newestMajor } from '../support/database';

const scratch = mkdtempSync(join(tmpdir(), 'trueup-killed-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Ends the process right before its nth call of these, in this folder; a write also after half of the text. */
const KILLER = join(scratch, 'killer.cjs');
const KILLING = `const fs = require('node:fs');
let left = Number(process.env.KILL_AT);
for (const name of ['mkdirSync', 'mkdtempSync', 'writeFileSync', 'rmdirSync', 'renameSync']) {
  const real = fs[name];
  fs[name] = (path, ...rest) => {
    if (String(path).startsWith(process.env.KILL_IN) && --left <= 0) {
      if (name === 'writeFileSync') real(path, String(rest[0]).slice(0, rest[0].length / 2));
      process.kill(process.pid, 'SIGKILL');
    }
    return real(path, ...rest);
  };
}`;

let source: string;
let target: string;
beforeAll(async () => {
  writeFileSync(KILLER, KILLING);
  const schema =
    'CREATE TABLE customers (id int PRIMARY KEY, email text); CREATE TABLE orders (id int PRIMARY KEY);';
  [source, target] = await Promise.all([createDatabase(newestMajor()), createDatabase(newestMajor())]);
  await (await connect(source)).query(
    `${schema} CREATE UNIQUE INDEX emails ON customers (email); ALTER TABLE orders ADD COLUMN code text DEFAULT 'x';`,
  );
  await (await connect(target)).query(schema);
});

const run = (folder: string, args: readonly string[], at: number) =>
  start(process.execPath, ['--require', KILLER, ...command(), ...args], {
    cwd: folder,
    env: cleanEnvironment({ KILL_AT: String(at), KILL_IN: folder, DATABASE_URL: target }),
  }).ended;

/** A file's text; of a folder all of them. */
function contents(path: string): Record<string, string> | null {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return null;
  if (stat.isFile()) return { '': readFileSync(path, 'utf8').replace(/^"taken":.*$/m, '') };
  return Object.fromEntries(
    readdirSync(path, { recursive: true, withFileTypes: true })
      .filter((each) => each.isFile())
      .map((each) => [each.name, readFileSync(join(each.parentPath, each.name), 'utf8')]),
  );
}

test.each([
  ['--write', ['audit', '--from', 'SOURCE', '--write'], 6],
  ['--html', ['audit', '--from', 'SOURCE', '--html'], 6],
  ['snapshot --output', ['snapshot', '--output'], 0],
] as const)('%s', async (_name, args, code) => {
  const given = args.map((each) => (each === 'SOURCE' ? source : each));
  const place = (n: string) => {
    const folder = join(scratch, `${args.at(-1)}-${n}`);
    mkdirSync(folder);
    return { folder, out: join(folder, 'out') };
  };
  const whole = place('whole');
  expect((await run(whole.folder, [...given, whole.out], 1_000)).code).toBe(code);
  const wanted = contents(whole.out)!;
  let killed = 0;
  for (let at = 1; ; at++) {
    const { folder, out } = place(String(at));
    const ran = await run(folder, [...given, out], at);
    if (ran.code === code) break;
    expect(ran.code, ran.stderr).toBe(-1);
    killed++;
    expect(contents(out)).toBeNull();
    // What is left of it is in nobody's way.
    expect((await run(folder, [...given, out], 1_000)).code).toBe(code);
    expect(Object.keys(contents(out)!)).toEqual(Object.keys(wanted));
  }
  expect(killed).toBeGreaterThanOrEqual(2);
});
