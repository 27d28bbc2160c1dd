/** Creates the folder of a temporary server: its data directory, by initdb, and its certificate. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Binaries, findBinaries } from './binaries';

const execFileAsync = promisify(execFile);

export interface ServerFiles {
  readonly folder: string;
  readonly dataDirectory: string;
  /** Password of the superuser. */
  readonly password: string;
  readonly binaries: Binaries;
  /** Owner of the files, as whom the server must run; `undefined` for the user of this process. */
  readonly user: ServerUser | undefined;
}

interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

/** Certificate and key as PEM texts. */
interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

/**
 * Creates the files of a server. Leaves nothing behind if it fails.
 * @throws {Error} with initdb's own message
 */
export async function makeDataDirectory(
  major: number,
  superuser: string,
  tls: TlsFiles | undefined,
): Promise<ServerFiles> {
  const password = randomBytes(16).toString('hex');
  const user = findUnprivilegedUser();
  const folder = mkdtempSync(join(tmpdir(), 'trueup-pg-'));
  const dataDirectory = join(folder, 'data');
  try {
    if (user) chownSync(folder, user.uid, user.gid);
    const binaries = findBinaries(major, folder, user?.uid);
    const passwordFile = join(folder, 'password');
    writeOwned(passwordFile, password, user);
    const initdb = ['-D', dataDirectory, '-U', superuser, '-A', 'scram-sha-256', `--pwfile=${passwordFile}`];
    // LC_ALL: initdb does not start with a locale that the machine lacks.
    await execFileAsync(binaries.initdb, [...initdb, '-E', 'UTF8', '--locale=C', '-N'], {
      ...user,
      cwd: folder,
      env: { ...process.env, LC_ALL: 'C' },
    });
    rmSync(passwordFile);
    if (tls) enableTls(folder, dataDirectory, tls, user);
    return { folder, dataDirectory, password, binaries, user };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/**
 * Returns the user `nobody` if this process is root, because PostgreSQL refuses to run as root and initdb needs a user
 * with an entry in /etc/passwd.
 */
function findUnprivilegedUser(): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const entry = readFileSync('/etc/passwd', 'utf8').match(/^(?:nobody):[^:]*:(\d+):(\d+)/m);
  if (!entry) throw new Error('PostgreSQL does not run as root, and there is no user `nobody` to run it as.');
  return { uid: Number(entry[1]), gid: Number(entry[2]) };
}

function enableTls(folder: string, dataDirectory: string, tls: TlsFiles, user: ServerUser | undefined): void {
  writeOwned(join(folder, 'server.crt'), tls.cert, user);
  writeOwned(join(folder, 'server.key'), tls.key, user);
  writeFileSync(
    join(dataDirectory, 'pg_hba.conf'),
    'local all all scram-sha-256\nhostssl all all 127.0.0.1/32 scram-sha-256\nhostssl all all ::1/128 scram-sha-256\n',
  );
}

/** Writes a file that only its owner can read. */
function writeOwned(file: string, text: string, user: ServerUser | undefined): void {
  writeFileSync(file, text, { mode: 0o600 });
  if (user) chownSync(file, user.uid, user.gid);
}
