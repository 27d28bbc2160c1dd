// Prints the test files that failed in the newest JSON report of a folder, one a line.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.argv[2];
const newest = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .map((name) => join(folder, name))
  .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0];
const { testResults } = newest ? JSON.parse(readFileSync(newest, 'utf8')) : { testResults: [] };
for (const { name, status } of testResults) if (status === 'failed') console.log(name);
