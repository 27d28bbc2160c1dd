/** A receiver of another kind does not compile until every place handles it. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const ROOT = resolve(__dirname, '../../..');
const copy = mkdtempSync(join(tmpdir(), 'trueup-kinds-'));
afterAll(() => rmSync(copy, { recursive: true, force: true }));

beforeAll(() => {
  for (const name of ['lib', 'lambda', 'tsconfig.json', 'package.json'])
    cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  const { compilerOptions } = JSON.parse(readFileSync(join(copy, 'tsconfig.json'), 'utf8'));
  writeFileSync(
    join(copy, 'tsconfig.json'),
    JSON.stringify({
      // The first run compiles everything, the others what the change reaches.
      compilerOptions: { ...compilerOptions, incremental: true, tsBuildInfoFile: 'compiled.tsbuildinfo' },
      include: ['lib/index.ts', 'lambda/*/index.ts'],
    }),
  );
});

/** Files that do not compile once `what` stands in `file` in place of `instead`. */
function brokenBy(file: string, instead: string, what: string): string[] {
  const path = join(copy, file);
  const before = readFileSync(path, 'utf8');
  expect(before).toContain(instead);
  writeFileSync(path, before.replace(instead, what));
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  const { stdout } = spawnSync(process.execPath, [compiler, '--noEmit', '-p', '.'], {
    cwd: copy,
    encoding: 'utf8',
  });
  writeFileSync(path, before);
  return [...new Set(stdout.split('\n').flatMap((line) => /^([\w/.-]+)\(\d+,/.exec(line)?.[1] ?? []))].sort();
}

test('as it is, everything compiles', () => {
  expect(brokenBy('lib/index.ts', '', '')).toEqual([]);
});

test('another one over HTTPS', () => {
  const file = 'lambda/contract/notify.ts';
  const broken = brokenBy(file, "'pagerduty' | 'webhook'", "'pagerduty' | 'webhook' | 'opsgenie'");
  expect(broken).toEqual([
    'lambda/notify/deliver.ts',
    'lib/constructs/notify/https-notice.ts',
    'lib/constructs/notify/notify-targets.ts',
  ]);
});

test('another one of its own form', () => {
  const broken = brokenBy(
    'lib/constructs/notify/notify.ts',
    'export type NotifyTarget = EmailTarget',
    "export type NotifyTarget = { readonly form: 'sms' } | EmailTarget",
  );
  expect(broken).toEqual(['lib/constructs/notify/notify-targets.ts']);
});
