/**
 * `npm run campaign:adopt -- [--major 18] [--only owner/name …]`: public folders of other tools, each deployed by its own tool to
 * one server, adopted, and what came of it deployed by Trueup to another. Both catalogs must be equal; then Trueup takes
 * the first database over, which must be a no-op. Programs that the project does not install are named in the environment
 * (`adopt/tools.ts`); a folder whose tool is not named is passed over, and that is said.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Client } from 'pg';
import type { Catalog } from '../../lambda/audit/catalog';
import { readCatalog } from '../../lambda/audit/catalog/read';
import { compareCatalogs } from '../../lambda/audit/compare';
import { parseNames } from '../../lambda/audit/names';
import { connectPg } from '../../lambda/postgres/pg';
import { excludeObjects } from '../../lib/adopt/own-objects';
import { type PostgresServer, startPostgres } from '../../lib/scratch-postgres/server';
import { bundleProgram } from '../cli/bundle';
import { dumpCatalog } from '../support/dump-catalog';
import { REPOSITORIES, type Repository } from './adopt/repositories';
import { type Ran, run } from './adopt/run';
import { fetchFolder } from './adopt/source';
import { deployBy, missingProgram } from './adopt/tools';

const ROOT = join(__dirname, '../..');

interface Outcome {
  readonly files: number;
  /** Sentences; empty where all is well. */
  readonly wrong: readonly string[];
  /** What `adopt` could not replay, and what its notes say beyond the form of a file. */
  readonly refused: readonly string[];
  readonly equal: number;
}

const PROGRAM = join(ROOT, 'node_modules/.cache', `trueup-campaign-${process.pid}.js`);
const trueup = (...args: string[]): Promise<Ran> => run(process.execPath, [PROGRAM, ...args]);

async function tried(repository: Repository, major: number): Promise<Outcome> {
  const scratch = mkdtempSync(join(tmpdir(), 'trueup-adopt-'));
  const output = join(scratch, 'taken');
  const servers = await Promise.all([startPostgres({ major }), startPostgres({ major })]);
  const [theirs, ours] = servers;
  try {
    const folder = await fetchFolder(repository, join(scratch, 'fetched'));
    for (const file of Object.keys(repository.leftOut ?? {})) rmSync(join(folder, file));
    for (const server of servers) await query(server, repository.before ?? '');
    await deployBy(repository.tool, folder, theirs);
    const at = ['--database-url', theirs.url()];
    const adopted = await trueup(
      'adopt',
      folder,
      '--tool',
      repository.tool,
      ...at,
      '--json',
      '--output',
      output,
    );
    const { entries, findings, notReplayed, ledger, output: written, error } = json(adopted);
    if (error) throw new Error(JSON.stringify(error));
    const wrong = findings.map((each: { message: string }) => `proof: ${each.message}`);
    if (entries.some(({ state }: { state: string }) => state !== 'applied'))
      wrong.push('the tool has applied all, and adopt says otherwise');
    const refused = [
      ...written.notes.filter((note: string) => !/: (BEGIN and COMMIT|SET|the ledger of) /.test(note)),
      ...notReplayed.map((each: object) => `not replayed: ${JSON.stringify(each)}`),
    ];

    const { mended } = repository;
    for (const file of mended ? readdirSync(output) : [])
      writeFileSync(join(output, file), mended!(readFileSync(join(output, file), 'utf8')));
    const fresh = await trueup('up', output, '--database-url', ours.url(), '--json');
    const { error: failure, report } = json(fresh);
    if (fresh.code !== 0) wrong.push(`up refuses: ${JSON.stringify(failure ?? report)}`);
    const { equal, differences } = await compared(theirs, ours, ledger);
    wrong.push(...differences);

    const baseline = await trueup('baseline', written.baseline, output, ...at);
    if (baseline.code !== 0) wrong.push(`baseline: ${baseline.stdout}${baseline.stderr}`);
    const again = await trueup('up', output, ...at, '--json');
    const { report: noop, error: notNoop } = json(again);
    if (again.code !== 0 || noop.applied.length > 0)
      wrong.push(`no no-op: ${JSON.stringify(notNoop ?? noop.applied)}`);
    return { files: entries.length, wrong, refused, equal };
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
    if (!process.env.KEEP) rmSync(scratch, { recursive: true });
    else console.log(scratch);
  }
}

