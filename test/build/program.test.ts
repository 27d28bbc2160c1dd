/**
 * What is built: files that load each other, with the licences of all packages that are in them. package.json names what is
 * installed beside them, and nothing else.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { listBundledPackages, thirdPartyNotices } from '../../lib/build/notices';
import { buildProgram, ENTRIES } from '../../lib/build/program';
import { HANDLERS, runEsbuild } from '../../lib/constructs/functions/bundle';

const ROOT = join(__dirname, '../..');

interface PackageJson {
  readonly dependencies?: Record<string, string>;
  readonly devDependencies: Record<string, string>;
  readonly peerDependencies: Record<string, string>;
}
const packageJson = (folder: string): PackageJson =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
const { dependencies = {}, devDependencies, peerDependencies } = packageJson(ROOT);

/** Asked for in a `try`, and missing in every installation. */
const OPTIONAL = [
  // By pg, which has its own driver without it.
  'pg-native',
  // By the SDK, for regions of a kind that nothing here uses.
  '@aws-sdk/signature-v4-crt',
  // By the constructs, where there are sources and no bundles.
  'esbuild',
];

let program: readonly Metafile[];
let handlers: readonly Metafile[];
beforeAll(async () => {
  program = await buildProgram(join(ROOT, 'dist'), false);
  handlers = HANDLERS.map((handler) => runEsbuild(handler).metafile);
});

const packageOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

/** Packages that the bundles load when they run. */
const loadedBy = (metafiles: readonly Metafile[]): string[] => {
  const imports = metafiles.flatMap(({ outputs }) => Object.values(outputs).flatMap((each) => each.imports));
  const names = imports
    .filter(({ external, path }) => external && !isBuiltin(path) && !path.startsWith('.'))
    .map(({ path }) => packageOf(path));
  return [...new Set(names)].filter((name) => !OPTIONAL.includes(name)).sort();
};

test('what the bundles load is declared, and nothing else', () => {
  expect(loadedBy(program)).toEqual([...Object.keys(dependencies), ...Object.keys(peerDependencies)].sort());
});

test('what is declared cannot be bundled: it reads a file of its own', () => {
  for (const name of Object.keys(dependencies)) {
    const files = readdirSync(join(ROOT, 'node_modules', name), { recursive: true, encoding: 'utf8' });
    expect({ name, files: files.filter((file) => /\.(wasm|node)$/.test(file)) }).toEqual({
      name,
      files: [expect.any(String)],
    });
  }
});

test('handlers load what the managed runtime has', () => {
  expect(loadedBy(handlers).filter((name) => !name.startsWith('@aws-sdk/client-'))).toEqual([]);
});

test('what is bundled is in devDependencies, so that `npm ci` can build it', () => {
  const named = [...program, ...handlers].flatMap(({ inputs }) =>
    Object.entries(inputs)
      .filter(([file]) => /^(bin|lib|lambda)\//.test(file))
      .flatMap(([, { imports }]) => imports.flatMap(({ original }) => original ?? [])),
  );
  const packages = named.filter((path) => !path.startsWith('.') && !isBuiltin(path)).map(packageOf);
  const declared = [dependencies, devDependencies, peerDependencies].flatMap(Object.keys);
  expect(packages.length).toBeGreaterThan(0);
  expect([...new Set(packages)].filter((name) => !declared.includes(name))).toEqual([]);
});

/** Bytes on a disk with blocks of 4 KB. */
const sizeOf = (folder: string): number =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => statSync(join(folder, name)))
    .reduce((sum, stat) => sum + Math.ceil(stat.size / 4096) * 4096, 0);

/** Folders of packages, with those that they depend on. */
const closure = (names: readonly string[]): string[] =>
  names.flatMap((name) => {
    const folder = join(ROOT, 'node_modules', name);
    return [folder, ...closure(Object.keys(packageJson(folder).dependencies ?? {}))];
  });

// test/slow/package.test.ts measures an installation; this says at once when somebody brought a package along.
test('bundles, pages and dependencies are at most 14 MB', () => {
  const bundles = [...program, ...handlers].flatMap(({ outputs }) => Object.values(outputs));
  const bytes =
    bundles.reduce((sum, each) => sum + each.bytes, 0) +
    ['docs', 'migrations'].map((name) => sizeOf(join(ROOT, name))).reduce((a, b) => a + b) +
    closure(Object.keys(dependencies))
      .filter(existsSync)
      .map(sizeOf)
      .reduce((a, b) => a + b);
  expect(bytes / 1e6).toBeLessThan(14);
});

/** The program's files, by their entries: modules of ours that are in them, and other files that they load. */
const filesOf = () =>
  new Map(
    ENTRIES.map((entry, i) => {
      const { inputs, outputs } = program[i]!;
      const imports = Object.values(outputs).flatMap((each) => each.imports);
      return [
        entry as string,
        {
          modules: Object.keys(inputs).filter((path) => !path.includes('node_modules/')),
          loads: [...new Set(imports.map(({ path }) => path).filter((path) => path.startsWith('.')))],
        },
      ];
    }),
  );

test('each file of the command line loads the next one, and the SDK is apart', () => {
  const built = filesOf();
  expect(built.get('bin/trueup')!.loads).toEqual(['../lib/cli/main.js']);
  expect(built.get('lib/cli/main')!.loads).toEqual(['./remote/aws.js']);
  expect(built.get('lib/cli/remote/aws')!.loads).toEqual([]);
  expect(built.get('lib/index')!.loads).toEqual([]);
});

test('no module of ours is in two files of one process, but for pure ones', () => {
  const built = filesOf();
  const files = ['bin/trueup', 'lib/cli/main', 'lib/cli/remote/aws'];
  const modules = files.flatMap((file) => built.get(file)!.modules);
  const twice = modules.filter((path, i) => modules.indexOf(path) !== i);
  expect(twice.sort()).toEqual(['lambda/aws-timeouts.ts', 'lib/package.ts']);
});

test('all packages that are bundled are named, with the text of each licence', () => {
  const folders = listBundledPackages([...handlers, ...program]);
  const held = new Set(
    folders.map((folder) => {
      const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
      return `${name} ${version}`;
    }),
  );
  const notices = thirdPartyNotices(folders);
  const parts = notices.split(/\n-{80}\n/).slice(1);
  for (const name of [
    'pg ',
    '@smithy/core ',
    'commander ',
    'hono ',
    '@dagrejs/dagre ',
    '@aws-sdk/client-lambda ',
  ])
    expect([...held].filter((each) => each.startsWith(name))).not.toEqual([]);
  expect(parts.map((part) => part.trim().split(' (')[0]).sort()).toEqual([...held].sort());
  for (const part of parts) expect(part).toMatch(/permission|licensed under|redistribution/i);
  expect(notices).not.toContain(ROOT);
  expect(notices).not.toMatch(/registry\./);
});

test('a package without the text of its licence is refused', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'trueup-notices-'));
  onTestFinished(() => rmSync(scratch, { recursive: true, force: true }));
  writeFileSync(join(scratch, 'package.json'), '{ "name": "a", "version": "1.0.0", "license": "MIT" }');
  expect(() => thirdPartyNotices([scratch])).toThrow(
    /^a 1\.0\.0 is bundled, but .* does not contain its license text/,
  );
});
