/**
 * Compiled folders, kept for each user by content and version: a command that finds nothing to do need not load
 * PostgreSQL's parser to know it. `cdk synth` and CI never read them.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { extname, join } from 'node:path';
import { entryOf, hashOf, type Manifest, sha256 } from '../../lambda/contract/manifest';
import { readFolder } from '../compiler/read/files';
import { packageVersion } from './package';

const KEPT_MS = 30 * 24 * 3_600_000;

/**
 * The folder's manifest as it was compiled before, or else by `compile`. A cache that cannot be read or written is done
 * without: it only saves time.
 */
export async function compiledBefore(
  folder: string,
  compile: () => Promise<Manifest>,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Manifest> {
  const file = cacheFile(folder, env);
  const known = file === undefined ? undefined : read(file);
  if (known) return known;
  const manifest = await compile();
  // A folder that was edited meanwhile (a branch switched, a file saved) was compiled as it is now, not as it was named.
  if (file !== undefined && file === cacheFile(folder, env)) write(file, manifest);
  return manifest;
}

/** Undefined where nothing is kept: in CI, from the sources, which change under one version, and where files are wrong. */
function cacheFile(folder: string, env: NodeJS.ProcessEnv): string | undefined {
  if (env.CI || extname(__filename) === '.ts') return undefined;
  const { files, problems } = readFolder(folder);
  if (problems.length > 0) return undefined;
  const contents = files
    .map(({ name, bytes }) => [name, sha256(Buffer.from(bytes).toString('base64'))])
    .sort();
  // A checkout that is built again has the same version and newer files.
  const built = statSync(__filename).mtimeMs;
  return join(cacheFolder(env), `${sha256(JSON.stringify([packageVersion(), built, contents]))}.json`);
}

function cacheFolder(env: NodeJS.ProcessEnv): string {
  const caches =
    process.platform === 'win32'
      ? (env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'))
      : process.platform === 'darwin'
        ? join(homedir(), 'Library', 'Caches')
        : (env.XDG_CACHE_HOME ?? join(homedir(), '.cache'));
  return join(caches, 'trueup');
}

function read(file: string): Manifest | undefined {
  try {
    if (!isOurs(file)) return undefined;
    const manifest = JSON.parse(readFileSync(file, 'utf8')) as Manifest;
    return hashOf(manifest.migrations.map(entryOf)) === manifest.hash ? manifest : undefined;
  } catch {
    return undefined;
  }
}

/** What is in it is run as SQL: nobody else may have written it. */
function isOurs(file: string): boolean {
  if (process.getuid === undefined) return true;
  return [file, join(file, '..')]
    .map((path) => statSync(path))
    .every(({ uid, mode }) => uid === process.getuid!() && (mode & 0o022) === 0);
}

function write(file: string, manifest: Manifest): void {
  try {
    const folder = join(file, '..');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const unfinished = `${file}.${process.pid}`;
    writeFileSync(unfinished, JSON.stringify(manifest), { mode: 0o600 });
    renameSync(unfinished, file);
    for (const name of readdirSync(folder)) {
      const old = join(folder, name);
      if (Date.now() - statSync(old).mtimeMs > KEPT_MS) rmSync(old, { force: true });
    }
  } catch {
    // No home, a full disk, somebody else's folder: the next run compiles again.
  }
}
