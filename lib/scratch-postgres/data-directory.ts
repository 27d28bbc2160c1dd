/** The folder of a temporary server: its data directory, made by initdb, and its certificate. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Binaries, findBinaries } from './binaries';

const run = promisify(execFile);

export interface ServerFiles {
  readonly folder: string;
  readonly dataDirectory: string;
  /** The superuser's. */
  readonly password: string;
  readonly binaries: Binaries;
  /** Owner of the files, whom the server has to run as. Undefined: whoever runs this process. */
  readonly user: User | undefined;
}

interface User {
  readonly uid: number;
  readonly gid: number;
}

/** PEM texts. */
interface Tls {
  readonly cert: string;
  readonly key: string;
}

/** Leaves nothing behind when it fails. @throws {Error} with initdb's own words */
export async function makeDataDirectory(
  major: number,
  superuser: string,
  tls: Tls | undefined,
): Promise<ServerFiles> {
  const password = randomBytes(16).toString('hex');
  const user = unprivilegedUser();
  const folder = mkdtempSync(join(tmpdir(), 'trueup-pg-'));
  const dataDirectory = join(folder, 'data');
  try {
    if (user) chownSync(folder, user.uid, user.gid);
    const binaries = findBinaries(major, folder, user?.uid);
    const passwordFile = join(folder, 'password');
    writeOwned(passwordFile, password, user);
    const initdb = ['-D', dataDirectory, '-U', superuser, '-A', 'scram-sha-256', `--pwfile=${passwordFile}`];
    // LC_ALL: initdb refuses to start under a locale that the machine does not have.
    await run(binaries.initdb, [...initdb, '-E', 'UTF8', '--locale=C', '-N'], {
      ...user,
      cwd: folder,
      env: { ...process.env, LC_ALL: 'C' },
    });
    rmSync(passwordFile);
    if (tls) requireTls(folder, dataDirectory, tls, user);
    return { folder, dataDirectory, password, binaries, user };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** PostgreSQL refuses to run as root; `nobody` can run it, and initdb needs a user with an entry in /etc/passwd. */
function unprivilegedUser(): User | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const entry = readFileSync('/etc/passwd', 'utf8').match(/^(?:nobody):[^:]*:(\d+):(\d+)/m);
  if (!entry) throw new Error('PostgreSQL does not run as root, and there is no user `nobody` to run it as.');
  return { uid: Number(entry[1]), gid: Number(entry[2]) };
}

function requireTls(folder: string, dataDirectory: string, tls: Tls, user: User | undefined): void {
  writeOwned(join(folder, 'server.crt'), tls.cert, user);
  writeOwned(join(folder, 'server.key'), tls.key, user);
  writeFileSync(
    join(dataDirectory, 'pg_hba.conf'),
    'local all all scram-sha-256\nhostssl all all 127.0.0.1/32 scram-sha-256\nhostssl all all ::1/128 scram-sha-256\n',
  );
}

/** Nobody else may read it. */
function writeOwned(file: string, text: string, user: User | undefined): void {
  writeFileSync(file, text, { mode: 0o600 });
  if (user) chownSync(file, user.uid, user.gid);
}
