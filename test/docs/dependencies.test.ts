/** package.json names what the program imports, and nothing else: a strict installer gives it no more. */
import { readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { expect, test } from 'vitest';

const ROOT = join(__dirname, '../..');
const { dependencies, peerDependencies } = JSON.parse(
  readFileSync(join(ROOT, 'package.json'), 'utf8'),
) as Record<'dependencies' | 'peerDependencies', Record<string, string>>;

/** Packages that the sources import, as the bundler sees them: what is only a type is not there. */
function imported(): string[] {
  const { metafile } = buildSync({
    entryPoints: [
      'bin/app.ts',
      'bin/trueup.ts',
      'lib/index.ts',
      'lib/compiler/sync-child.ts',
      'lib/workload/sync-child.ts',
      ...['deploy', 'migrate', 'page', 'notify', 'fleet-run'].map((handler) => `lambda/${handler}/index.ts`),
    ],
    absWorkingDir: ROOT,
    bundle: true,
    packages: 'external',
    platform: 'node',
    metafile: true,
    write: false,
    outdir: 'out',
    logLevel: 'silent',
  });
  const specifiers = Object.values(metafile!.inputs)
    .flatMap(({ imports }) => imports)
    .filter(({ external, path }) => external && !isBuiltin(path))
    .map(({ path }) =>
      path
        .split('/')
        .slice(0, path.startsWith('@') ? 2 : 1)
        .join('/'),
    );
  return [...new Set(specifiers)].sort();
}

/** Loaded by a name that the bundler does not follow. */
const BY_NAME = ['libpg-query'];

test('what is imported is declared', () => {
  const declared = [...Object.keys(dependencies), ...Object.keys(peerDependencies)];
  expect(imported().filter((name) => !declared.includes(name))).toEqual([]);
});

test('what is declared is imported', () => {
  const used = [...imported(), ...BY_NAME];
  expect(Object.keys(dependencies).filter((name) => !used.includes(name))).toEqual([]);
});
