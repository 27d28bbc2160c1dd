/**
 * docs/compatibility.md: what format 1 wrote can be read. The files in test/data/format-1 were written by the build
 * that began format 1, and never change. Only a file that does not exist yet is written here, and then committed.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import {
  hashManifestEntries,
  hashWorkload,
  serializeRecordedDown,
  toManifestEntry,
} from '../../lambda/contract/manifest';
import { verify } from '../../lambda/engine';
import { buildInstallSql } from '../../lambda/engine/ledger/schema';
import { readRunState } from '../../lambda/fleet-run/run';
import { buildDocument } from '../../lambda/page/document/render';
import { buildWebhookRequest } from '../../lambda/page/forms/webhook';
import { listOpenPages, readEnds } from '../../lambda/page/page-records';
import { connectPg } from '../../lambda/postgres/pg';
import { readSnapshot, writeSnapshot } from '../../lib/audit/file';
import { takeSnapshot } from '../../lib/audit/snapshot';
import { parseSuppressions } from '../../lib/audit/suppressions';
import { loadParser } from '../../lib/compiler/read/parser';
import { readWorkload, writeWorkload } from '../../lib/workload/file';
import { membersOf, StandIn } from '../fleet-run/stand-in';
import { CONTENT } from '../page/content';
import { isWebhookBody } from '../page/forms';
import { connect, createDatabase } from '../support/database';
import { contextFor, up } from '../support/engine';
import { manifestOf, migration, promising } from '../support/manifest';

beforeAll(loadParser);

const FOLDER = join(__dirname, '../data/format-1');
const DOCUMENT = join(__dirname, '../../docs/compatibility.md');

/** Returns the text of a file, which is written if it does not exist. */
async function kept(name: string, write: () => string | Promise<string>): Promise<string> {
  const path = join(FOLDER, name);
  if (!existsSync(path)) writeFileSync(path, await write());
  return readFileSync(path, 'utf8');
}

const toText = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

const owner = { account: '111122223333', region: 'eu-west-1', stackName: 'shop' };
const orders = migration('0001_orders', {
  up: ['CREATE TABLE orders (id int PRIMARY KEY, note text)'],
  verify: "SELECT * FROM trueup.has_column('orders', 'note')",
});
const note = migration('0002_note', {
  up: ["ALTER TABLE orders ALTER note SET DEFAULT ''"],
  down: ['ALTER TABLE orders ALTER note DROP DEFAULT'],
  undo: 'automatic',
});
const before = promising(manifestOf(orders), 'SELECT note FROM orders');
const after = promising(manifestOf(orders, note), 'SELECT note FROM orders');

const TABLES = [
  'ledger',
  'namespaces',
  'migrations',
  'deployments',
  'events',
  'workload_statements',
  'workload_plans',
] as const;

/** The ledger after a deployment that succeeded and one that failed. */
async function dumpLedger(): Promise<string> {
  const url = await createDatabase();
  const client = await connect(url);
  await up(url, before, { id: 'first', owner });
  await up(url, after, { id: 'second', owner });
  await client.query("UPDATE trueup.deployments SET outcome = 'failed' WHERE id = 'second'");
  const dump: Record<string, unknown> = {};
  for (const table of TABLES) {
    const { rows } = await client.query(
      `SELECT to_jsonb(t) AS row FROM trueup.${table} t ORDER BY to_jsonb(t)::text`,
    );
    dump[table] = rows.map(({ row }) => row);
  }
  return toText(dump);
}

test('a ledger: its rows are read, and a rollback undoes what they recorded', async () => {
  const dump = JSON.parse(await kept('ledger.json', dumpLedger)) as Record<string, unknown[]>;
  const url = await createDatabase();
  const client = await connect(url);
  await client.query(`BEGIN; ${buildInstallSql(null).join(';\n')}; DELETE FROM trueup.ledger; COMMIT;
    CREATE TABLE orders (id int PRIMARY KEY, note text DEFAULT '')`);
  for (const table of TABLES)
    await client.query(
      `INSERT INTO trueup.${table} OVERRIDING SYSTEM VALUE SELECT r.* FROM jsonb_populate_recordset(NULL::trueup.${table}, $1) r`,
      [JSON.stringify(dump[table])],
    );
  for (const [table, column] of [
    ['deployments', 'seq'],
    ['events', 'id'],
  ])
    await client.query(
      `SELECT setval(pg_get_serial_sequence('trueup.${table}', '${column}'), (SELECT max(${column}) FROM trueup.${table}))`,
    );
  expect(after.hash).toBe((dump.deployments![1] as { manifest_hash: string }).manifest_hash);
  expect(await verify(contextFor(url, after), 'app')).toMatchObject({
    verified: ['0001_orders'],
    withoutVerify: ['0002_note'],
    pending: [],
    errors: [],
  });
  const back = await up(url, before, {
    id: 'back',
    owner,
    direction: 'rollback',
    failed: { manifestHash: after.hash, reportedSuccess: false },
  });
  expect(back.report).toMatchObject({ undone: ['0002_note'], kept: [], warnings: [] });
  expect((await client.query('SELECT workload FROM trueup.namespaces')).rows).toEqual([
    { workload: before.workload!.hash },
  ]);
});

