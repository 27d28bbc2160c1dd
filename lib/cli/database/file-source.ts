/** What `--from` names: a database, or a file of one of several kinds. */
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Database } from '../../../lambda/postgres/database';
import { connectPg } from '../../../lambda/postgres/pg';
import type { AuditOptions } from '../../audit/audit';
import { readSnapshotFile, SnapshotProblem } from '../../audit/file';
import type { Snapshot } from '../../audit/snapshot';
import { snapshotOfDump } from '../../audit/sources/dump/source';
import { DIRECTORY_FORMAT, type FileKind, HEAD_BYTES, kindOf } from '../../audit/sources/head';
import { SourceProblem } from '../../audit/sources/problem';
import { snapshotOfSqlite } from '../../audit/sources/sqlite/source';
import { installedMajors, NoEmbeddedServer } from '../../scratch-postgres/binaries';
import { packageVersion } from '../package';
import { UsageError } from '../terminal/failure';
import { progressView } from '../terminal/progress';
import type { Terminal } from '../terminal/terminal';
import { withOwnServer } from './own-server';
import { serverTarget } from './scratch';
import { createTrialRole } from './trial-role';

export type Given =
  | { readonly url: string }
  | { readonly snapshot: Snapshot }
  | { readonly file: string; readonly kind: Exclude<FileKind, 'snapshot'> };

/** Before anything is connected: how the file begins, and all of a snapshot. @throws {UsageError} */
export function givenSource(from: string): Given {
  if (/^postgres(ql)?:\/\//.test(from)) return { url: from };
  if (OTHER_SERVER.test(from))
    throw new UsageError(
      '--from names a server in another form than a URL of PostgreSQL',
      'Give a URL that begins with postgres:// or postgresql://, or a file.',
    );
  return inWords(from, () => {
    requireReadable(from);
    const kind = kindOf(headOf(from));
    return kind === 'snapshot' ? { snapshot: readSnapshotFile(from) } : { file: from, kind };
  });
}

/** `mysql://…`, `host=… dbname=…`: it may hold a password, and is not repeated. */
const OTHER_SERVER = /^[a-z][\w+.-]*:\/\/|(?:^|\s)(?:host|dbname|user|password)\s*=/i;

/** @throws {UsageError} */
function requireReadable(file: string): void {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat?.isFile()) return;
  if (stat?.isDirectory() && existsSync(join(file, 'toc.dat'))) throw DIRECTORY_FORMAT;
  const is = stat?.isDirectory() ? 'is a folder, not a file' : 'is a pipe or a device, and is read twice';
  throw stat
    ? new SourceProblem(
        is,
        'Give a snapshot, a dump in SQL or an SQLite file; write what comes out of a pipe to a file.',
      )
    : new UsageError(`there is no file ${file}`, 'Give a URL, a snapshot, a dump in SQL or an SQLite file.');
}

/** @param target what it is compared with @throws {UsageError} */
export async function readSource(
  terminal: Terminal,
  given: Exclude<Given, { url: string }>,
  target: Database,
): Promise<Exclude<AuditOptions['source'], undefined | Database>> {
  if ('snapshot' in given) return given.snapshot;
  const { file, kind } = given;
  if (kind === 'sqlite')
    return (catalogue) => inWords(file, () => snapshotOfSqlite(file, catalogue, packageVersion()));
  return inWordsLater(file, async () => fromDump(terminal, file, await majorOf(target)));
}

async function fromDump(terminal: Terminal, file: string, wanted: number): Promise<Snapshot> {
  const major = nearestMajor(wanted);
  const size = statSync(file).size;
  const snapshot = await withOwnServer(terminal, { major, superuser: 'trueup_superuser' }, (server, own) => {
    const progress = progressView(own);
    let read = 0;
    return progress.during(async () => {
      progress.now('starting a scratch server');
      const postgres = await connectPg(serverTarget(server).pg);
      const role = await createTrialRole(postgres).finally(() => postgres.close());
      const { pg } = serverTarget(server, role.database);
      const superuser = await connectPg(pg);
      const db = await connectPg({ ...pg, user: role.name, password: role.password });
      return snapshotOfDump(
        file,
        { db, superuser, role: role.name },
        {
          version: packageVersion(),
          progress: (bytes) => {
            read += bytes;
            progress.now(`loading ${file}: ${Math.floor((100 * read) / size)} %`);
          },
        },
      ).finally(() => Promise.all([db.close(), superuser.close()]));
    });
  });
  if (major === wanted) return snapshot;
  return {
    ...snapshot,
    notSeen: [
      {
        what: `PostgreSQL ${wanted}`,
        why: `the dump was loaded to PostgreSQL ${major}, the nearest that is installed`,
      },
      ...snapshot.notSeen,
    ],
  };
}

/** @throws {NoEmbeddedServer} where none is installed */
function nearestMajor(wanted: number): number {
  const installed = [...installedMajors()].sort(
    (a, b) => Math.abs(a - wanted) - Math.abs(b - wanted) || b - a,
  );
  if (installed[0] === undefined) throw new NoEmbeddedServer(wanted);
  return installed[0];
}

async function majorOf(db: Database): Promise<number> {
  const [row] = await db.query<{ version: number }>(
    "SELECT pg_catalog.current_setting('server_version_num')::pg_catalog.int4 AS version",
  );
  return Math.floor(Number(row!.version) / 10_000);
}

function headOf(file: string): Buffer {
  const handle = openSync(file, 'r');
  try {
    const buffer = Buffer.alloc(HEAD_BYTES);
    return buffer.subarray(0, readSync(handle, buffer));
  } finally {
    closeSync(handle);
  }
}

function usageOf(file: string, error: unknown): unknown {
  if (error instanceof SourceProblem || error instanceof SnapshotProblem)
    return new UsageError(`${file} ${error.message}`, error.remedy);
  if (error instanceof NoEmbeddedServer) return new UsageError(error.summary, error.remedy);
  return error;
}

function inWords<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw usageOf(file, error);
  }
}

async function inWordsLater<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw usageOf(file, error);
  }
}
