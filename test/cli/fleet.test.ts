/** `trueup up --fleet` and `status --fleet`, as processes, on one server. */
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { startPostgres } from '../../lib/scratch-postgres/server';
import { connect, createDatabase, newestMajor, outerMajors } from '../support/database';
import { untilRow } from '../support/watching';
import { cleanEnvironment, command, start, trueup } from './trueup';

const scratch = mkdtempSync(join(tmpdir(), 'trueup-fleet-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const ORDERS = `-- migrate:up
CREATE TABLE orders (id int PRIMARY KEY, note text);
-- migrate:verify
SELECT trueup.has_table('orders');
`;
const INDEX = `-- migrate:up
CREATE INDEX CONCURRENTLY orders_note ON orders (note);
-- migrate:verify
SELECT trueup.is_indexed('orders', '{note}');
`;
const FILES = { '0001_orders.sql': ORDERS, '0002_index.sql': INDEX };

function folderOf(files: Record<string, string> = FILES): string {
  const folder = join(mkdtempSync(join(scratch, 'f-')), 'shop');
  mkdirSync(folder);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

function listOf(targets: readonly object[]): string {
  const file = join(mkdtempSync(join(scratch, 'l-')), 'tenants.jsonl');
  writeFileSync(file, targets.map((target) => `${JSON.stringify(target)}\n`).join(''));
  return file;
}

const databaseOf = (url: string): string => new URL(url).pathname.slice(1);

/** Tenants in schemas of one database, and one with a database of its own. */
async function tenants(major: number, schemas: number, databases = 1) {
  const url = await createDatabase(major);
  const client = await connect(url);
  const names = Array.from({ length: schemas }, (_, i) => `tenant ${i}`);
  for (const name of names) await client.query(`CREATE SCHEMA "${name}"`);
  const own = await Promise.all(Array.from({ length: databases }, () => createDatabase(major)));
  const targets: { name: string; database: string; schema?: string }[] = [
    ...names.map((name) => ({ name, database: databaseOf(url), schema: name })),
    ...own.map((each, i) => ({ name: `own ${i}`, database: databaseOf(each) })),
  ];
  return { url, client, own, targets };
}

const on = (url: string) => (args: readonly string[]) => trueup(args, { env: { DATABASE_URL: url } });
const APPLIED = `SELECT namespace, string_agg(migration, ' ' ORDER BY id) AS applied FROM trueup.events
  WHERE event IN ('applied', 'verified') GROUP BY 1 ORDER BY 1`;

describe.each(outerMajors())('PostgreSQL %i', (major) => {
  test('more of a workload undecided than --max-undecided: the tenants are migrated, and it exits with 1', async () => {
    const { url, targets } = await tenants(major, 1);
    const workload = join(mkdtempSync(join(scratch, 'w-')), 'shop.sql');
    writeFileSync(
      workload,
      `SELECT id FROM orders;\nSELECT date_trunc($1, note::timestamptz) FROM orders GROUP BY date_trunc($2, note::timestamptz);\n`,
    );
    const up = (...more: string[]) =>
      on(url)(['up', folderOf(), '--fleet', listOf(targets), '--workload', workload, ...more]);
    expect(await up()).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /Too much is undecided \((tenant 0|own 0): 50 %, and 1 more\), and --max-undecided is 30 %\. The migrations are applied\./,
      ),
    });
    expect(await up('--max-undecided', '50')).toMatchObject({ code: 0 });
  });

  test('a workload: what breaks it stops after the canary, and the tenants stay as they are', async () => {
    const { url, client, targets } = await tenants(major, 3);
    const [run, list] = [on(url), listOf(targets)];
    const workload = join(mkdtempSync(join(scratch, 'w-')), 'shop.sql');
    writeFileSync(workload, '-- calls 88\nSELECT note FROM orders WHERE id = $1;\n');
    const up = (folder: string) => run(['up', folder, '--fleet', list, '--workload', workload]);
    expect(await up(folderOf())).toMatchObject({ code: 0, stderr: expect.stringContaining('migrated') });
    expect((await up(folderOf())).stdout).toBe('4 tenants: 4 up to date.\nNothing to do.\n');
    // Without the file migrations alone are compared.
    const other = join(mkdtempSync(join(scratch, 'w-')), 'shop.sql');
    writeFileSync(other, "-- calls 88\nSELECT id FROM orders WHERE note = 'hunter2';\n");
    const status = (...more: string[]) =>
      run(['status', folderOf(), '--fleet', list, '--exit-code', ...more]);
    expect(await status()).toMatchObject({ code: 0 });
    expect(await status('--workload', workload)).toMatchObject({ code: 0 });
    expect(await status('--workload', workload, '--shared-schema', 'public')).toMatchObject({
      code: 3,
      stdout: expect.stringMatching(
        /behind {2}tenant 0 {2}at 0002_index, with different shared schemas\n[\s\S]*1 up to date/,
      ),
    });
    const asked = await status('--workload', other, '--json');
    expect(JSON.parse(asked.stdout)).toMatchObject({
      states: { behind: 4 },
      tenants: expect.arrayContaining([
        { ...targets[0], state: 'behind', pending: 0, position: '0002_index', changes: ['workload'] },
      ]),
    });
    expect(await run(['status', folderOf(), '--workload', other])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--workload requires --fleet'),
    });
    await client.query('ALTER TABLE "tenant 2".orders DROP COLUMN note');
    const refused = await run([
      'up',
      folderOf(),
      '--fleet',
      list,
      '--workload',
      other,
      '--canary',
      'tenant 1',
      '--json',
    ]);
    expect(refused.code).toBe(1);
    expect(JSON.parse(refused.stdout).failures).toMatchObject([
      {
        name: 'tenant 2',
        error: { code: 'workload', details: [expect.stringContaining('WHERE note = $1')] },
      },
    ]);
    expect(asked.stdout + refused.stdout + refused.stderr).not.toContain('hunter2');
    expect(await status('--workload', other)).toMatchObject({
      stdout: expect.stringContaining('behind  tenant 2  at 0002_index, with a different workload\n'),
    });
    await client.query('ALTER TABLE "tenant 2".orders ADD COLUMN note text');
    expect(await up(folderOf())).toMatchObject({ code: 0 });
    expect(await status('--workload', workload)).toMatchObject({ code: 0 });
    const rename =
      '-- migrate:no-verify the workload proves it\n-- migrate:up\nALTER TABLE orders RENAME COLUMN note TO remark;\n';
    const stopped = await up(folderOf({ ...FILES, '0003_remark.sql': rename }));
    expect(stopped.code).toBe(1);
    expect(stopped.stdout).toContain('Stopped after wave canary');
    expect(stopped.stderr).toContain('1 statement that the running application sends would no longer work');
    expect(stopped.stderr).toContain('SELECT note FROM orders WHERE id = $1');
    expect(
      (await client.query("SELECT count(*)::int AS renamed FROM pg_attribute WHERE attname = 'remark'")).rows,
    ).toEqual([{ renamed: 0 }]);
  });

  test('status, up in waves, and nothing the second time', async () => {
    const { url, client, own, targets } = await tenants(major, 25, 2);
    const [run, list, folder] = [on(url), listOf(targets), folderOf()];
    const before = await run(['status', folder, '--fleet', list, '--exit-code']);
    expect(before).toMatchObject({ code: 3, stderr: '' });
    expect(before.stdout).toContain('27 tenants: 27 behind.');
    expect((await client.query("SELECT to_regnamespace('trueup') AS made")).rows).toEqual([{ made: null }]);

    const up = await run([
      'up',
      folder,
      '--fleet',
      list,
      '--canary',
      'own 1',
      '--concurrency',
      '4',
      '--json',
    ]);
    expect(JSON.parse(up.stdout)).toEqual({
      tenantCount: 27,
      states: { 'up to date': 27 },
      notChecked: 0,
      waves: [
        { name: 'canary', tenantCount: 1, migrated: 1, byAnotherRun: 0, failed: 0 },
        { name: 'early', tenantCount: 2, migrated: 2, byAnotherRun: 0, failed: 0 },
        { name: 'rest', tenantCount: 24, migrated: 24, byAnotherRun: 0, failed: 0 },
      ],
      stopped: null,
      failures: [],
    });
    expect(up.stderr).toMatch(
      /^canary {2}1 tenant migrated .*\nearly {3}2 tenants migrated .*\nrest {4}24 tenants/,
    );
    const { rows } = await client.query(APPLIED);
    expect(rows).toHaveLength(25);
    expect(rows[0]).toEqual({ namespace: 'shop/tenant 0', applied: '0001_orders 0002_index' });
    for (const each of own)
      expect((await (await connect(each)).query(APPLIED)).rows).toMatchObject([{ namespace: 'shop' }]);

    const again = await run(['up', folder, '--fleet', list]);
    expect(again).toMatchObject({ code: 0, stderr: '' });
    expect(again.stdout).toBe('27 tenants: 27 up to date.\nNothing to do.\n');
    const after = await run(['status', folder, '--fleet', list, '--exit-code', '--json']);
    expect(after.code).toBe(0);
    expect(JSON.parse(after.stdout)).toMatchObject({
      states: { 'up to date': 27 },
      tenants: expect.arrayContaining([
        { ...targets[0], state: 'up to date', pending: 0, position: '0002_index' },
      ]),
    });
  });

  test('what stands against any tenant is said first, and nothing is changed', async () => {
    const { url, client, targets } = await tenants(major, 4, 0);
    const [run, folder] = [on(url), folderOf({ '0001_orders.sql': ORDERS })];
    expect((await run(['up', folder, '--fleet', listOf(targets)])).code).toBe(0);
    await client.query(`UPDATE trueup.namespaces SET owner = '1/eu-west-1/other' WHERE name = 'shop/tenant 1';
      UPDATE trueup.migrations SET up_checksum = 'x', plain_checksum = 'x' WHERE namespace = 'shop/tenant 2'`);
    const list = listOf([
      ...targets,
      { name: 'no schema', database: databaseOf(url), schema: 'never "made"' },
      { name: 'no database', database: 'never_made' },
    ]);
    const next = folderOf({ '0001_orders.sql': ORDERS, '0002_index.sql': INDEX });
    const { code, stdout, stderr } = await run(['up', next, '--fleet', list]);
    expect(code).toBe(1);
    expect(stdout).toBe(
      '6 tenants: 2 behind, 1 edited, 1 foreign, 1 refused, 1 unreachable.\n' +
        'Nothing was changed. Repair the tenants named above, or remove them from the list.\n',
    );
    expect(stderr.split('\n').sort()).toEqual([
      '',
      expect.stringMatching(
        /^edited {2}tenant 2 {2}0001_orders: 0001_orders\.sql was edited after it was applied\./,
      ),
      expect.stringMatching(
        /^foreign {2}tenant 1 {2}Namespace shop\/tenant 1 belongs to 1\/eu-west-1\/other\./,
      ),
      expect.stringMatching(/^refused {2}no schema {2}There is no schema never "made" in this database/),
      expect.stringMatching(/^unreachable {2}no database {2}Cannot connect to .*never_made/),
    ]);
    expect((await client.query(APPLIED)).rows.map(({ applied }) => applied)).toEqual(
      Array(4).fill('0001_orders'),
    );

    const reachable = listOf(targets);
    expect((await run(['up', next, '--fleet', reachable])).stdout).toContain('or give --max-failures 2.');

    const tolerant = await run(['up', next, '--fleet', list, '--max-failures', '4', '--json']);
    expect(tolerant.code).toBe(0);
    expect(JSON.parse(tolerant.stdout)).toMatchObject({
      states: { 'up to date': 2, edited: 1, foreign: 1, refused: 1, unreachable: 1 },
      failures: [{}, {}, {}, {}],
      stopped: null,
    });
  });
});

test('a tenant that fails stops the next wave, unless that is tolerated; the others of its wave are migrated', async () => {
  const { url, client, targets } = await tenants(newestMajor(), 41, 0);
  const run = on(url);
  const list = listOf(targets);
  expect((await run(['up', folderOf({ '0001_orders.sql': ORDERS }), '--fleet', list])).code).toBe(0);
  const next = folderOf({
    '0001_orders.sql': ORDERS,
    '0002_unique.sql': `-- migrate:up
-- migrate:consent constraint-index the tables are small
ALTER TABLE orders ADD CONSTRAINT one_note UNIQUE (note);
-- migrate:verify
SELECT trueup.has_table('orders');
`,
  });
  // Rows stand against it in a canary.
  await client.query(`INSERT INTO "tenant 7".orders VALUES (1, 'secret'), (2, 'secret')`);
  const canaries = ['--canary', 'tenant 7', '--canary', 'tenant 8'];
  const first = await run(['up', next, '--fleet', list, ...canaries]);
  expect(first.code).toBe(1);
  expect(first.stderr).toMatch(/^failed {2}tenant 7 {2}0002_unique, line 3: .*\[SQLSTATE 23505\]/m);
  expect(first.stderr + first.stdout).not.toContain('secret');
  expect(first.stdout).toBe(
    '41 tenants: 1 up to date, 39 behind, 1 failed.\n' +
      'Stopped after wave canary: more tenants failed than --max-failures permits (0). Run it again to continue.\n',
  );
  const second = await run(['up', next, '--fleet', list, ...canaries, '--max-failures', '1']);
  expect(second.code).toBe(0);
  expect(second.stdout).toBe('41 tenants: 40 up to date, 1 failed.\n');
  await client.query(`DELETE FROM "tenant 7".orders`);
  const only = await run(['up', next, '--fleet', list, '--tenant', 'tenant 7']);
  expect(only).toMatchObject({ code: 0, stdout: '1 tenant: 1 up to date.\n' });
});

const SLOW = `-- migrate:up
CREATE TABLE slow (id int);
SELECT pg_sleep(0.15);
-- migrate:verify
SELECT trueup.has_table('slow');
`;

/** The program itself, which a signal reaches. */
const startUp = (url: string, args: readonly string[]) =>
  start(process.execPath, [...command(), 'up', ...args], { env: cleanEnvironment({ DATABASE_URL: url }) });

test('killed anywhere and run again: each migration once in each tenant, and never more connections than asked for', async () => {
  const { url, client, targets } = await tenants(newestMajor(), 40, 0);
  const [list, folder] = [listOf(targets), folderOf({ ...FILES, '0003_slow.sql': SLOW })];
  const args = [folder, '--fleet', list, '--concurrency', '4'];
  const done = async (): Promise<number> => {
    const found = await client.query("SELECT to_regclass('trueup.events') AS made");
    if (found.rows[0].made === null) return 0;
    const { rows } = await client.query(
      "SELECT count(*)::int AS n FROM trueup.events WHERE migration = '0003_slow'",
    );
    return rows[0].n;
  };
  let most = 0;
  const watcher = await connect(url);
  let asks = false;
  const watch = setInterval(async () => {
    if (asks) return;
    asks = true;
    const { rows } = await watcher.query(
      "SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'trueup' AND datname = current_database()",
    );
    most = Math.max(most, rows[0].n);
    asks = false;
  }, 20);
  for (const until of [0, 1, 6, 14, 23]) {
    const run = startUp(url, args);
    if (until === 0) await sleep(400);
    else await expect.poll(done, { interval: 5 }).toBeGreaterThanOrEqual(until);
    run.child.kill('SIGKILL');
    expect((await run.ended).code).toBe(-1);
    // The server ends the dead sessions' statements first.
    await expect
      .poll(async () => {
        const alive = `SELECT FROM pg_stat_activity WHERE application_name = 'trueup' AND datname = current_database()`;
        return (await client.query(alive)).rowCount;
      })
      .toBe(0);
  }
  const last = await startUp(url, args).ended;
  clearInterval(watch);
  expect(last).toMatchObject({ code: 0, stdout: '40 tenants: 40 up to date.\n' });
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThanOrEqual(4);
  const { rows } = await client.query(APPLIED);
  expect(rows).toEqual(
    targets
      .map(({ schema }) => ({ namespace: `shop/${schema}`, applied: '0001_orders 0002_index 0003_slow' }))
      .sort((a, b) => (a.namespace < b.namespace ? -1 : 1)),
  );
});

test('Ctrl-C lets tenants that are under way come to their end, and begins no other', async () => {
  const { url, client, targets } = await tenants(newestMajor(), 30, 0);
  const run = startUp(url, [
    folderOf({ '0001_slow.sql': SLOW }),
    '--fleet',
    listOf(targets),
    '--concurrency',
    '2',
    '--json',
  ]);
  const applied = async () => {
    const made = await client.query("SELECT to_regclass('trueup.events') AS made");
    if (made.rows[0].made === null) return 0;
    return (await client.query("SELECT FROM trueup.events WHERE event = 'applied'")).rowCount ?? 0;
  };
  await expect.poll(applied, { interval: 10 }).toBeGreaterThan(4);
  run.child.kill('SIGINT');
  const { code, stdout, stderr } = await run.ended;
  expect(code).toBe(130);
  expect(stderr).toContain('Stopping after the tenants that are in progress');
  const result = JSON.parse(stdout);
  expect(result.stopped).toBe('interrupt');
  expect(result.states['up to date']).toBe(await applied());
  expect(result.states.behind).toBeGreaterThan(10);
  const { rows } = await client.query('SELECT DISTINCT outcome FROM trueup.deployments');
  expect(rows).toEqual([{ outcome: 'done' }]);
});

test('two runs of one fleet at once: each tenant once', async () => {
  const { url, client, targets } = await tenants(newestMajor(), 12, 0);
  const args = [folderOf(), '--fleet', listOf(targets), '--concurrency', '3'];
  const runs = await Promise.all([1, 2].map(() => startUp(url, [...args, '--json']).ended));
  expect(runs.map(({ code }) => code)).toEqual([0, 0]);
  // Each tells of the tenants that it migrated itself.
  const waves = runs.flatMap(
    ({ stdout }) => JSON.parse(stdout).waves as { migrated: number; byAnotherRun: number }[],
  );
  const sum = (count: (wave: (typeof waves)[number]) => number) =>
    waves.reduce((all, wave) => all + count(wave), 0);
  expect(sum(({ migrated }) => migrated)).toBe(12);
  expect(sum(({ byAnotherRun }) => byAnotherRun)).toBeGreaterThan(0);
  const { rows } = await client.query(APPLIED);
  expect(rows.map(({ applied }) => applied)).toEqual(Array(12).fill('0001_orders 0002_index'));
});

test('the server restarts during the look and during a wave: it is waited for; one that stays away is no reason to tolerate', async () => {
  const server = await startPostgres({ major: newestMajor() });
  try {
    const client = await connect(server.url());
    const names = Array.from({ length: 60 }, (_, i) => `t${i}`);
    for (const name of names) await client.query(`CREATE SCHEMA ${name}`);
    await client.end();
    const list = listOf(names.map((name) => ({ name, schema: name })));
    const folder = folderOf({ '0001_slow.sql': SLOW });
    const args = [folder, '--fleet', list, '--concurrency', '4'];
    const busy = async (sql: string) => {
      const watcher = await connect(server.url());
      watcher.on('error', () => {});
      await untilRow(watcher, sql);
    };
    const run = startUp(server.url(), args);
    await busy("SELECT FROM pg_stat_activity WHERE application_name = 'trueup' HAVING count(*) > 1");
    await server.restart('immediate');
    await busy("SELECT WHERE to_regclass('trueup.events') IS NOT NULL");
    await busy("SELECT FROM trueup.events WHERE event = 'applied' HAVING count(*) > 8");
    await server.stopServer('immediate');
    await sleep(3_000);
    await server.startServer();
    const ended = await run.ended;
    expect(ended.stderr).not.toContain('unreachable');
    expect(ended).toMatchObject({ code: 0, stdout: '60 tenants: 60 up to date.\n' });
    const after = await connect(server.url());
    const { rows } = await after.query(
      "SELECT count(*)::int AS n, count(DISTINCT namespace)::int AS tenants FROM trueup.events WHERE event = 'applied'",
    );
    expect(rows).toEqual([{ n: 60, tenants: 60 }]);
    await after.end();
    await server.stopServer('immediate');
    const away = await startUp(server.url(), args).ended;
    expect(away.code).toBe(5);
    expect(away.stdout + away.stderr).not.toContain('--max-failures');
  } finally {
    await server.stop();
  }
});

test('more connections than the server can spare are not taken', async () => {
  const { url, targets } = await tenants(newestMajor(), 3, 0);
  const { code, stderr } = await on(url)([
    'up',
    folderOf(),
    '--fleet',
    listOf(targets),
    '--concurrency',
    '5000',
  ]);
  expect(code).toBe(0);
  expect(stderr).toMatch(
    /^using \d+ connections? instead of 5000: the server has \d+ free connections, and a fleet uses at most a tenth/,
  );
});

describe('wrong use is one sentence, and no database is asked', () => {
  const nowhere = 'postgres://nobody@127.0.0.1:1/none';
  const targets = [{ name: 'a', database: 'd' }];
  const file = (name: string, text: string): string => {
    const path = join(mkdtempSync(join(scratch, 'w-')), name);
    writeFileSync(path, text);
    return path;
  };
  test.each<[string, () => string[], RegExp]>([
    [
      'a list that is not there',
      () => ['--fleet', '/nowhere.jsonl'],
      /the list of tenants \/nowhere\.jsonl cannot be read \(ENOENT\)/,
    ],
    ['an empty list', () => ['--fleet', file('l.jsonl', '')], /l\.jsonl: it has no tenants/],
    ['an unreadable one', () => ['--fleet', file('l.jsonl', '\u0000PK')], /l\.jsonl:1: it is not valid JSON/],
    [
      'CSV',
      () => ['--fleet', file('l.csv', 'name,schema\nacme,acme\n')],
      /l\.csv: it is CSV; a list has one tenant per line, as JSON, the first line would be \{"name":"acme","schema":"acme"\}/,
    ],
    [
      'a huge one',
      () => {
        const path = file('l.jsonl', '{}\n');
        truncateSync(path, 300 * 1024 * 1024);
        return ['--fleet', path];
      },
      /l\.jsonl: it has 300 MB; the maximum for a list of tenants is 32 MB/,
    ],
    [
      'a duplicate',
      () => ['--fleet', listOf([...targets, { name: 'b', database: 'd' }])],
      /:2: database "d" is already in line 1/,
    ],
    [
      'a canary that is not there',
      () => ['--fleet', listOf(targets), '--canary', 'x'],
      /--canary: not in the list: x/,
    ],
    [
      'a tenant that is not there',
      () => ['--fleet', listOf(targets), '--tenant', 'x'],
      /x is not in .*tenants\.jsonl/,
    ],
    [
      'days of a workload',
      () => ['--fleet', listOf(targets), '--workload-days', '3'],
      /--workload-days cannot be combined with --fleet/,
    ],
    ['no fleet', () => ['--max-failures', '3'], /--max-failures requires --fleet/],
    [
      'no number',
      () => ['--fleet', listOf(targets), '--concurrency', '0'],
      /Expected a whole number of 1 or more/,
    ],
  ])('%s', async (_, args, expected) => {
    const { code, stdout, stderr } = await trueup(['up', folderOf(), ...args()], {
      env: { DATABASE_URL: nowhere },
    });
    expect(stderr).toMatch(expected);
    expect(code).toBe(2);
    expect(stdout).toBe('');
  });

  test('a server that is not there is exit code 5, at once', async () => {
    const { code, stderr } = await trueup(['status', folderOf(), '--fleet', listOf(targets)], {
      env: { DATABASE_URL: nowhere },
    });
    expect(code).toBe(5);
    expect(stderr).toMatch(/cannot connect to nobody@127\.0\.0\.1:1\/d: nothing listens at that address/);
  });
});
