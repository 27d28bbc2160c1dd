// Runs vitest, and once more, alone, each test file that did not pass. A file that passes then is unstable, and does not
// fail the run. What no second run of a file can explain is a failure: a failed global setup, or vitest itself.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
/** If more files than this did not pass, none runs again: the cause is not chance, and the run fails in any case. */
const MAX_REPEATED = 20;

const running = new Set();
const folders = new Set();

/** A process that is told to end ends what it has started, and removes its reports. */
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => {
    for (const child of running) child.kill(signal);
    process.exit(1);
  });
process.on('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** @returns a folder for reports, which is removed when the process ends */
export function makeReportFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'test-report-'));
  folders.add(folder);
  return folder;
}

/** @returns the exit code; the output goes to this process's own */
export function runCommand(command, args, env = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: 'inherit', env: { ...process.env, ...env } });
    running.add(child);
    child.on('close', () => running.delete(child));
    child.on('error', (error) => {
      console.error(`${command}: ${error.message}`);
      resolve(127);
    });
    child.on('close', (code, signal) => resolve(code ?? `signal ${signal}`));
  });
}

/** @returns the exit code, and the report (.ci/reporter.mjs) unless vitest did not come so far */
export async function runVitest([program, ...args], path, env = {}) {
  // With CI, vitest writes no snapshots, and refuses `test.only`.
  const exitCode = await runCommand(program, args, { CI: 'true', ...env, TEST_REPORT: path });
  return { exitCode, report: existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined };
}

const MAX_ERROR_LINES = 12;
export const shortenError = (error) => error.split('\n').slice(0, MAX_ERROR_LINES).join('\n');
export const titleFailure = ({ project, file, name }) => `[${project}] ${file}${name ? ` > ${name}` : ''}`;

/** Whether each test of a file has a result, and nothing in it failed. A file whose tests are all skipped is passed. */
const hasPassed = ({ state, unresolved }) => (state === 'passed' || state === 'skipped') && unresolved === 0;

const isSame = (a, b) => a.project === b.project && a.file === b.file;

/**
 * Decides which files of a report run again, and which errors no file explains.
 *
 * @returns `suspects`, files of the report; `unexplained`, messages
 */
export function judgeReport(report, exitCode) {
  if (report === undefined)
    return { suspects: [], unexplained: [`vitest ended with ${exitCode} and wrote no report`] };
  const named = new Set(report.errors.map(({ file }) => file));
  const suspects = report.files.filter((each) => !hasPassed(each) || named.has(each.file));
  // Vitest's error about a killed worker names no file; the file has no result then.
  let withoutResult = suspects.filter(
    ({ state, unresolved }) => state === 'pending' || unresolved > 0,
  ).length;
  const unexplained = report.errors
    .filter(({ file, isWorkerEnd }) => {
      if (file !== undefined) return !suspects.some((each) => each.file === file);
      return !(isWorkerEnd && withoutResult-- > 0);
    })
    .map(({ error }) => error);
  // Vitest ends with 1 if a file did not pass. A global teardown that fails makes it end with 2 (test/support/teardown.ts).
  if (exitCode !== 0 && (exitCode !== 1 || suspects.length === 0) && unexplained.length === 0)
    unexplained.push(`vitest ended with ${exitCode}, which no test file explains`);
  return { suspects, unexplained };
}

const countTests = ({ passed, failed, skipped, unresolved }) => passed + failed + skipped + unresolved;

/** Whether the second run of a file has passed, with all the tests of the first one. */
const hasRecovered = (again, before) =>
  hasPassed(again) &&
  (again.state === 'passed' || before.state === 'skipped') &&
  again.skipped <= before.skipped &&
  countTests(again) >= countTests(before);

/** A file that did not pass counts as one failed test if none of its tests failed. */
const withFailure = (file) => ({ ...file, failed: Math.max(file.failed, 1) });

/** @returns what failed in a file, with errors: one entry for each test, or one for the file */
export const describeFailures = ({ project, file, unresolved, failures }, errors) => {
  const own = errors.filter((each) => each.file === file).map(({ error }) => ({ name: '', error }));
  const all = [...failures, ...own];
  if (all.length > 0) return all.map((each) => ({ project, file, ...each }));
  const error =
    unresolved > 0
      ? `${unresolved} tests have no result: its process ended or was killed`
      : 'it has no result: its process ended or was killed, or the global setup failed';
  return [{ project, file, name: '', error }];
};

/**
 * @param command the command that runs vitest, with its arguments
 * @param repeat builds the command that runs one file again, given its project and its path
 * @returns `files` with the counts of their last run; `unstable` and `failed`, tests with their first error; `problems`,
 * which fail the step although no file failed
 */
export async function runTests(
  command,
  repeat = (project, file) => ['npx', 'vitest', 'run', '--project', project, file],
) {
  const folder = makeReportFolder();
  const run = (command, name) => runVitest(command, join(folder, name));
  const first = await run(command, 'first.json');
  const { suspects, unexplained: problems } = judgeReport(first.report, first.exitCode);
  const files = (first.report?.files ?? []).filter((each) => !suspects.includes(each));
  const [unstable, failed] = [[], []];
  if (suspects.length > MAX_REPEATED)
    problems.push(
      `${suspects.length} test files did not pass; if there are more than ${MAX_REPEATED}, none runs again`,
    );
  for (const [index, suspect] of suspects.entries()) {
    const failures = describeFailures(suspect, first.report.errors);
    if (suspects.length > MAX_REPEATED) {
      files.push(withFailure(suspect));
      failed.push(...failures);
      continue;
    }
    console.log(`\n== again, alone (${index + 1} of ${suspects.length}): ${suspect.project} ${suspect.file}`);
    const second = await run(repeat(suspect.project, suspect.file), `${index}.json`);
    const again = second.report?.files.find((each) => isSame(each, suspect));
    if (second.exitCode === 0 && again !== undefined && hasRecovered(again, suspect)) {
      files.push(again);
      unstable.push(...failures);
    } else {
      files.push(withFailure(again ?? suspect));
      failed.push(...(again && !hasPassed(again) ? describeFailures(again, second.report.errors) : failures));
    }
  }
  if (files.every(({ passed, failed }) => passed + failed === 0))
    problems.push('no test ran, or all are skipped');
  return { files, unstable, failed, problems };
}
