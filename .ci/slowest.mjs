// Prints the twenty slowest test files as a Markdown table, from vitest's JSON reports (a file, or a folder of them).
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';

const ROWS = 20;
const path = process.argv[2];
if (path === undefined) throw new Error('which report? (TEST_RESULTS=folder npm test writes one)');
const reports = statSync(path).isDirectory() ? readdirSync(path).map((name) => join(path, name)) : [path];
const root = join(import.meta.dirname, '..');

const files = reports
  .flatMap((report) => JSON.parse(readFileSync(report, 'utf8')).testResults)
  .map(({ name, startTime, endTime, assertionResults }) => ({
    name: relative(root, name),
    seconds: (endTime - startTime) / 1000,
    tests: assertionResults.length,
  }))
  .sort((a, b) => b.seconds - a.seconds);
const all = files.reduce((sum, { seconds }) => sum + seconds, 0);

console.log('| file | tests | seconds |\n|---|---|---|');
for (const { name, tests, seconds } of files.slice(0, ROWS))
  console.log(`| ${name} | ${tests} | ${seconds.toFixed(1)} |`);
console.log(
  `| all ${files.length} files | ${files.reduce((sum, { tests }) => sum + tests, 0)} | ${all.toFixed(1)} |`,
);
