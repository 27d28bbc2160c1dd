import type { TestProject } from 'vitest/node';
import { useMemoryFolder } from '../../support/memory-folder';
import { reportFailure } from '../../support/teardown';
import { type LocalAws, startLocalAws } from './local-aws';
import { findPython } from './python';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Null where there is no Python: the tests are then skipped. */
    localAws: LocalAws | null;
  }
}

/** One local AWS, bootstrapped once, for the whole run; every test file makes stacks and databases of its own. */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  useMemoryFolder(4);
  const python = process.platform === 'win32' ? null : await findPython();
  if (python === null) {
    const why = 'whole deployments need Python 3.10 or newer with venv, and a POSIX shell';
    if (process.env.CI) throw new Error(`Not found: ${why}.`);
    process.stderr.write(`Skipped: ${why}.\n`);
    project.provide('localAws', null);
    return undefined;
  }
  const { aws, stop } = await startLocalAws(python);
  project.provide('localAws', aws);
  return reportFailure(stop);
}