test('hashes, and the recorded form of a down section', () => {
  const locks = [{ relation: 'orders', mode: 'SHARE UPDATE EXCLUSIVE', created: false }] as const;
  const drop = { sql: 'DROP INDEX CONCURRENTLY orders_note', execution: 'non-transactional', locks } as const;
  const index = migration('0002_note', {
    up: ["ALTER TABLE orders ALTER note SET DEFAULT ''"],
    down: [drop],
    undo: 'automatic',
  });
  expect(serializeRecordedDown(index.down)).toBe(
    '[["non-transactional","DROP INDEX CONCURRENTLY orders_note","DROP INDEX",[["orders","SHARE UPDATE EXCLUSIVE"]],3]]',
  );
  expect(hashManifestEntries([toManifestEntry(index)])).toBe(
    'fc624ecb97f05cb0638d6f0aec63c160b5ee0c74bdf654636d39c813627032ee',
  );
  expect(hashWorkload([{ text: 'SELECT 1', role: 'app', searchPath: null, calls: 3 }])).toBe(
    '99f8d5ac24a2a0a631ad8f5d53233fe6144d4e3e620e50a6e7cb7c69039250e3',
  );
});

async function takeSmallSnapshot(): Promise<string> {
  const url = await createDatabase();
  await (
    await connect(url)
  ).query(`CREATE TABLE customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text UNIQUE);
    CREATE TABLE orders (id int PRIMARY KEY, customer bigint REFERENCES customers, total int CHECK (total > 0));
    CREATE VIEW totals AS SELECT customer, sum(total) AS total FROM orders GROUP BY customer;
    COMMENT ON TABLE orders IS 'one a purchase'; ANALYZE`);
  const db = await connectPg({ url });
  try {
    return writeSnapshot(await takeSnapshot(db, { version: '1.0.0', count: true }));
  } finally {
    await db.close();
  }
}

test('a snapshot is read, and written to the same bytes', async () => {
  const text = await kept('snapshot.json', takeSmallSnapshot);
  expect(writeSnapshot(readSnapshot(text))).toBe(text);
});

test('a workload file is read, and written to the same bytes', async () => {
  const text = await kept('workload.sql', () =>
    writeWorkload(
      readWorkload(
        '-- role app; calls 12; search_path "$user", public\nSELECT id FROM orders WHERE id = 7;\n\n-- role unknown\nSELECT id FROM customers;',
      ),
    ),
  );
  const workload = readWorkload(text);
  expect(workload.entries.map(({ senders }) => senders)).toEqual([
    [{ role: null, calls: null, searchPath: null }],
    [{ role: 'app', calls: 12, searchPath: '"$user", public' }],
  ]);
  expect(writeWorkload(workload)).toBe(text);
});

test('a suppressions file', async () => {
  const text = await kept(
    'suppressions.txt',
    () => '# of 2026\nmissing-foreign-key public.orders.customer  # archived customers are deleted\n',
  );
  expect(parseSuppressions(text)).toEqual([
    {
      id: 'missing-foreign-key',
      object: 'public.orders.customer',
      reason: 'archived customers are deleted',
      line: 2,
    },
  ]);
});

test('the body of a webhook', async () => {
  const write = () => buildWebhookRequest(buildDocument(CONTENT), 'secret', 0).body;
  const text = await kept('webhook.json', write);
  isWebhookBody(JSON.parse(text));
  expect(listKeys(JSON.parse(write()))).toEqual(expect.arrayContaining(listKeys(JSON.parse(text))));
});

const listKeys = (value: unknown, at = ''): string[] =>
  typeof value !== 'object' || value === null
    ? [at]
    : Object.entries(value).flatMap(([key, each]) =>
        listKeys(each, Array.isArray(value) ? at : `${at}.${key}`),
      );

test('the state of a fleet run', async () => {
  const text = await kept('fleet-run.json', async () => {
    const aws = new StandIn();
    aws.members = membersOf('a', 'b', 'c');
    await aws.poll('r');
    await aws.toEnd('r');
    return toText(await readRunState('r', aws.inside.bucket));
  });
  const state = await readRunState('r', { get: async () => text });
  const aws = new StandIn();
  aws.members = membersOf('a', 'b', 'c');
  await aws.poll('r');
  await aws.toEnd('r');
  expect(state).toEqual(await readRunState('r', aws.inside.bucket));
});

test("the pager's own lines", async () => {
  const about = (dedupKey: string) => [
    { dedupKey, checkId: 'missing-index', database: 'shop', object: 'public.a' },
  ];
  const line = (second: number, event: string, more: object): string =>
    JSON.stringify({ time: new Date(second * 1_000).toISOString(), event, alarm: 'Shop-not-null', ...more });
  const text = await kept('pager.log', () =>
    [
      line(1, 'page-published', { followUp: false, about: about('a'), fromMs: 1, untilIngestedMs: 2 }),
      line(2, 'page-published', { followUp: true, about: about('b'), failedTopics: ['arn'], undiagnosed: 1 }),
      line(3, 'page-skipped', { followUp: true, further: ['c'], fromMs: 1, untilIngestedMs: 3 }),
      line(4, 'rescan-ended', { untilIngestedMs: 4 }),
      line(5, 'resolution-found', { about: about('a') }),
      line(6, 'resolution-published', { about: about('a') }),
      line(7, 'resolution-found', { about: about('b') }),
      line(8, 'resolution-published', { about: about('b'), failedTopics: ['arn'] }),
      '',
    ].join('\n'),
  );
  const lines = text.split('\n');
  expect(listOpenPages(lines)).toEqual([
    {
      ...about('b')[0],
      alarm: 'Shop-not-null',
      pagedMs: 2_000,
      lines: null,
      overMs: 7_000,
      failedTopics: ['arn'],
    },
  ]);
  expect(readEnds(lines, 0)).toEqual({ over: new Set(['a', 'b']), pagedAgain: new Set() });
});

test('each file is named on the page', () => {
  const page = readFileSync(DOCUMENT, 'utf8');
  for (const name of [
    'ledger.json',
    'snapshot.json',
    'workload.sql',
    'suppressions.txt',
    'webhook.json',
    'fleet-run.json',
    'pager.log',
  ])
    expect(page).toContain(`format-1/${name}`);
});
