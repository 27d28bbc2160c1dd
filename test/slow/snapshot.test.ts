/** A snapshot of ten thousand tables: how often the server is asked, what the process needs. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readCatalog } from '../../lambda/audit/catalog/read';
import { readSnapshot } from '../../lib/audit/file';
import { attempts, disturbed, readOnly } from '../audit/support';
import { cleanEnvironment, command } from '../cli/trueup';
import { connect, createDatabase, newestMajor } from '../support/database';

const TABLES = 10_000;
const VIEWS = 500;
const MAX_MEMORY_KB = 300 * 1024;

const scratch = mkdtempSync(join(tmpdir(), 'trueup-snapshot-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** In portions: one transaction that makes all would need more locks than a server has. */
async function tenThousand(url: string): Promise<void> {
  const client = await connect(url);
  for (let from = 1; from <= TABLES; from += 500)
    await client.query(
      `DO $$ BEGIN FOR i IN ${from}..${from + 499} LOOP
         EXECUTE format('CREATE TABLE t%s (id serial PRIMARY KEY, a text NOT NULL DEFAULT ''x'', b int UNIQUE, c timestamptz DEFAULT now(),
           d numeric(10, 2) CHECK (d > 0), e uuid, f jsonb, g boolean)', i);
       END LOOP; END $$`,
    );
  for (let from = 1; from <= VIEWS; from += 100)
    await client.query(
      `DO $$ BEGIN FOR i IN ${from}..${from + 99} LOOP
         EXECUTE format('CREATE VIEW v%s AS SELECT x.id, y.a FROM t%s x JOIN t%s y ON y.id = x.b', i, i, i + 1);
       END LOOP; END $$`,
    );
}

/** What ten thousand need does not depend on the major: the newest. */
describe('a snapshot', () => {
  test('of ten thousand tables', async () => {
    const major = newestMajor();
    const url = await createDatabase(major);
    await tenThousand(url);
    const watched = disturbed(await readOnly(url), 'nothing', async () => {});
    const { catalog, moved } = await readCatalog(watched.db);
    expect(moved).toBe(false);
    expect([catalog.tables.length, catalog.columns.length, catalog.views.length]).toEqual([
      TABLES,
      TABLES * 8,
      VIEWS,
    ]);
    // One question a kind, and one for every fifty views: none for each table.
    expect(attempts(watched.sent, 'row_to_json')).toBeLessThanOrEqual(24 + VIEWS / 50);

    // With --exact-counts each table is read, fifty in a transaction: more at once than a server has locks for.
    const file = join(scratch, `${major}.json`);
    const began = Date.now();
    const { stdout, memoryKb } = await measured([
      'snapshot',
      '--exact-counts',
      '--json',
      '--database-url',
      url,
      '--output',
      file,
    ]);
    const { taken } = JSON.parse(stdout) as { taken: { ms: object } };
    console.info(
      `PostgreSQL ${major}: ${Date.now() - began} ms, ${JSON.stringify(taken.ms)}, ${memoryKb} KB, file ${readFileSync(file).length} bytes`,
    );
    const snapshot = readSnapshot(readFileSync(file, 'utf8'));
    expect(snapshot.rows).toHaveLength(TABLES);
    expect(snapshot.sequenceValues).toHaveLength(TABLES);
    expect(snapshot.notChecked.filter(({ what }) => what !== 'workload')).toEqual([]);
    expect(memoryKb).toBeLessThan(MAX_MEMORY_KB);
  });
});

/** The program, and the most memory that it had. */
function measured(args: readonly string[]): Promise<{ stdout: string; memoryKb: number }> {
  const script = `
    process.argv.splice(1, 0, ...${JSON.stringify([...command(), ...args])});
    process.on('exit', () => process.stderr.write('\\nmaxRSS ' + process.resourceUsage().maxRSS));
    require(process.argv[1]);`;
  return new Promise((done, failed) => {
    execFile(
      process.execPath,
      ['-e', script],
      { env: cleanEnvironment(), maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) =>
        error
          ? failed(new Error(stderr))
          : done({ stdout, memoryKb: Number(/maxRSS (\d+)$/.exec(stderr)?.[1]) }),
    );
  });
}
