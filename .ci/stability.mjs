// Runs all test files several times on a machine that is far too busy: one core, which four other processes keep busy, and
// temporary files on a disk. Prints each test that failed at least once: `npm run test:stability -- 3`.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  describeFailures,
  judgeReport,
  makeReportFolder,
  runVitest,
  shortenError,
  titleFailure,
} from './run-tests.mjs';

const PROJECTS = ['fast', 'fast-shared', 'oldest', 'middle', 'slow', 'e2e'];
const BUSY_PROCESSES = 4;
const DISK = '/var/tmp';

const USAGE = `Usage: npm run test:stability -- [ROUNDS] [--projects NAME,…] [FILE…]

Runs the test files ROUNDS times (default: 1) on one core beside ${BUSY_PROCESSES} busy processes, with temporary files on a disk.
The core is the first, or the one that the process is pinned to (taskset -c 1 npm run test:stability), so that two runs
fit on two cores.
Exit codes: 0 every test passed each time, 1 a test failed, 2 wrong use.

Projects: ${PROJECTS.join(', ')} (default: all)`;

function readArguments(args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      projects: { type: 'string', default: PROJECTS.join(',') },
      help: { type: 'boolean', short: 'h' },
    },
  });
  const [first = '1'] = positionals;
  const isCount = /^[1-9]\d*$/.test(first);
  if (!isCount && /^[\d.]+$/.test(first)) throw new Error(`not a number of rounds: ${first}`);
  const projects = [...new Set(values.projects.split(','))];
  const unknown = projects.filter((name) => !PROJECTS.includes(name));
  if (unknown.length > 0) throw new Error(`unknown projects: ${unknown.join(', ')}`);
  return {
    help: values.help === true,
    projects,
    rounds: isCount ? Number(first) : 1,
    files: isCount ? positionals.slice(1) : positionals,
  };
}

const MUST_PIN = availableParallelism() > 1 && existsSync('/usr/bin/taskset');

/** Pins a command to one core where that is possible: the first, or the one that this process is already pinned to. */
const pin = (command) => (MUST_PIN ? ['taskset', '--cpu-list', '0', ...command] : command);

/** Ends with this process, even if that is killed. */
const BUSY = `while (process.ppid === ${process.pid}) for (let i = 0; i < 1e8; i++);`;

function startBusyProcesses() {
  const children = Array.from({ length: BUSY_PROCESSES }, () => {
    const [program, ...args] = pin([process.execPath, '-e', BUSY]);
    return spawn(program, args, { stdio: 'ignore' });
  });
  return () => {
    for (const child of children) child.kill();
  };
}

async function main({ rounds, projects, files }) {
  const folder = makeReportFolder();
  const env = existsSync(DISK) ? { TMPDIR: DISK } : {};
  /** @type {Map<string, { rounds: Set<number>, error: string }>} by title */
  const failures = new Map();
  const note = (round, title, error) => {
    const { rounds = new Set(), error: first = error } = failures.get(title) ?? {};
    failures.set(title, { rounds: rounds.add(round), error: first });
  };
  let found = 0;
  const stop = startBusyProcesses();
  try {
    for (let round = 1; round <= rounds; round++)
      for (const project of projects) {
        const began = Date.now();
        console.log(`\n== round ${round} of ${rounds}: ${project}`);
        const command = ['npx', 'vitest', 'run', '--passWithNoTests', '--project', project, ...files];
        const { report, exitCode } = await runVitest(
          pin(command),
          join(folder, `${round}-${project}.json`),
          env,
        );
        found += report?.files.length ?? 1;
        const { suspects, unexplained } = judgeReport(report, exitCode);
        for (const each of suspects.flatMap((file) => describeFailures(file, report.errors)))
          note(round, titleFailure(each), each.error);
        for (const error of unexplained) note(round, `[${project}] outside its test files`, error);
        console.log(`-- round ${round}, ${project}: ${Math.round((Date.now() - began) / 1000)} s`);
      }
  } finally {
    stop();
  }
  if (found === 0) {
    console.error(`no test file matches ${files.join(', ')}`);
    return 2;
  }
  for (const [title, { rounds: inRounds, error }] of failures)
    console.log(`\nfailed ${inRounds.size} of ${rounds} times: ${title}\n${shortenError(error)}`);
  console.log(`\n${failures.size} failed at least once`);
  return failures.size > 0 ? 1 : 0;
}

let args;
try {
  args = readArguments(process.argv.slice(2));
} catch (error) {
  console.error(`${error.message}\n\n${USAGE}`);
  process.exit(2);
}
if (args.help) console.log(USAGE);
else process.exitCode = await main(args);
