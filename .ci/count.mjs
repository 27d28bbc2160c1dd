// Adds up the JSON reports of the test runs in a folder, and names each test that failed with the beginning of its error.
// A test that failed and passed when its file was repeated alone (reports in the folder `repeated`) is named as unstable and
// does not count as failed. Exits with 1 when a test failed, when there is no report, or when a run had no test that passed.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

const root = join(import.meta.dirname, '..');
const folder = process.argv[2];
const readReports = (path) =>
  existsSync(path)
    ? readdirSync(path)
        .filter((name) => name.endsWith('.json'))
        .map((name) => JSON.parse(readFileSync(join(path, name), 'utf8')))
    : [];

/** A file that fails outside its tests (an import, a hook) counts as a test. */
const listResults = (reports) =>
  reports
    .flatMap(({ testResults }) => testResults)
    .flatMap(({ name, status, message, assertionResults }) => {
      const file = relative(root, name);
      const outside =
        status === 'failed' && !assertionResults.some((test) => test.status === 'failed')
          ? [{ name: file, status, message }]
          : [];
      return assertionResults
        .map((test) => ({
          name: `${file} > ${test.fullName}`,
          status: test.status,
          message: test.failureMessages?.join('\n'),
        }))
        .concat(outside);
    });

const reports = readReports(folder);
const results = listResults(reports);
const repeated = new Map(
  listResults(readReports(join(folder, 'repeated'))).map(({ name, status }) => [name, status]),
);
const failed = results.filter(({ status }) => status === 'failed');
const unstable = failed.filter(({ name }) => repeated.get(name) === 'passed');
const lasting = failed.filter((test) => !unstable.includes(test));
const skipped = results.filter(({ status }) => !['passed', 'failed'].includes(status)).length;

for (const { name } of unstable) console.log(`unstable: ${name}`);
for (const { name, message } of lasting)
  console.log(`failed: ${name}\n${(message ?? '').split('\n').slice(0, 12).join('\n')}\n`);
if (skipped > 0) console.log(`${skipped} skipped`);
if (unstable.length > 0) console.log(`${unstable.length} failed, and passed when repeated alone`);
console.log(`${results.filter(({ status }) => status === 'passed').length} passed, ${lasting.length} failed`);
process.exitCode =
  lasting.length === 0 && reports.length > 0 && reports.every((report) => report.numPassedTests > 0) ? 0 : 1;
