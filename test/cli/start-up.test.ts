/** A command loads what it needs. Counted, not timed: `npm run bench` has the times. */
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { COMMANDS } from '../../lib/cli/commands';
import { cleanEnvironment, command, trueup } from './trueup';

/** Packages that a command has loaded by its end. */
function loadedBy(args: readonly string[]): string[] {
  const script = `
    process.argv.splice(1, 0, ...${JSON.stringify([...command(), ...args])});
    process.on('exit', () => process.stderr.write(JSON.stringify(Object.keys(require.cache))));
    require(process.argv[1]);`;
  const { stderr } = spawnSync(process.execPath, ['-e', script], {
    encoding: 'utf8',
    env: cleanEnvironment(),
  });
  const files = JSON.parse(stderr.slice(stderr.lastIndexOf('["'))) as string[];
  const packages = files.map((file) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1]);
  return [...new Set(packages)]
    .filter((name): name is string => name !== undefined && name !== '.cache')
    .sort();
}

test('the version needs nothing', () => {
  expect(loadedBy(['--version'])).toEqual([]);
});

test('help needs neither parser, driver nor SDK', () => {
  expect(loadedBy(['--help'])).toEqual(['commander']);
});

test('an audit that writes no page loads nothing that draws one', () => {
  const loaded = loadedBy(['audit', '--database-url', 'postgres://app@127.0.0.1:1/shop']);
  expect(loaded).toContain('pg');
  expect(loaded.filter((name) => /^(hono|@dagrejs)/.test(name))).toEqual([]);
});

test('the list of commands shows what each of them says of itself', async () => {
  const { stdout } = await trueup(['--help']);
  for (const { name, arguments: given, summary } of COMMANDS) {
    expect(stdout).toMatch(
      new RegExp(`^  ${name}${given ? ` ${given.replace(/[[\].]/g, '\\$&')}` : ''} +\\S`, 'm'),
    );
    expect(stdout).toContain(summary);
    const help = (await trueup([name, '--help'])).stdout;
    expect(help.split('\n')[0]).toBe(`Usage: trueup ${name} [options]${given ? ` ${given}` : ''}`);
  }
});
