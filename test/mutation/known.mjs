/**
 * Mutations that once no test noticed. Each is made by itself in a copy of what is committed, and the named tests, most of
 * which need a server, must fail. `npm run mutation -- known [NUMBER …]`.
 */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

/** `old` stands once in the file. */
export const KNOWN = [
  {
    what: "what somebody's code raises counts as the server's words",
    file: 'lambda/postgres/server-words.ts',
    old: "if (RAISING_ROUTINES.test(origin?.routine ?? '')) return false;",
    put: '',
    tests: 'engine/apply/row-data engine/apply/raised',
  },
  {
    what: 'the same where the server does not say who raised it',
    file: 'lambda/postgres/server-words.ts',
    old: 'origin?.routine !== undefined || isServerMessage(message)',
    put: 'true',
    tests: 'engine/apply/row-data',
  },
  {
    what: 'after a lock is met, the whole message is sent again',
    file: 'lambda/engine/apply/execute.ts',
    old: 'keep(failed);',
    put: '',
    tests: 'engine/shared-message',
  },
  {
    what: 'an edited batch is no edit',
    file: 'lib/compiler/migration.ts',
    old: 'sha256(batch === null ? up :',
    put: 'sha256(true ? up :',
    tests: 'compiler/manifest',
  },
  {
    what: 'events that were cut count as whole',
    file: 'lambda/deploy/history.ts',
    old: 'return history.whole && history.results.length > 0',
    put: 'return history.results.length > 0',
    tests: 'deploy/classify-request',
  },
  {
    what: 'after the last page that is read there are no older ones',
    file: 'lambda/deploy/stack-state.ts',
    old: 'exhausted = false;',
    put: '',
    tests: 'deploy/stack-state',
  },
  {
    what: 'events are read without end',
    file: 'lambda/deploy/stack-state.ts',
    old: 'enough || pages === MAX_PAGES',
    put: 'enough',
    tests: 'deploy/stack-state',
  },
  {
    what: 'FAILED is told while the direction is unknown',
    file: 'lambda/deploy/poll.ts',
    old: 'if (unsure && ',
    put: 'if (false && ',
    tests: 'deploy/poll',
  },
  {
    what: 'migrate is invoked when this function has no time left',
    file: 'lambda/deploy/poll.ts',
    old: 'context.remainingMs() < neededMs',
    put: 'false',
    tests: 'deploy/poll',
  },
  {
    what: 'migrate is invoked when the deployment has no time left',
    file: 'lambda/deploy/poll.ts',
    old: 'leftMs < MIN_SLICE_MS',
    put: 'false',
    tests: 'deploy/poll',
  },
  {
    what: 'the statements of `up` may hold their locks for ever',
    file: 'lambda/engine/apply/script.ts',
    old: "script.addHeld('up'",
    put: "script.add('up'",
    tests: 'engine/apply/script',
  },
  {
    what: 'verify may write',
    file: 'lambda/engine/verify.ts',
    old: "'SET TRANSACTION READ ONLY', ",
    put: '',
    tests: 'engine/ledger/ledger',
  },
  {
    what: 'what a whole migration lacks is no error of its undo',
    file: 'lambda/engine/undo/undo.ts',
    old: "step.partial && origin?.section === 'down'",
    put: "origin?.section === 'down'",
    tests: 'engine/shared-message',
  },
  {
    what: 'what stopped half way is undone in one transaction',
    file: 'lambda/engine/undo/undo.ts',
    old: '!step.partial && step.statements',
    put: 'step.statements',
    tests: 'engine/shared-message',
  },
  {
    what: "a newer ledger's version is lowered",
    file: 'lambda/engine/ledger/schema.ts',
    old: 'version = greatest(ledger.version, excluded.version)',
    put: 'version = excluded.version',
    tests: 'engine/ledger/ledger',
  },
  {
    what: "the version of a newer ledger's functions is lowered",
    file: 'lambda/engine/ledger/schema.ts',
    old: 'functions_version = greatest(ledger.functions_version, excluded.functions_version)',
    put: 'verification = excluded.verification',
    tests: 'engine/ledger/ledger',
  },
];

/** @returns the exit code: 1 where one survived, or cannot be made */
export function runKnown(numbers) {
  const chosen = KNOWN.map((each, index) => ({ ...each, number: index + 1 })).filter(
    ({ number }) => numbers.length === 0 || numbers.includes(String(number)),
  );
  const stale = chosen.flatMap(({ number, file, old }) =>
    !existsSync(file) || readFileSync(file, 'utf8').split(old).length !== 2
      ? [`${number}: ${file} no longer has once: ${old}`]
      : [],
  );
  for (const each of stale) console.error(each);
  if (stale.length > 0 || chosen.length === 0) return 1;
  const copy = realpathSync(mkdtempSync(join(tmpdir(), 'trueup-mutation-')));
  const git = (...args) => spawnSync('git', args, { stdio: ['ignore', 'ignore', 'inherit'] }).status;
  if (git('worktree', 'add', '--quiet', '--detach', copy, 'HEAD') !== 0) return 1;
  try {
    symlinkSync(join(process.cwd(), 'node_modules'), join(copy, 'node_modules'));
    const survived = chosen.filter((each) => !isKilled(copy, each));
    console.log(`known: ${chosen.length} mutations, ${chosen.length - survived.length} killed`);
    return survived.length > 0 ? 1 : 0;
  } finally {
    git('worktree', 'remove', '--force', copy);
    rmSync(copy, { recursive: true, force: true });
  }
}

/** Killed is what makes a test fail that passes without it, and nothing else: a run that ends otherwise tells nothing. */
function isKilled(copy, { number, what, file, old, put, tests }) {
  const path = join(copy, file);
  const source = readFileSync(path, 'utf8');
  const files = tests.split(' ').map((name) => `test/${name}.test.ts`);
  writeFileSync(
    path,
    source.replace(old, () => put),
  );
  const [killer] = failedIn(copy, number, files);
  writeFileSync(path, source);
  if (killer !== undefined && failedIn(copy, number, [killer.file], killer.name).length > 0)
    throw new Error(`${number}: "${killer.name}" fails without the mutation as well`);
  console.log(`${number}. ${what}: ${killer === undefined ? 'SURVIVED' : `killed by "${killer.name}"`}`);
  return killer !== undefined;
}

/** @param name of one test. @default - all tests of the files */
function failedIn(copy, number, files, name) {
  const vitest = join(copy, 'node_modules/vitest/vitest.mjs');
  const only = name === undefined ? [] : ['-t', `^${name.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}$`];
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [vitest, 'run', '--project', 'fast', '--project', 'fast-shared', '--reporter=json', ...only, ...files],
    { cwd: copy, encoding: 'utf8', maxBuffer: 2 ** 28 },
  );
  const found = stdout.slice(stdout.indexOf('{"numTotalTestSuites"'));
  if (!found.startsWith('{')) throw new Error(`${number}: the tests did not run\n${stderr}`);
  const ran = JSON.parse(found.slice(0, found.lastIndexOf('}') + 1)).testResults;
  const missing = files.filter((file) => !ran.some((each) => each.name === join(copy, file)));
  const results = ran.flatMap(({ name: path, assertionResults }) =>
    assertionResults.map(({ fullName, status }) => ({ file: relative(copy, path), name: fullName, status })),
  );
  if (missing.length > 0 || !results.some(({ status }) => status === 'passed' || status === 'failed'))
    throw new Error(`${number}: not run by the fast project: ${[...missing, name].join(' ')}`);
  return results.filter(({ status }) => status === 'failed');
}
