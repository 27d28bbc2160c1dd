/**
 * `npm run campaign:dbmate -- <folder>`: deploys a folder of dbmate's migrations with dbmate and with Trueup, each to an
 * empty PostgreSQL of its own, and compares the two catalogs to the last default, privilege and comment.
 *
 * A file that dbmate itself cannot run here (an extension or a role that is missing) is left out on both sides, and so
 * is what depends on it. A file with a name that Trueup does not take is renamed. Both are reported.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { CompileError, compileFolder, formatProblem } from '../../lib/compiler';
import { type PostgresServer, startPostgres } from '../../lib/scratch-postgres/server';
import { dumpCatalog } from '../support/dump-catalog';
import { run } from '../support/engine';

const DBMATE = join(__dirname, '../../node_modules/.bin/dbmate');
/** dbmate's own ledger, whose table and key Trueup's side has not. */
const ITS_LEDGER = /\bpublic\.schema_migrations\b|\bschema_migrations_/;

interface Side {
  readonly applied: number;
  readonly catalog: readonly string[];
}

async function main(folder: string, major: number | undefined): Promise<number> {
  const copy = mkdtempSync(join(tmpdir(), 'trueup-dbmate-'));
  const [theirs, ours] = await Promise.all([startPostgres({ major }), startPostgres({ major })]);
  try {
    const files = readdirSync(folder).filter((name) => /^\d+.*\.sql$/.test(name));
    for (const name of files) copyFileSync(join(folder, name), join(copy, name));
    const leftOut = migrateWithDbmate(copy, theirs);
    const renamed = renameForTrueup(copy);
    const [a, b] = [await sideOf(theirs, files.length - leftOut.length), await migrateWithTrueup(copy, ours)];
    report({ folder, leftOut, renamed, a, b });
    return differences(a, b).length === 0 && a.applied === b.applied ? 0 : 1;
  } finally {
    await Promise.all([theirs.stop(), ours.stop()]);
    rmSync(copy, { recursive: true });
  }
}

/** Runs dbmate until nothing is pending; each file that fails is taken away. */
function migrateWithDbmate(folder: string, server: PostgresServer): string[] {
  const leftOut: string[] = [];
  for (;;) {
    const url = `${server.url()}?sslmode=disable`;
    const { status, stdout, stderr } = spawnSync(
      DBMATE,
      ['--url', url, '--migrations-dir', folder, '--no-dump-schema', 'up'],
      { encoding: 'utf8' },
    );
    if (status === 0) return leftOut;
    const failed = [...stdout.matchAll(/^Applying: (\S.*\.sql)$/gm)].at(-1)?.[1];
    if (failed === undefined || leftOut.includes(failed)) throw new Error(`dbmate: ${stderr}`);
    leftOut.push(failed);
    rmSync(join(folder, failed));
    console.log(`dbmate cannot run ${failed}: ${stderr.trim().split('\n')[0]}`);
  }
}

function renameForTrueup(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => /[^\w.-]/.test(name))
    .map((name) => {
      const taken = name.replace(/[^\w.-]/g, '_');
      copyFileSync(join(folder, name), join(folder, taken));
      rmSync(join(folder, name));
      return `${name} to ${taken}`;
    });
}

/** The whole folder is history, as its `-- migrate:history` would say. */
async function migrateWithTrueup(folder: string, server: PostgresServer): Promise<Side> {
  const newest = readdirSync(folder).sort((a, b) =>
    BigInt(/^\d+/.exec(a)![0]) < BigInt(/^\d+/.exec(b)![0]) ? -1 : 1,
  );
  const history = newest.at(-1)?.replace(/\.sql$/, '');
  const manifest = await compileFolder(folder, {
    history,
    warn: (warning) => console.log(`warning: ${formatProblem(warning).split('\n')[0]}`),
  });
  const { outcome } = await run(server.url(), manifest, {}, { deadline: Date.now() + 600_000 });
  if (outcome.status === 'failed') console.log(`Trueup: ${JSON.stringify(outcome.error)}`);
  return sideOf(server, outcome.report.applied.length);
}

async function sideOf(server: PostgresServer, applied: number): Promise<Side> {
  const client = new Client({ connectionString: server.url() });
  await client.connect();
  try {
    const catalog = await dumpCatalog(client);
    return { applied, catalog: catalog.filter((line) => !ITS_LEDGER.test(line)) };
  } finally {
    await client.end();
  }
}

const differences = (a: Side, b: Side): string[] => [
  ...a.catalog.filter((line) => !b.catalog.includes(line)).map((line) => `dbmate alone: ${line}`),
  ...b.catalog.filter((line) => !a.catalog.includes(line)).map((line) => `Trueup alone: ${line}`),
];

interface Result {
  readonly folder: string;
  readonly leftOut: readonly string[];
  readonly renamed: readonly string[];
  readonly a: Side;
  readonly b: Side;
}

function report({ folder, leftOut, renamed, a, b }: Result): void {
  const found = differences(a, b);
  for (const line of found) console.log(line);
  console.log(
    `${folder}: dbmate applied ${a.applied} files, Trueup ${b.applied}; ${leftOut.length} that dbmate cannot run here left out; ` +
      `${renamed.length} renamed${renamed.length > 0 ? ` (${renamed.join(', ')})` : ''}; ` +
      `${a.catalog.length} lines of catalog, ${found.length} different.`,
  );
}

const [folder, major] = process.argv.slice(2);
if (folder === undefined) {
  console.error('Give the folder: npm run campaign:dbmate -- <folder> [major]');
  process.exitCode = 2;
} else
  main(folder, major === undefined ? undefined : Number(major)).then(
    (code) => {
      process.exitCode = code;
    },
    (error: unknown) => {
      console.error(error instanceof CompileError ? error.format() : error);
      process.exitCode = 1;
    },
  );
