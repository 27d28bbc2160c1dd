// Prints the twenty slowest test files of a report as a Markdown table.
import { readFileSync } from 'node:fs';

const ROWS = 20;
const path = process.argv[2];
if (path === undefined) {
  console.error('Usage: node .ci/slowest.mjs REPORT (`TEST_REPORT=REPORT npm test` writes one)');
  process.exit(2);
}
const files = JSON.parse(readFileSync(path, 'utf8'))
  .files.map((each) => ({ ...each, tests: each.passed + each.failed + each.skipped + each.unresolved }))
  .sort((a, b) => b.seconds - a.seconds);
const sum = (key) => files.reduce((total, each) => total + each[key], 0);

console.log('| file | tests | seconds |\n|---|---|---|');
for (const { file, tests, seconds } of files.slice(0, ROWS))
  console.log(`| ${file} | ${tests} | ${seconds.toFixed(1)} |`);
console.log(`| all ${files.length} files | ${sum('tests')} | ${sum('seconds').toFixed(1)} |`);
