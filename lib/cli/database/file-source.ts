/** The source that `--from` names: a database, or a file of one of several kinds. */
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Database } from '../../../lambda/postgres/database';
import { connectPg } from '../../../lambda/postgres/pg';
import type { AuditOptions } from '../../audit/audit';
import { readSnapshotFile, SnapshotProblem } from '../../audit/file';
import type { Snapshot } from '../../audit/snapshot';
import { readDumpSnapshot } from '../../audit/sources/dump/source';
import {
  DIRECTORY_FORMAT_PROBLEM,
  detectFileKind,
  type FileKind,
  HEAD_BYTES,
} from '../../audit/sources/head';
import { SourceProblem } from '../../audit/sources/source-problem';
import { readSqliteSnapshot } from '../../audit/sources/sqlite/source';
import { packageVersion } from '../../package';
import { listInstalledMajors, NoEmbeddedServer } from '../../scratch-postgres/binaries';
import { UsageError } from '../terminal/failure';
import { createProgressView } from '../terminal/progress';
import type { Terminal } from '../terminal/terminal';
import { withScratchServer } from './own-server';
import { buildServerTarget } from './scratch';
import { createTrialRole } from './trial-role';

export type SourceArgument =
  | { readonly url: string }
  | { readonly snapshot: Snapshot }
  | { readonly file: string; readonly kind: Exclude<FileKind, 'snapshot'> };

/**
 * Determines the kind of the source before anything is connected, by the beginning of the file. A snapshot is read
 * completely.
 * @throws {UsageError}
 */
export function parseSourceArgument(from: string): SourceArgument {
  if (/^postgres(ql)?:\/\//.test(from)) return { url: from };
  if (OTHER_SERVER.test(from))
    throw new UsageError(
      '--from names a server, but not as a PostgreSQL URL',
      'Give a URL that begins with postgres:// or postgresql://, or a file.',
    );
  return withUsageErrors(from, () => {
    requireReadable(from);
    const kind = detectFileKind(readFileHead(from));
    return kind === 'snapshot' ? { snapshot: readSnapshotFile(from) } : { file: from, kind };
  });
}

/** Matches `mysql://…` and `host=… dbname=…`. The text may hold a password, so no message repeats it. */
const OTHER_SERVER = /^[a-z][\w+.-]*:\/\/|(?:^|\s)(?:host|dbname|user|password)\s*=/i;

/**
 * Checks that the source is a regular file, since it is read twice.
 * @throws {UsageError | SourceProblem}
 */
function requireReadable(file: string): void {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat?.isFile()) return;
  if (stat?.isDirectory() && existsSync(join(file, 'toc.dat'))) throw DIRECTORY_FORMAT_PROBLEM;
  const is = stat?.isDirectory()
    ? 'is a folder, not a file'
    : 'is a pipe or a device; the file must be read twice';
  throw stat
    ? new SourceProblem(
        is,
        'Give a snapshot, an SQL dump or an SQLite file. Write the output of a pipe to a file first.',
      )
    : new UsageError(`there is no file ${file}`, 'Give a URL, a snapshot, an SQL dump or an SQLite file.');
}

/**
 * Reads the source from its file.
 * @param target the database that the source is compared with
 * @throws {UsageError}
 */
export async function readSource(
  terminal: Terminal,
  given: Exclude<SourceArgument, { url: string }>,
  target: Database,
): Promise<Exclude<AuditOptions['source'], undefined | Database>> {
  if ('snapshot' in given) return given.snapshot;
  const { file, kind } = given;
  if (kind === 'sqlite')
    return (catalog) => withUsageErrors(file, () => readSqliteSnapshot(file, catalog, packageVersion()));
  return withUsageErrorsAsync(file, async () =>
    loadDumpSnapshot(terminal, file, await readMajorVersion(target)),
  );
}

async function loadDumpSnapshot(terminal: Terminal, file: string, wanted: number): Promise<Snapshot> {
  const major = findNearestMajor(wanted);
  const size = statSync(file).size;
  const snapshot = await withScratchServer(
    terminal,
    { major, superuser: 'trueup_superuser' },
    (server, own) => {
      const progress = createProgressView(own);
      let read = 0;
      return progress.during(async () => {
        progress.now('starting a scratch server');
        const postgres = await connectPg(buildServerTarget(server).pg);
        const role = await createTrialRole(postgres).finally(() => postgres.close());
        const { pg } = buildServerTarget(server, role.database);
        const superuser = await connectPg(pg);
        const db = await connectPg({ ...pg, user: role.name, password: role.password });
        return readDumpSnapshot(
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
    },
  );
  if (major === wanted) return snapshot;
  return {
    ...snapshot,
    notChecked: [
      {
        what: `PostgreSQL ${wanted}`,
        why: `the dump was loaded into PostgreSQL ${major}, the nearest version that is installed`,
      },
      ...snapshot.notChecked,
    ],
  };
}

/**
 * Returns the installed version that is nearest to the wanted one.
 * @throws {NoEmbeddedServer} if none is installed
 */
function findNearestMajor(wanted: number): number {
  const installed = [...listInstalledMajors()].sort(
    (a, b) => Math.abs(a - wanted) - Math.abs(b - wanted) || b - a,
  );
  if (installed[0] === undefined) throw new NoEmbeddedServer(wanted);
  return installed[0];
}

async function readMajorVersion(db: Database): Promise<number> {
  const [row] = await db.query<{ version: number }>(
    "SELECT pg_catalog.current_setting('server_version_num')::pg_catalog.int4 AS version",
  );
  return Math.floor(Number(row!.version) / 10_000);
}

function readFileHead(file: string): Buffer {
  const handle = openSync(file, 'r');
  try {
    const buffer = Buffer.alloc(HEAD_BYTES);
    return buffer.subarray(0, readSync(handle, buffer));
  } finally {
    closeSync(handle);
  }
}

function toUsageError(file: string, error: unknown): unknown {
  if (error instanceof SourceProblem || error instanceof SnapshotProblem)
    return new UsageError(`${file} ${error.message}`, fillFileName(error.remedy, file));
  if (error instanceof NoEmbeddedServer) return new UsageError(error.summary, error.remedy);
  return error;
}

/** Inserts the file's name into the command of a remedy, so that it can be pasted. */
function fillFileName(remedy: string, file: string): string {
  const word = /^[\w./+-]+$/.test(file) ? file : `'${file.replaceAll("'", `'\\''`)}'`;
  return remedy.replace(
    /(?<=pg_restore --file=dump\.sql )(?:FILE|FOLDER)$|\bFILE(?= > UNPACKED)/,
    () => word,
  );
}

function withUsageErrors<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw toUsageError(file, error);
  }
}

async function withUsageErrorsAsync<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toUsageError(file, error);
  }
}
