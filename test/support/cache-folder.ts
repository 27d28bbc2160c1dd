/** What the files of a run share, e.g. the bundled program: below node_modules, where its packages are found from. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  export interface ProvidedContext {
    cacheFolder: string;
  }
}

const CACHE = join(__dirname, '../../node_modules/.cache');

/** For a global setup. Returns what removes it. */
export function provideCacheFolder(project: TestProject): () => void {
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(join(CACHE, 'trueup-test-'));
  project.provide('cacheFolder', folder);
  const clear = () => rmSync(folder, { recursive: true, force: true });
  // In watch mode, sources have changed.
  project.onTestsRerun(clear);
  return clear;
}
