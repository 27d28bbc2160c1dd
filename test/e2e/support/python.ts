/** The emulator is a Python program: finds a Python, and installs what it needs into a folder that git does not see. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const CANDIDATES = ['python3', 'python', ...[14, 13, 12, 11, 10].map((minor) => `python3.${minor}`)];
const LOWEST = [3, 10] as const;
const ROOT = resolve(__dirname, '../../..');
export const LOCAL_AWS = resolve(__dirname, '../local-aws');

export interface Python {
  readonly command: string;
  readonly version: string;
}

/** The first Python that is new enough; null when there is none. */
export async function findPython(candidates = CANDIDATES): Promise<Python | null> {
  for (const command of candidates) {
    try {
      const { stdout } = await run(command, [
        '-c',
        'import sys, venv, ensurepip; print(*sys.version_info[:3], sep=".")',
      ]);
      const version = stdout.trim();
      const [major = 0, minor = 0] = version.split('.').map(Number);
      if (major > LOWEST[0] || (major === LOWEST[0] && minor >= LOWEST[1])) return { command, version };
    } catch {
      // Not there, or without its venv module (a package of its own on Debian).
    }
  }
  return null;
}

/**
 * The Python of a virtual environment that has the pinned requirements. It is made once for each content of the file,
 * under node_modules/.cache, or in the temporary folder when that one is not ours to write.
 */
export async function pythonWithRequirements(
  python: Python,
  file = join(LOCAL_AWS, 'requirements.txt'),
): Promise<string> {
  const key = createHash('sha256')
    .update(`${python.version}\n${readFileSync(file, 'utf8')}`)
    .digest('hex')
    .slice(0, 16);
  const folder = join(cacheFolder(), `python-${key}`);
  const executable = join(folder, 'bin', 'python');
  if (existsSync(executable)) return executable;
  // Made beside its place and moved there when it is whole: a killed or a second run never sees half of one.
  const draft = `${folder}.${process.pid}`;
  try {
    await run(python.command, ['-m', 'venv', draft]);
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--require-virtualenv'];
    await run(join(draft, 'bin', 'python'), [...pip, '--requirement', file], { maxBuffer: 1 << 26 });
    if (!existsSync(folder)) renameSync(draft, folder);
  } catch (error) {
    if (!existsSync(executable)) throw error;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return executable;
}

function cacheFolder(): string {
  const modules = join(ROOT, 'node_modules');
  try {
    accessSync(modules, constants.W_OK);
    const folder = join(modules, '.cache', 'trueup-e2e');
    mkdirSync(folder, { recursive: true });
    return folder;
  } catch {
    const folder = join(tmpdir(), `trueup-e2e-${userInfo().uid}`);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return folder;
  }
}
