import type { TestProject } from 'vitest/node';
import { installedMajors } from '../../lib/scratch-postgres/binaries';
import { startPostgres } from '../../lib/scratch-postgres/server';
import { provideCacheFolder } from './cache-folder';
import { useMemoryFolder } from './memory-folder';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Superuser URL of the shared server of each major. */
    servers: Record<number, string>;
  }
}

const MAJORS: Readonly<Record<string, (installed: readonly number[]) => number[]>> = {
  fast: (installed) => [installed[0]!, installed.at(-1)!],
  mutation: (installed) => [installed.at(-1)!],
  middle: (installed) => installed.slice(1, -1),
};

const LONG: ReadonlySet<string> = new Set(['middle', 'slow']);

/** One server a major for the whole run; every test makes databases of its own. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // Some files of the long projects make hundreds of databases, of 8 MB each.
  useMemoryFolder(LONG.has(project.name) ? 16 : 4);
  const removeCache = provideCacheFolder(project);
  const installed = installedMajors();
  const wanted = MAJORS[project.name]?.(installed) ?? installed;
  const servers = await Promise.all(
    [...new Set(wanted)].map((major) => startPostgres({ major, settings: { max_connections: '400' } })),
  );
  project.provide('servers', Object.fromEntries(servers.map((server) => [server.major, server.url()])));
  return async () => {
    removeCache();
    await Promise.all(servers.map((server) => server.stop()));
  };
}
