// Writes what became of each test file to the file in TEST_REPORT. Vitest's own JSON report is not enough: there, a file
// whose worker was killed is "passed", a failed import is a failed file without a failed test, and projects have no names.
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { inspect } from 'node:util';

const ROOT = join(import.meta.dirname, '..');
const toFile = (path) => relative(ROOT, path).replaceAll('\\', '/');
const readText = (error) => error?.stack || error?.message || inspect(error);

/** One file of one project. `unresolved` counts tests without a result, for example because their worker was killed. */
function describeFile(module) {
  const tests = [...module.children.allTests()];
  const count = (state) => tests.filter((test) => test.result().state === state).length;
  const failures = tests
    .filter((test) => test.result().state === 'failed')
    .map((test) => ({ name: test.fullName, error: readText(test.result().errors?.[0]) }));
  const outside = [module, ...module.children.allSuites()]
    .flatMap((part) => part.errors())
    .map((error) => ({ name: '', error: readText(error) }));
  return {
    project: module.project.name,
    file: toFile(module.moduleId),
    state: module.state(),
    passed: count('passed'),
    failed: count('failed'),
    skipped: count('skipped'),
    unresolved: count('pending'),
    seconds: module.diagnostic().duration / 1000,
    failures: [...failures, ...outside],
  };
}

export default class {
  #planned = [];
  #path = process.env.TEST_REPORT;

  constructor() {
    // Workers, and a vitest that a test starts, must not write to it.
    delete process.env.TEST_REPORT;
  }

  onTestRunStart(specifications) {
    this.#planned = specifications.map(({ project, moduleId }) => ({
      project: project.name,
      file: toFile(moduleId),
    }));
  }

  onTestRunEnd(modules, unhandledErrors) {
    const files = modules.map(describeFile);
    const known = new Set(files.map(({ project, file }) => `${project} ${file}`));
    const unreported = this.#planned
      .filter(({ project, file }) => !known.has(`${project} ${file}`))
      .map((each) => ({
        ...each,
        state: 'pending',
        passed: 0,
        failed: 0,
        skipped: 0,
        unresolved: 0,
        seconds: 0,
        failures: [],
      }));
    const errors = unhandledErrors.map((error) => ({
      file: error.VITEST_TEST_PATH ? toFile(error.VITEST_TEST_PATH) : undefined,
      error: readText(error),
      isWorkerEnd: /^\[vitest-pool\]/.test(error.message ?? ''),
    }));
    mkdirSync(dirname(this.#path), { recursive: true });
    const draft = `${this.#path}.${process.pid}`;
    writeFileSync(draft, JSON.stringify({ files: [...files, ...unreported], errors }));
    renameSync(draft, this.#path);
  }
}
