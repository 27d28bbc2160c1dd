import type { TestProject } from 'vitest/node';
import { installedMajors } from '../../lib/scratch-postgres/binaries';
import { startPostgres } from '../../lib/scratch-postgres/server';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Superuser URL of the shared server of each major. */
    servers: Record<number, string>;
  }
}

/** One server a major for the whole run; every test makes databases of its own. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const installed = installedMajors();
  const wanted = project.name === 'fast' ? [installed[0]!, installed.at(-1)!] : installed;
  const servers = await Promise.all([...new Set(wanted)].map((major) => startPostgres({ major })));
  project.provide('servers', Object.fromEntries(servers.map((server) => [server.major, server.url()])));
  return async () => {
    await Promise.all(servers.map((server) => server.stop()));
  };
}
