// Adds up the JSON reports of the test runs in a folder. Fails when there is none, or one in which nothing ran.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.argv[2];
const reports = readdirSync(folder).map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')));
const sum = (field) => reports.reduce((total, report) => total + report[field], 0);
const [passed, failed] = [sum('numPassedTests'), sum('numFailedTests')];
if (sum('numPendingTests') > 0) console.log(`${sum('numPendingTests')} skipped`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = reports.length > 0 && reports.every((report) => report.numPassedTests > 0) ? 0 : 1;
