/** What Lambda loads: how large, how long it takes, and that nothing is missing beside what the runtime brings. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { afterAll, expect, test } from 'vitest';
import { bundleHandler, writeFiles } from '../../../../lib/constructs/functions/bundle';

const ROOT = join(__dirname, '../../../..');
const folder = mkdtempSync(join(tmpdir(), 'trueup-bundles-'));
afterAll(() => rmSync(folder, { recursive: true }));

const kilobytes = (name: 'deploy' | 'migrate'): number =>
  Buffer.byteLength(bundleHandler(name)['index.js']!) / 1024;

/** What `pg` takes of it. */
function pgKilobytes(): number {
  const { outputFiles } = buildSync({
    stdin: { contents: "module.exports = require('pg')", resolveDir: ROOT },
    bundle: true,
    minify: true,
    platform: 'node',
    external: ['pg-native'],
    mainFields: ['module', 'main'],
    write: false,
  });
  return outputFiles[0]!.contents.byteLength / 1024;
}

/** Milliseconds to load a module in a new process, the shortest of several: the machine has other things to do. */
function importMs(module: string): number {
  const script = `const t = performance.now(); require(${JSON.stringify(module)}); console.log(performance.now() - t)`;
  const runs = Array.from({ length: 7 }, () =>
    Number(execFileSync(process.execPath, ['-e', script], { cwd: ROOT, encoding: 'utf8' })),
  );
  return Math.min(...runs);
}

// The size is what a cold start costs, and says when somebody brought a package along.
test('migrate: at most 720 KB beside pg', () => {
  writeFiles(join(folder, 'migrate'), bundleHandler('migrate'));
  const [size, pgSize] = [kilobytes('migrate'), pgKilobytes()];
  const [time, pgTime] = [importMs(join(folder, 'migrate/index.js')), importMs('pg')];
  console.log(
    `migrate: ${size.toFixed(0)} KB, of which pg ${pgSize.toFixed(0)} KB; ` +
      `${time.toFixed(0)} ms to import (pg by itself, not bundled: ${pgTime.toFixed(0)} ms)`,
  );
  expect(size - pgSize).toBeLessThan(720);
});

test('deploy: the event is received before the SDK is loaded', () => {
  writeFiles(join(folder, 'deploy'), bundleHandler('deploy'));
  expect(kilobytes('deploy')).toBeLessThan(50);
  // Outside any node_modules: what is asked for at once has to be inside.
  const module = join(folder, 'deploy/index.js');
  const script = `require(${JSON.stringify(module)}); console.log(JSON.stringify(Object.keys(require.cache)))`;
  const loaded = execFileSync(process.execPath, ['-e', script], { cwd: ROOT, encoding: 'utf8' });
  expect(JSON.parse(loaded)).toEqual([realpathSync(module)]);
});
