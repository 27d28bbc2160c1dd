/** Tenants that existed before their migrations come into a fleet, and a baseline that was recorded for the wrong schema out of it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { connect, createDatabase, newestMajor, outerMajors } from '../../support/database';
import { cleanEnvironment, command, start, trueup } from '../trueup';

const scratch = mkdtempSync(join(tmpdir(), 'trueup-fleet-baseline-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const ORDERS = `-- migrate:up
CREATE TABLE orders (id int PRIMARY KEY, note text);
-- migrate:verify
SELECT trueup.has_table('orders');
`;
const TOTAL = `-- migrate:up
ALTER TABLE orders ADD COLUMN total int;
-- migrate:verify
SELECT trueup.has_column('orders', 'total');
`;

const folder = join(scratch, 'shop');
mkdirSync(folder);
writeFileSync(join(folder, '0001_orders.sql'), ORDERS);
writeFileSync(join(folder, '0002_total.sql'), TOTAL);

const databaseOf = (url: string): string => new URL(url).pathname.slice(1);

async function existing(major: number, names: readonly string[], holding: readonly string[] = names) {
  const url = await createDatabase(major);
  const client = await connect(url);
  for (const name of names) await client.query(`CREATE SCHEMA "${name}"`);
  for (const name of holding)
    await client.query(`CREATE TABLE "${name}".orders (id int PRIMARY KEY, note text)`);
  const targets = names.map((name) => ({ name, database: databaseOf(url), schema: name }));
  const list = join(mkdtempSync(join(scratch, 'l-')), 'tenants.jsonl');
  writeFileSync(list, targets.map((target) => `${JSON.stringify(target)}\n`).join(''));
  const run = (...args: string[]) => trueup(args, { env: { DATABASE_URL: url } });
  const recorded = async () =>
    (
      await client.query(
        `SELECT namespace, string_agg(migration || ' ' || event, ', ' ORDER BY id) AS events FROM trueup.events
         WHERE migration IS NOT NULL GROUP BY 1 ORDER BY 1`,
      )
    ).rows;
  return { url, client, list, run, recorded };
}

describe.each(outerMajors())('PostgreSQL %i', (major) => {
  test('the error of a tenant that has the tables names the way, and the way works for all of them', async () => {
    const { list, run, recorded } = await existing(major, ['old 1', 'old 2', 'new 1'], ['old 1', 'old 2']);
    const stopped = await run('up', folder, '--fleet', list, '--canary', 'old 1');
    expect(stopped.code).toBe(1);
    expect(stopped.stderr).toContain(
      '`trueup baseline` (for tenants with `--fleet` or `--schema`; in a stack, the property `baseline`)',
    );

    const marked = await run('baseline', '0001_orders', folder, '--fleet', list);
    expect(marked).toMatchObject({ code: 3, stdout: '3 tenants: 2 marked, 1 not held.\n' });
    expect(marked.stderr).toMatch(
      /^not held {2}new 1 {2}0001_orders was not recorded as applied.*no table orders/m,
    );
    const again = await run('baseline', '0001_orders', folder, '--fleet', list, '--json');
    expect(JSON.parse(again.stdout)).toMatchObject({
      states: { 'recorded already': 2, 'not held': 1 },
      tenants: expect.arrayContaining([
        expect.objectContaining({ name: 'new 1', state: 'not held', baselined: [] }),
      ]),
    });
    expect(await run('up', folder, '--fleet', list)).toMatchObject({
      code: 0,
      stdout: '3 tenants: 3 up to date.\n',
    });
    expect(await recorded()).toEqual([
      { namespace: 'shop/new 1', events: '0001_orders applied, 0002_total applied' },
      { namespace: 'shop/old 1', events: '0001_orders baselined, 0002_total applied' },
      { namespace: 'shop/old 2', events: '0001_orders baselined, 0002_total applied' },
    ]);
  });

  test('one tenant by its schema, before any run has tried it', async () => {
    const { client, run, recorded, list } = await existing(major, ['new_1']);
    // The login's own path leads to tables of these names as well.
    await client.query('CREATE TABLE public.orders (id int PRIMARY KEY, note text)');
    await client.query('ALTER TABLE new_1.orders RENAME TO sales');
    const wrong = await run('baseline', '0001_orders', folder, '--namespace', 'shop/new_1');
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toContain(
      'namespace shop/new_1 belongs to a tenant in schema new_1, but no schema was given',
    );
    expect(wrong.stderr).toContain('`--schema new_1`');
    expect((await run('up', folder, '--namespace', 'shop/new_1')).stderr).toContain('`trueup up --fleet`');
    expect(await run('baseline', '0001_orders', folder, '--schema', 'new_1')).toMatchObject({ code: 3 });
    await client.query('ALTER TABLE new_1.sales RENAME TO orders');
    const args = ['baseline', '0001_orders', folder, '--schema', 'new_1'];
    expect(await run(...args)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('shop/new_1 on '),
    });
    // As it stands in an error.
    expect((await run(...args, '--namespace', 'shop/new_1')).stdout).toContain('nothing to mark');
    expect((await run('up', folder, '--fleet', list)).code).toBe(0);
    expect(await recorded()).toEqual([
      { namespace: 'shop/new_1', events: '0001_orders baselined, 0002_total applied' },
    ]);
  });

  test('an edit, and a file that looks renamed: the remedy names the list, and works for all tenants', async () => {
    const { list, run, recorded } = await existing(major, ['a', 'b'], []);
    const shop = join(mkdtempSync(join(scratch, 'f-')), 'shop');
    mkdirSync(shop);
    writeFileSync(join(shop, '0001_orders.sql'), ORDERS);
    writeFileSync(join(shop, '0002_total.sql'), TOTAL);
    const up = () => run('up', shop, '--fleet', list);
    const follow = (text: string, pattern: RegExp) =>
      run(
        ...pattern
          .exec(text)![1]!
          .split(' ')
          .map((word) => (word === 'FILE' ? list : word)),
        shop,
      );
    expect((await up()).code).toBe(0);

    writeFileSync(join(shop, '0001_orders.sql'), ORDERS.replace('CREATE', '-- The orders.\nCREATE'));
    const edited = await up();
    expect(edited.code).toBe(1);
    expect(edited.stderr).toContain('was edited after it was applied, but only in comments and whitespace');
    expect(await follow(edited.stderr, /Run `trueup (baseline [^`]*)`/)).toMatchObject({
      code: 0,
      stdout: '2 tenants: 2 marked.\n',
    });
    expect((await up()).code).toBe(0);

    rmSync(join(shop, '0002_total.sql'));
    const SUM = TOTAL.replaceAll('total', 'sum');
    writeFileSync(join(shop, '0002_sum.sql'), SUM);
    const unclear = await up();
    expect(unclear.code).toBe(1);
    expect(unclear.stderr).toContain('has the same number as 0002_total');
    // The tenants have no column of this name, so the file is not the applied one.
    expect(await follow(unclear.stderr, /run `trueup (baseline 0002_sum --was [^`]*)`/)).toMatchObject({
      code: 1,
      stdout: '2 tenants: 2 failed.\n',
    });
    expect(await follow(unclear.stderr, /`trueup (baseline --new [^`]*)`/)).toMatchObject({
      code: 0,
      stdout: '2 tenants: 2 marked.\n',
    });
    expect((await up()).code).toBe(0);

    rmSync(join(shop, '0002_sum.sql'));
    writeFileSync(join(shop, '0003_sum.sql'), SUM.replace('int;', 'int; -- cents'));
    const moved = await up();
    expect(moved.code).toBe(1);
    const was = ['baseline', '0003_sum', '--was', '0002_sum'];
    expect(await run(...was, shop, '--schema', 'a')).toMatchObject({ code: 0 });
    expect(await run(...was, shop, '--fleet', list)).toMatchObject({
      code: 0,
      stdout: '2 tenants: 2 marked.\n',
    });
    expect((await up()).code).toBe(0);
    expect((await recorded()).map(({ events }) => events)).toEqual(
      Array(2).fill(expect.stringMatching(/0002_sum declared.*0002_sum applied, 0003_sum renamed/)),
    );
    expect(await run(...was, shop, '--fleet', list, '--undo')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--was cannot be combined with --undo'),
    });
  });

  test('a baseline for the wrong schema is taken back, and the right one recorded', async () => {
    const { client, run, list, recorded } = await existing(major, ['other']);
    await client.query('CREATE TABLE public.orders (id int PRIMARY KEY, note text, total int)');
    // Before the tenant's schema is there, the namespace means the login's path.
    const early = ['baseline', '0002_total', folder, '--namespace', 'shop/late'];
    expect(await run(...early)).toMatchObject({ code: 0 });
    await client.query('CREATE SCHEMA late; CREATE TABLE late.orders (id int PRIMARY KEY, note text)');
    writeFileSync(list, `${JSON.stringify({ name: 'late', schema: 'late' })}\n`);
    const refused = await run('up', folder, '--fleet', list);
    expect(refused.code).toBe(1);
    const [, way] = /`trueup (baseline [^`]*)`/.exec(refused.stderr)!;
    expect(way).toBe('baseline 0001_orders --undo --namespace shop/late');
    expect(await run(...way!.split(' '), folder)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('2 migrations no longer marked as applied: 0001_orders, 0002_total.'),
    });
    expect((await run('baseline', '0002_total', folder, '--fleet', list)).stderr).toContain(
      '0002_total was not recorded as applied',
    );
    expect((await run('baseline', '0001_orders', folder, '--fleet', list)).code).toBe(0);
    expect(await run('up', folder, '--fleet', list)).toMatchObject({
      code: 0,
      stdout: '1 tenant: 1 up to date.\n',
    });
    expect(await recorded()).toEqual([
      {
        namespace: 'shop/late',
        events:
          '0001_orders baselined, 0002_total baselined, 0001_orders undone, 0002_total undone, 0001_orders baselined, 0002_total applied',
      },
    ]);
    expect(
      (await client.query("SELECT schemas FROM trueup.namespaces WHERE name = 'shop/late'")).rows,
    ).toEqual([{ schemas: ['late'] }]);
    // What was run is not taken back: nothing in the tenant says that it is gone.
    const ran = await run('baseline', '0002_total', folder, '--fleet', list, '--undo');
    expect(ran).toMatchObject({ code: 1, stdout: '1 tenant: 1 failed.\n' });
    expect(ran.stderr).toContain('No baseline recorded 0002_total: it was run here');
    expect((await run('baseline', '0001_orders', folder, '--fleet', list, '--undo')).stdout).toBe(
      '1 tenant: 1 taken back.\n',
    );
  });
});

test('what stands against a tenant is said before anything is recorded', async () => {
  const { run, list, client } = await existing(newestMajor(), ['a', 'b']);
  await client.query('DROP SCHEMA b CASCADE');
  const found = await run('baseline', '0001_orders', folder, '--fleet', list);
  expect(found).toMatchObject({
    code: 1,
    stdout: 'Nothing was recorded. Repair the tenants named above, or remove them from the list.\n',
    stderr: expect.stringMatching(/^refused {2}b {2}There is no schema b/),
  });
  expect((await client.query("SELECT to_regnamespace('trueup') AS made")).rows).toEqual([{ made: null }]);
});

test('killed half-way and run again, and two at once: each is recorded once', async () => {
  const names = Array.from({ length: 30 }, (_, i) => `t ${i}`);
  const { url, client, list, recorded } = await existing(newestMajor(), names);
  // Proofs that take a while, so that there is a half-way.
  const slow = join(mkdtempSync(join(scratch, 's-')), 'shop');
  mkdirSync(slow);
  writeFileSync(
    join(slow, '0001_orders.sql'),
    `${ORDERS}SELECT 'never' FROM pg_sleep(0.1) AS t (x) WHERE x::text <> '';\n`,
  );
  const begin = () =>
    start(
      process.execPath,
      [...command(), 'baseline', '0001_orders', slow, '--fleet', list, '--concurrency', '3'],
      {
        env: cleanEnvironment({ DATABASE_URL: url }),
      },
    );
  const done = async (): Promise<number> => {
    const made = await client.query("SELECT to_regclass('trueup.events') AS made");
    if (made.rows[0].made === null) return 0;
    return (await client.query("SELECT FROM trueup.events WHERE event = 'baselined'")).rowCount ?? 0;
  };
  const killed = begin();
  await expect.poll(done, { interval: 5 }).toBeGreaterThan(8);
  killed.child.kill('SIGKILL');
  expect((await killed.ended).code).toBe(-1);
  expect(await done()).toBeLessThan(30);
  const both = await Promise.all([begin().ended, begin().ended]);
  expect(
    both.map(({ code }) => code),
    both.map(({ stderr }) => stderr).join(),
  ).toEqual([0, 0]);
  expect(both[0]!.stdout).toMatch(/^30 tenants: .*recorded already\.\n$/);
  expect(await recorded()).toEqual(
    names.map((name) => ({ namespace: `shop/${name}`, events: '0001_orders baselined' })).sort(byNamespace),
  );
});

const byNamespace = (a: { namespace: string }, b: { namespace: string }) =>
  a.namespace < b.namespace ? -1 : 1;

test.each([
  [['--schema', 'a', '--fleet', 'x.jsonl'], '--schema cannot be combined with --fleet'],
  [['--schema', 'a', '--stack', 's'], '--schema cannot be combined with --stack'],
  [['--undo', '--stack', 's'], '--undo cannot be combined with --stack'],
  [['--fleet', '--stack', 's'], 'baseline cannot be combined with the fleet of a stack'],
  [['--shared-schema', 'x'], '--shared-schema requires --fleet'],
])('%j is wrong use', async (args, message) => {
  const { code, stderr } = await trueup(['baseline', '0001_orders', folder, ...args], {
    env: { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' },
  });
  expect(code).toBe(2);
  expect(stderr).toContain(message);
});
