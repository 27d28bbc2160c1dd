/**
 * Handlers as one file each, made by esbuild: no Docker, no lock file of the user's app. The published package carries them
 * ready made (`npm run build`), since esbuild leaves out far more of what is not used when it reads the TypeScript sources.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { buildSync } from 'esbuild';

export const HANDLERS = ['deploy', 'migrate', 'page', 'notify', 'fleet-run'] as const;
export type HandlerName = (typeof HANDLERS)[number];

/** File name to content, as they lie in the function's folder. */
export type Files = Readonly<Record<string, string>>;

/** The package's root in the sources, `dist` in the published package: `lambda/` lies beside `lib/` in both. */
const ROOT = resolve(__dirname, '../../..');

/**
 * The clients are in the managed runtime (https://docs.aws.amazon.com/lambda/latest/dg/lambda-nodejs.html); other
 * packages of the SDK are not promised there, so they are bundled. `pg` asks for `pg-native` only when told to.
 */
const EXTERNAL = ['@aws-sdk/client-*', 'pg-native'];

const bundled = new Map<HandlerName, Files>();

/** Where a handler lies ready made, below a build's root. */
const madeFolder = (root: string, handler: HandlerName): string => join(root, 'lambda', handler, 'bundled');

/** `index.js` and its source map; bundled once a process. */
export function bundle(handler: HandlerName): Files {
  const files = bundled.get(handler) ?? made(handler) ?? build(handler);
  bundled.set(handler, files);
  return files;
}

function made(handler: HandlerName): Files | undefined {
  const folder = madeFolder(ROOT, handler);
  if (!existsSync(folder)) return undefined;
  return Object.fromEntries(
    readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]),
  );
}

function build(handler: HandlerName): Files {
  const { outputFiles } = buildSync({
    entryPoints: [join(ROOT, 'lambda', handler, 'index')],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node22',
    minify: true,
    // ES modules where a package has them: only then does esbuild leave out what is not used (130 KB of @smithy/core).
    mainFields: ['module', 'main'],
    // `import()` becomes require(): the runtime's own packages are found through NODE_PATH, which import() ignores.
    supported: { 'dynamic-import': false },
    external: EXTERNAL,
    sourcemap: 'linked',
    sourcesContent: false,
    legalComments: 'none',
    logLevel: 'silent',
    // Nothing is written: source maps hold paths relative to these, so a temporary folder would change the asset's hash.
    write: false,
    absWorkingDir: ROOT,
    outdir: join(ROOT, 'out'),
  });
  return Object.fromEntries(outputFiles.map((file) => [basename(file.path), file.text]));
}

/** For those who run a handler without CDK: writes the files into `folder`, which is made. */
export function writeFiles(folder: string, files: Files): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
}

// `npm run build`: tsx lib/constructs/functions/bundle.ts dist
if (require.main === module && process.argv[2] !== undefined) {
  for (const handler of HANDLERS) writeFiles(madeFolder(process.argv[2], handler), build(handler));
}
