import type { TestProject } from 'vitest/node';
import { listInstalledMajors } from '../../lib/scratch-postgres/binaries';
import { startPostgres } from '../../lib/scratch-postgres/server';
import { provideCacheFolder } from './cache-folder';
import { useMemoryFolder } from './memory-folder';
import { reportFailure } from './teardown';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Superuser URL of the shared server of each major. */
    servers: Record<number, string>;
    /** The majors that tests repeat on. `servers` can have more. */
    majors: readonly number[];
  }
}

const newest = (installed: readonly number[]): number[] => installed.slice(-1);

const MAJORS: Readonly<Record<string, (installed: readonly number[]) => number[]>> = {
  fast: newest,
  'fast-shared': newest,
  mutation: newest,
  oldest: (installed) => installed.slice(0, 1),
  middle: (installed) => installed.slice(1, -1),
};

const LONG: ReadonlySet<string> = new Set(['oldest', 'middle', 'slow']);

/** One server a major for the whole run; every test makes databases of its own. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // Some files of the long projects make hundreds of databases, of 8 MB each.
  useMemoryFolder(LONG.has(project.name) ? 16 : 4);
  const removeCache = provideCacheFolder(project);
  const installed = listInstalledMajors();
  const majors = MAJORS[project.name]?.(installed) ?? installed;
  // On the oldest major the files of `npm test` run once more. What they do not repeat stays on the newest.
  const started = project.name === 'oldest' ? [...majors, ...newest(installed)] : majors;
  const servers = await Promise.all(
    [...new Set(started)].map((major) => startPostgres({ major, settings: { max_connections: '400' } })),
  );
  project.provide('majors', majors);
  project.provide('servers', Object.fromEntries(servers.map((server) => [server.major, server.url()])));
  return reportFailure(async () => {
    removeCache();
    await Promise.all(servers.map((server) => server.stop()));
  });
}
