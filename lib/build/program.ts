/** Bundles the command line and the constructs with esbuild, so that users do not install the bundled packages. */
import { join, posix, relative, resolve, sep } from 'node:path';
import { type BuildResult, build, type Metafile, type Plugin } from 'esbuild';
import { packageFolder } from '../package';

/**
 * Files that are loaded by name, so each is a separate bundle at the same relative path as its source. A module that was
 * bundled into two files of one process would be loaded twice, with separate state and error classes.
 */
export const ENTRIES = [
  // `--version` loads only this file.
  'bin/trueup',
  'lib/cli/main',
  // It contains the AWS SDK, which few commands need.
  'lib/cli/remote/aws',
  'lib/index',
  // These run in separate processes.
  'lib/compiler/sync-child',
  'lib/workload/sync-child',
  'lib/constructs/fleet/judge-query-child',
] as const;

/** Bundles of third-party code. Minifying halves them, and users do not have the files that a source map would name. */
const MINIFIED: ReadonlySet<string> = new Set(['lib/cli/remote/aws']);

/** Packages that users install: those with WebAssembly files, and those of the user's app. `pg` loads `pg-native` only on request. */
const EXTERNAL = ['libpg-query', 'node-sqlite3-wasm', 'aws-cdk-lib', 'constructs', 'esbuild', 'pg-native'];

type Bundle = BuildResult<{ metafile: true }>;

/** @param write whether to write the files to `folder`; the metafiles are returned in any case */
export async function buildProgram(folder: string, write = true): Promise<readonly Metafile[]> {
  const bundles: Promise<Bundle>[] = ENTRIES.map((entry) =>
    build({
      entryPoints: [join(packageFolder(), entry)],
      outfile: join(folder, `${entry}.js`),
      absWorkingDir: packageFolder(),
      bundle: true,
      platform: 'node',
      format: 'cjs',
      // The oldest Node.js version that package.json allows.
      target: 'node20',
      mainFields: ['module', 'main'],
      // CommonJS, as for the handlers: import() of a file would load Node's ES module loader.
      supported: { 'dynamic-import': false },
      external: EXTERNAL,
      plugins: [otherEntries(entry)],
      minify: MINIFIED.has(entry),
      sourcemap: !MINIFIED.has(entry) && 'linked',
      sourcesContent: false,
      // THIRD_PARTY_NOTICES.txt contains them.
      legalComments: 'none',
      metafile: true,
      logLevel: 'error',
      write,
    }),
  );
  return (await Promise.all(bundles)).map(({ metafile }) => metafile);
}

/** Plugin that loads modules of another entry from that entry's file. */
const otherEntries = (entry: string): Plugin => ({
  name: 'other entries',
  setup: ({ onResolve }) => {
    onResolve({ filter: /^\./ }, ({ path, resolveDir }) => {
      const target = relative(packageFolder(), resolve(resolveDir, path))
        .split(sep)
        .join('/')
        .replace(/\.js$/, '');
      if (target === entry || !ENTRIES.some((each) => each === target)) return undefined;
      const from = posix.relative(posix.dirname(entry), target);
      return { path: `${from.startsWith('.') ? from : `./${from}`}.js`, external: true };
    });
  },
});