function json({ stdout, stderr, code }: Ran) {
  try {
    return JSON.parse(stdout);
  } catch {
    throw new Error(`exit ${code}: ${stderr}${stdout}`);
  }
}

/** By Trueup's own comparison in both directions, and line by line by what the server says. */
async function compared(
  theirs: PostgresServer,
  ours: PostgresServer,
  ledger: string,
): Promise<{ readonly equal: number; readonly differences: readonly string[] }> {
  const [schema = '', name = ''] = parseNames(ledger);
  const own = new Set(['drizzle', 'supabase_migrations'].filter((each) => each === schema));
  const [a, b] = [await catalogOf(theirs), await catalogOf(ours)].map((catalog) =>
    excludeObjects(catalog, { schemas: own, tables: [{ schema, name }] }),
  ) as [Catalog, Catalog];
  const isOwn = (line: string): boolean =>
    line.includes(name) || [...own].some((each) => line.includes(each));
  const [there, here] = [await linesOf(theirs), await linesOf(ours)].map((lines) =>
    lines.filter((line) => !isOwn(line)),
  ) as [string[], string[]];
  return {
    equal: here.filter((line) => there.includes(line)).length,
    differences: [
      ...compareCatalogs(a, b).differences.map(({ message }) => `Trueup's has it not: ${message}`),
      ...compareCatalogs(b, a).differences.map(({ message }) => `Trueup's alone: ${message}`),
      ...there.filter((line) => !here.includes(line)).map((line) => `the tool's line: ${line}`),
      ...here.filter((line) => !there.includes(line)).map((line) => `Trueup's line: ${line}`),
    ],
  };
}

async function catalogOf(server: PostgresServer): Promise<Catalog> {
  const db = await connectPg({ url: server.url(), readOnly: true });
  try {
    return (await readCatalog(db)).catalog;
  } finally {
    await db.close();
  }
}

const linesOf = (server: PostgresServer): Promise<readonly string[]> => connected(server, dumpCatalog);

const query = (server: PostgresServer, sql: string): Promise<unknown> =>
  connected(server, (client) => client.query(sql));

async function connected<T>(server: PostgresServer, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: server.url() });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function main(major: number, only: readonly string[] | undefined): Promise<number> {
  bundleProgram(PROGRAM);
  process.once('exit', () => rmSync(PROGRAM));
  let wrong = 0;
  for (const repository of REPOSITORIES.filter(({ name }) => only === undefined || only.includes(name))) {
    const label = `${repository.tool}, ${repository.name}`;
    const missing = missingProgram(repository.tool);
    if (missing !== null) {
      console.log(`${label}: passed over, since ${missing} names no program`);
      continue;
    }
    try {
      const { files, equal, ...outcome } = await tried(repository, major);
      for (const line of [...outcome.refused, ...outcome.wrong.slice(0, 40)]) console.log(`  ${line}`);
      const verdict =
        outcome.wrong.length === 0 ? 'equal, and a no-op afterwards' : `${outcome.wrong.length} WRONG`;
      console.log(
        `${label}: ${files} files, ${equal} lines of catalog, ${outcome.refused.length} refused: ${verdict}`,
      );
      wrong += outcome.wrong.length;
    } catch (error) {
      console.log(`${label}: FAILED: ${(error as Error).message}`);
      wrong++;
    }
  }
  return wrong === 0 ? 0 : 1;
}

const { values } = parseArgs({
  options: { major: { type: 'string' }, only: { type: 'string', multiple: true } },
});
main(Number(values.major ?? 18), values.only).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  },
);
