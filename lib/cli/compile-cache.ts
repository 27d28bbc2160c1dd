/**
 * Caches compiled folders per user, by content and version, so that a command that finds nothing to do need not load
 * PostgreSQL's parser. `cdk synth` and CI never use the cache.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { extname, join } from 'node:path';
import { hashManifestEntries, type Manifest, sha256, toManifestEntry } from '../../lambda/contract/manifest';
import { readFolder } from '../compiler/read/files';
import { packageVersion } from '../package';

const CACHE_RETENTION_MS = 30 * 24 * 3_600_000;

/**
 * Returns the folder's manifest from the cache, or else compiles it. A cache that cannot be read or written is ignored,
 * since it only saves time.
 */
export async function compileCached(
  folder: string,
  compile: () => Promise<Manifest>,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Manifest> {
  const file = getCacheFile(folder, env);
  const known = file === undefined ? undefined : readCache(file);
  if (known) return known;
  const manifest = await compile();
  // If the folder was edited meanwhile (a branch was switched, a file saved), the manifest does not belong to this
  // cache key.
  if (file !== undefined && file === getCacheFile(folder, env)) writeCache(file, manifest);
  return manifest;
}

/**
 * Returns the cache file, or `undefined` if nothing is cached: in CI, when running from the sources (which change
 * without a new version), and if files are invalid.
 */
function getCacheFile(folder: string, env: NodeJS.ProcessEnv): string | undefined {
  if (env.CI || extname(__filename) === '.ts') return undefined;
  const { files, problems } = readFolder(folder);
  if (problems.length > 0) return undefined;
  const contents = files
    .map(({ name, bytes }) => [name, sha256(Buffer.from(bytes).toString('base64'))])
    .sort();
  // A checkout that is built again has the same version but newer files.
  const built = statSync(__filename).mtimeMs;
  return join(getCacheFolder(env), `${sha256(JSON.stringify([packageVersion(), built, contents]))}.json`);
}

function getCacheFolder(env: NodeJS.ProcessEnv): string {
  const caches =
    process.platform === 'win32'
      ? (env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'))
      : process.platform === 'darwin'
        ? join(homedir(), 'Library', 'Caches')
        : (env.XDG_CACHE_HOME ?? join(homedir(), '.cache'));
  return join(caches, 'trueup');
}

function readCache(file: string): Manifest | undefined {
  try {
    if (!isOwnedByUser(file)) return undefined;
    const manifest = JSON.parse(readFileSync(file, 'utf8')) as Manifest;
    return hashManifestEntries(manifest.migrations.map(toManifestEntry)) === manifest.hash
      ? manifest
      : undefined;
  } catch {
    return undefined;
  }
}

/** Tells whether only this user can have written the file: the SQL in it will be executed. */
function isOwnedByUser(file: string): boolean {
  if (process.getuid === undefined) return true;
  return [file, join(file, '..')]
    .map((path) => statSync(path))
    .every(({ uid, mode }) => uid === process.getuid!() && (mode & 0o022) === 0);
}

function writeCache(file: string, manifest: Manifest): void {
  try {
    const folder = join(file, '..');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const unfinished = `${file}.${process.pid}`;
    writeFileSync(unfinished, JSON.stringify(manifest), { mode: 0o600 });
    renameSync(unfinished, file);
    for (const name of readdirSync(folder)) {
      const old = join(folder, name);
      if (Date.now() - statSync(old).mtimeMs > CACHE_RETENTION_MS) rmSync(old, { force: true });
    }
  } catch {
    // No home directory, a full disk or another user's folder: the next run compiles again.
  }
}
