/**
 * Bundles each handler into one file with esbuild, without Docker or a lock file of the user's app. The published
 * package contains the bundles (`npm run build`), because esbuild removes far more unused code from the TypeScript
 * sources than from compiled JavaScript.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { codeRoot, isSource, packageFolder } from '../../package';

export const HANDLERS = ['deploy', 'migrate', 'page', 'notify', 'fleet-run'] as const;
export type HandlerName = (typeof HANDLERS)[number];

/** File name to content, as they lie in the function's folder. */
export type BundleFiles = Readonly<Record<string, string>>;

/**
 * Packages that are not bundled. The managed runtime includes the SDK's clients
 * (https://docs.aws.amazon.com/lambda/latest/dg/lambda-nodejs.html) but does not guarantee the SDK's other packages, so
 * those are bundled. `pg` loads `pg-native` only on request.
 */
const EXTERNAL_MODULES = ['@aws-sdk/client-*', 'pg-native'];

const bundleCache = new Map<HandlerName, BundleFiles>();

/** Where a handler lies ready made, below a build's root. */
export const getPrebuiltFolder = (root: string, handler: HandlerName): string =>
  join(root, 'lambda', handler, 'bundled');

/** Returns `index.js` and its source map, bundled once per process. */
export function bundleHandler(handler: HandlerName): BundleFiles {
  const files = bundleCache.get(handler) ?? readPrebuilt(handler) ?? buildBundle(handler);
  bundleCache.set(handler, files);
  return files;
}

function readPrebuilt(handler: HandlerName): BundleFiles | undefined {
  const folder = getPrebuiltFolder(codeRoot(), handler);
  if (!existsSync(folder)) return undefined;
  return Object.fromEntries(
    readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]),
  );
}

/** @throws {Error} where there are no sources, or esbuild is not installed */
export function buildBundle(handler: HandlerName): BundleFiles {
  const { outputFiles } = runEsbuild(handler);
  return Object.fromEntries(outputFiles.map((file) => [basename(file.path), file.text]));
}

export const runEsbuild = (handler: HandlerName) =>
  loadEsbuild(handler).buildSync({
    entryPoints: [join(packageFolder(), 'lambda', handler, 'index')],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node22',
    minify: true,
    // ES modules are preferred, because esbuild removes unused code only from those (130 KB of @smithy/core).
    mainFields: ['module', 'main'],
    // `import()` becomes require(): the runtime's own packages are found through NODE_PATH, which import() ignores.
    supported: { 'dynamic-import': false },
    external: EXTERNAL_MODULES,
    sourcemap: 'linked',
    sourcesContent: false,
    // THIRD_PARTY_NOTICES.txt contains them, see lib/build/notices.ts.
    legalComments: 'none',
    metafile: true,
    logLevel: 'silent',
    // Nothing is written to disk: source maps contain paths relative to these folders, so a temporary folder would
    // change the asset's hash.
    write: false,
    absWorkingDir: packageFolder(),
    outdir: join(packageFolder(), 'out'),
  });

/** Only a checkout has it, for its sources: loaded here, and not for those who have the handlers ready made. */
function loadEsbuild(handler: HandlerName): typeof import('esbuild') {
  if (!isSource())
    throw new Error(
      `The handler ${handler} is missing from ${codeRoot()}. Install trueup again; in a checkout, run \`npm run build\`.`,
    );
  try {
    // require(): constructs cannot wait.
    return require('esbuild') as typeof import('esbuild');
  } catch (cause) {
    throw new Error(
      `The handler ${handler} has to be bundled from its sources, and esbuild is not installed. Run \`npm ci\`, with ` +
        `devDependencies, in ${packageFolder()}.`,
      { cause },
    );
  }
}

/** Writes the files into `folder`, which is created if needed. Callers can run a handler from there without CDK. */
export function writeFiles(folder: string, files: BundleFiles): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
}
