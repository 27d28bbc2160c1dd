/** The bundled handlers and the framework under the Node that Lambda runs them with. */
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { BROKEN, INDEXED, TABLE } from '../../deployment/files';
import { Rig } from '../../support/conductor';

/** From the registry, not from this project: a package `node` here would take the place of npm's own. */
function node24(): string {
  const npm = ['exec', '--yes', '--package=node@24', '--', 'node', '-p', 'process.execPath'];
  return execFileSync('npm', npm, {
    cwd: tmpdir(),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();
}

test('a deployment, a failed one with its rollback, and the next', async () => {
  const node = node24();
  expect(execFileSync(node, ['--version'], { encoding: 'utf8' })).toMatch(/^v24\./);
  const rig = await Rig.start({ node });
  try {
    const s = await rig.scenario();
    expect(await s.stack.create(await s.version(TABLE))).toBe('CREATE_COMPLETE');
    const before = await s.catalog();
    expect(await s.stack.update(await s.version(BROKEN(INDEXED)))).toBe('UPDATE_ROLLBACK_COMPLETE');
    expect(await s.catalog()).toEqual(before);
    expect(await s.stack.update(await s.version(INDEXED))).toBe('UPDATE_COMPLETE');
    const imports = rig.conductor.functions.importMs.get(`${s.stack.name}-migrate`)!;
    console.log(`migrate under Node 24: imported in ${Math.min(...imports).toFixed(0)} ms`);
    expect(rig.conductor.functions.logs.get(`${s.stack.name}-migrate`)).not.toContain('Warning');
  } finally {
    await rig.close();
  }
});
