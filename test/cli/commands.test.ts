import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PostgresServer, startPostgres } from '../../lib/scratch-postgres/server';
import { makeCertificates } from '../support/certificates';
import { connect, createDatabase, newestMajor, urlOf } from '../support/database';
import { cleanEnvironment, command, trueup } from './trueup';

const scratch = mkdtempSync(join(tmpdir(), 'trueup-test-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const CUSTOMERS = `-- Who buys.
-- migrate:up
CREATE TABLE customers (id uuid PRIMARY KEY, email text);
-- migrate:verify
SELECT trueup.has_table('customers');
`;
const EMAILS = `-- One customer an e-mail.
-- migrate:preflight
SELECT format('%s e-mails are used more than once', count(*)) FROM
  (SELECT FROM customers GROUP BY email HAVING count(*) > 1) d HAVING count(*) > 0;
-- migrate:up
CREATE UNIQUE INDEX CONCURRENTLY customers_email ON customers (email);
-- migrate:verify
SELECT trueup.is_indexed('customers', '{email}', is_unique => true);
-- migrate:down
DROP INDEX CONCURRENTLY customers_email;
`;
const SHOP = { '0001_customers.sql': CUSTOMERS, '0002_emails.sql': EMAILS };

/** A folder `shop`, so that this is the namespace. */
function folderOf(files: Record<string, string>): string {
  const folder = join(mkdtempSync(join(scratch, 'f-')), 'shop');
  mkdirSync(folder);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

/** `trueup` with this database. */
const on = (url: string) => (args: readonly string[]) => trueup(args, { env: { DATABASE_URL: url } });

test('from plan to drift: text, JSON and exit codes', async () => {
  const url = await createDatabase();
  const folder = folderOf(SHOP);
  const run = on(url);

  const planned = await run(['plan', folder, '--exit-code']);
  expect(planned.stdout).toMatch(
    /^shop on .*: 2 steps\n\napply {2}0001_customers\n {2}line 3 {2}CREATE TABLE\n/,
  );
  expect(planned.stdout).toMatch(/line 6 {2}CREATE UNIQUE INDEX CONCURRENTLY {2}outside a transaction/);
  expect(planned.code).toBe(3);
  expect((await run(['plan', folder, '--sql'])).stdout).toContain(
    '  CREATE TABLE customers (id uuid PRIMARY KEY, email text);',
  );
  expect(JSON.parse((await run(['plan', folder, '--json'])).stdout)).toMatchObject({
    namespace: 'shop',
    steps: [{ action: 'apply', migration: '0001_customers' }, { migration: '0002_emails' }],
    errors: [],
  });

  const up = await run(['up', folder]);
  expect(up.stdout).toMatch(/^shop on .*: 2 migrations applied and verified; at 0002_emails\.\n$/);
  expect(up.stderr).toMatch(/^applied {2}0001_customers {2}\d+ ms\napplied {2}0002_emails {2}\d+ ms\n$/);
  const again = await run(['up', folder, '--json']);
  expect(JSON.parse(again.stdout)).toMatchObject({
    status: 'done',
    report: { applied: [], position: '0002_emails' },
  });
  expect([up.code, again.code, again.stderr]).toEqual([0, 0, '']);

  const status = await run(['status', folder, '--exit-code']);
  expect(status.stdout).toMatch(/applied {2}0001_customers {2}\d{4}-\d\d-\d\d \d\d:\d\d UTC {2}\d+ ms\n/);
  expect(status.stdout).toMatch(/\n2 applied, 0 pending; at 0002_emails\.\n$/);
  expect(status.code).toBe(0);
  expect(JSON.parse((await run(['status', folder, '--json'])).stdout)).toMatchObject({
    position: '0002_emails',
    migrations: [
      { name: '0001_customers', state: 'applied' },
      { name: '0002_emails', state: 'applied' },
    ],
  });

  expect(await run(['verify', folder])).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^shop on .*: 2 migrations verified, none drifted\.\n$/),
  });
  await (await connect(url)).query('DROP INDEX customers_email');
  const drifted = await run(['verify', folder]);
  expect(drifted.stdout).toMatch(
    /^drifted {2}0002_emails\n {2}- customers has no unique index on \(email\)\n/,
  );
  expect(drifted.code).toBe(4);
  const found = await run(['verify', folder, '--json']);
  expect(JSON.parse(found.stdout)).toMatchObject({
    findings: [{ migration: '0002_emails' }],
    verified: ['0001_customers'],
  });
  expect(found.code).toBe(4);
});

test('down, and baseline of what is there already', async () => {
  const url = await createDatabase();
  const folder = folderOf(SHOP);
  const run = on(url);
  await (await connect(url)).query('CREATE TABLE customers (id uuid PRIMARY KEY, email text)');

  const typo = await run(['baseline', '0001_customer', folder]);
  expect(typo).toMatchObject({ code: 2, stderr: expect.stringMatching(/Did you mean 0001_customers\?/) });
  const both = await run(['baseline', '0002_emails', folder]);
  expect(both.stdout).toMatch(/1 migration marked as applied; still pending: 0002_emails\.\n$/);
  expect(both.stderr).toMatch(/warning {2}0002_emails was not recorded as applied/);
  expect(both.code).toBe(3);

  expect((await run(['up', folder])).stdout).toMatch(/1 migration applied and verified/);
  const undone = await run(['down', '0002_emails', folder]);
  expect(undone).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/0002_emails is undone; at 0001_customers\.\n$/),
  });
  const refused = await run(['down', '0001_customers', folder]);
  expect(refused).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/error: 0001_customers has no down section/),
  });
  const unknown = await run(['down', '0009_x', folder, '--json']);
  expect(JSON.parse(unknown.stdout)).toMatchObject({ status: 'failed', error: { code: 'undo' } });
  expect((await run(['status', folder, '--exit-code'])).code).toBe(3);
  expect((await run(['verify', folder, '--exit-code'])).code).toBe(3);
});

test('a migration that fails: what, where, why, what to do; and nothing of it stays', async () => {
  const url = await createDatabase();
  const run = on(url);
  const folder = folderOf({
    ...SHOP,
    '0003_broken.sql': `-- migrate:up
ALTER TABLE customers ADD COLUMN age integer;
ALTER TABLE customers
  ADD COLUMN mood moods;
-- migrate:verify
SELECT trueup.has_column('customers', 'age');
`,
  });
  const failed = await run(['up', folder]);
  expect(failed.stderr).toMatch(
    /error: 0003_broken, line 4: type "moods" does not exist \[SQLSTATE 42704\]\n {2}\w/,
  );
  expect(failed.stderr).toMatch(
    /Applied before that: 0001_customers, 0002_emails\.\nStill pending: 0003_broken\.\n$/,
  );
  expect([failed.code, failed.stdout]).toEqual([1, '']);
  const json = await run(['up', folder, '--json']);
  expect(JSON.parse(json.stdout)).toMatchObject({
    status: 'failed',
    error: {
      code: 'statement',
      migration: '0003_broken',
      line: 4,
      sqlstate: '42704',
      remedy: expect.any(String),
    },
  });
  const { rows } = await (await connect(url)).query(
    `SELECT count(*)::int AS n FROM pg_attribute WHERE attrelid = 'customers'::regclass AND attname = 'age'`,
  );
  expect(rows).toEqual([{ n: 0 }]);
});

test('data in the way is said in the words of the preflight', async () => {
  const url = await createDatabase();
  const folder = folderOf(SHOP);
  await (await connect(url)).query(
    `CREATE TABLE customers (id uuid PRIMARY KEY, email text);
     INSERT INTO customers SELECT gen_random_uuid(), 'secret@example.com' FROM generate_series(1, 2)`,
  );
  await on(url)(['baseline', '0001_customers', folder]);
  const { code, stderr } = await on(url)(['up', folder]);
  expect(stderr).toMatch(/error: 0002_emails, line 3: preflight found 1 blocker/);
  expect(stderr).toMatch(/\n {2}- 1 e-mails are used more than once\n/);
  expect(stderr).not.toContain('secret');
  expect(code).toBe(1);
});

test('an edited file stops plan and up, and shows in the status', async () => {
  const url = await createDatabase();
  const folder = folderOf(SHOP);
  const run = on(url);
  await run(['up', folder]);
  writeFileSync(join(folder, '0001_customers.sql'), CUSTOMERS.replace('email text', 'email text, name text'));
  for (const command of ['plan', 'up']) {
    const { code, stderr } = await run([command, folder]);
    expect(stderr).toMatch(/error: 0001_customers: 0001_customers\.sql was edited after it was applied/);
    expect(code).toBe(1);
  }
  const status = await run(['status', folder, '--exit-code']);
  expect(status.stdout).toMatch(/edited +0001_customers[\s\S]*1 applied file changed since/);
  expect(status.code).toBe(1);
});

test('what several queries of a verify section find is said once', async () => {
  const url = await createDatabase();
  const verify =
    "SELECT trueup.has_column('customers', 'email');\nSELECT trueup.has_column('customers', 'id');\n";
  const customers = `-- migrate:up\nCREATE TABLE customers (id uuid PRIMARY KEY, email text);\n-- migrate:verify\n${verify}`;
  const folder = folderOf({ '0001_customers.sql': customers });
  await on(url)(['up', folder]);
  await (await connect(url)).query('DROP TABLE customers');
  const { stdout, code } = await on(url)(['verify', folder]);
  expect(stdout.match(/There is no table customers/g)).toHaveLength(1);
  expect(code).toBe(4);

  const never = folderOf({
    '0002_never.sql': `-- migrate:up\nCREATE TABLE c (id uuid PRIMARY KEY);\n-- migrate:verify\n${verify}`,
  });
  const failed = await on(url)(['up', never, '--namespace', 'never']);
  expect(failed.stderr.match(/There is no table customers/g)).toHaveLength(1);
  expect(failed.code).toBe(1);
});

test('of a file that is gone the status does not say that it has no verify section', async () => {
  const url = await createDatabase();
  const folder = folderOf({
    ...SHOP,
    'R__view.sql': '-- migrate:up\nCREATE VIEW v AS SELECT 1 AS x;\n-- migrate:no-verify a test\n',
  });
  await on(url)(['up', folder]);
  rmSync(join(folder, '0002_emails.sql'));
  const { stdout } = await on(url)(['status', folder]);
  expect(stdout).toMatch(/applied +0002_emails +\S+ \S+ UTC +[\d.]+ m?s +no file in this version\n/);
  expect(stdout).toMatch(/applied +R__view +.*has no verify section\n/);
});

test('a lock that cannot be had: the blocker is named, and the time limit holds', async () => {
  const url = await createDatabase();
  const folder = folderOf({ '0001_customers.sql': CUSTOMERS });
  await on(url)(['up', folder]);
  writeFileSync(
    join(folder, '0002_age.sql'),
    `-- migrate:up
ALTER TABLE customers ADD COLUMN age integer;
-- migrate:verify
SELECT trueup.has_column('customers', 'age');
`,
  );
  const idle = await connect(url);
  await idle.query('BEGIN; SELECT FROM customers');
  const { rows } = await idle.query('SELECT pg_backend_pid() AS pid');
  const { code, stderr } = await on(url)(['up', folder, '--timeout', '2s']);
  expect(stderr).toMatch(/error: not finished after 2\.0 s: /);
  expect(stderr).toContain(String(rows[0].pid));
  expect(stderr).toMatch(/Still pending: 0002_age/);
  expect(code).toBe(3);
  await idle.query('ROLLBACK');
  expect((await on(url)(['up', folder])).code).toBe(0);
});

test('two at once: each is done, and one has done it', async () => {
  const url = await createDatabase();
  const folder = folderOf(SHOP);
  const both = await Promise.all([1, 2].map(() => on(url)(['up', folder, '--json'])));
  expect(both.map(({ code }) => code)).toEqual([0, 0]);
  // Whoever waits reports what the other one applied meanwhile; the ledger tells that each was applied once.
  const applied = both.map(({ stdout }) => JSON.parse(stdout).report.applied.length);
  expect(Math.max(...applied)).toBe(2);
  const { rows } = await (await connect(url)).query(
    "SELECT migration, count(*)::int AS times FROM trueup.events WHERE event IN ('applied', 'verified') GROUP BY 1",
  );
  expect(rows.map(({ times }) => times)).toEqual([1, 1]);
});

test('Ctrl-C stops after the step, and the next run goes on', async () => {
  const url = await createDatabase();
  const folder = folderOf({ '0001_customers.sql': CUSTOMERS });
  await on(url)(['up', folder]);
  writeFileSync(
    join(folder, '0002_slow.sql'),
    `-- migrate:up
ALTER TABLE customers ADD COLUMN age integer;
-- migrate:verify
SELECT trueup.has_column('customers', 'age');
`,
  );
  const idle = await connect(url);
  await idle.query('BEGIN; SELECT FROM customers');
  const child = spawn(process.execPath, [...command(), 'up', folder], {
    env: cleanEnvironment({ DATABASE_URL: url }),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  const ended = new Promise<number | null>((code) => child.once('exit', code));
  while (!stderr.includes('waiting:')) await sleep(50);
  child.kill('SIGINT');
  expect(await ended).toBe(130);
  expect(stderr).toMatch(
    /Stopping after the current step[\s\S]*error: stopped: [\s\S]*Run it again to continue/,
  );
  await idle.query('ROLLBACK');
  expect(await on(url)(['up', folder])).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/1 migration applied/),
  });
});

describe('check', () => {
  test('every problem with place, caret and remedy, as text and as JSON', async () => {
    const folder = folderOf({
      '0001_typo.sql':
        '-- migrate:up\nCREATE TABLE a (id uuid PRIMARY KEI);\n-- migrate:verify\nSELECT 1 WHERE false;\n',
      '0002_drop.sql': "-- migrate:up\nDROP TABLE b;\n-- migrate:verify\nSELECT trueup.hasnt_table('b');\n",
    });
    const text = await trueup(['check', folder]);
    expect(text.stderr).toMatch(
      /0001_typo\.sql:2:\d+: error: .*\n {2}2 \| CREATE TABLE a .*\n {2} {2}\| +\^\n/,
    );
    expect(text.stderr).toMatch(/0002_drop\.sql:2:\d+: error: [\s\S]*migrate:consent/);
    expect(text.stderr).toMatch(/\n2 problems in /);
    expect([text.code, text.stdout]).toEqual([1, '']);
    const json = await trueup(['check', folder, '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({
      error: { code: 'manifest', message: expect.stringMatching(/^2 problems in /) },
      problems: [
        { file: '0001_typo.sql', line: 2 },
        { file: '0002_drop.sql', line: 2 },
      ],
    });
  });

  test('--run applies everything to a server of its own, and says what does not hold', async () => {
    const good = await trueup(['check', '--run', '--major', String(newestMajor()), folderOf(SHOP)]);
    expect(good.stdout).toMatch(
      /2 migrations, 2 statements, nothing wrong\.\nan empty PostgreSQL .*: 2 migrations verified, none drifted\.\n$/,
    );
    expect(good.code).toBe(0);
    const folder = folderOf({
      '0001_customers.sql': CUSTOMERS.replace("has_table('customers')", "has_table('costumers')"),
    });
    const bad = await trueup(['check', '--run', folder, '--json']);
    expect(JSON.parse(bad.stdout)).toMatchObject({
      run: { outcome: { status: 'failed' }, verification: null },
    });
    expect(bad.code).toBe(1);
  });
});

describe('a database that cannot be reached is answered with 5', () => {
  const folder = folderOf(SHOP);
  const cases: readonly [string, (url: string) => string, RegExp, string[]?][] = [
    ['a closed port', () => 'postgres://u:hunter2@127.0.0.1:1/d', /nothing listens at that address/],
    ['an unknown host', () => 'postgres://u:hunter2@db.invalid/d?sslmode=disable', /host name/],
    ['a wrong password', (url) => urlOf(url, { password: 'hunter2' }), /refused the password/],
    ['no password', (url) => url.replace(/:[^:@/]*@/, '@'), /asks for a password/],
    ['an unknown database', (url) => urlOf(url, { database: 'hunter' }), /database "hunter" does not exist/],
    ['no TLS there', (url) => url, /does not offer TLS/, ['--ssl-mode', 'verify-full']],
  ];
  test.each(cases)('%s', async (_, change, words, args = []) => {
    const url = change(await createDatabase());
    const { code, stdout, stderr } = await on(url)(['status', folder, ...args]);
    expect(stderr).toMatch(/^error: cannot connect to \S+@\S+: .*\n {2}\w/);
    expect(stderr).toMatch(words);
    expect(stderr).not.toContain('hunter2');
    expect([code, stdout]).toEqual([5, '']);
  });

  test('by up, as JSON', async () => {
    const { code, stdout } = await trueup([
      'up',
      folder,
      '--json',
      '--database-url',
      'postgres://u@127.0.0.1:1/d',
    ]);
    expect(JSON.parse(stdout)).toMatchObject({ status: 'failed', error: { code: 'connection' } });
    expect(code).toBe(5);
  });
});

describe('TLS', () => {
  let server: PostgresServer;
  let roots: string;
  beforeAll(async () => {
    const { ca, cert, key } = await makeCertificates();
    server = await startPostgres({ tls: { cert, key } });
    roots = join(scratch, 'roots.pem');
    writeFileSync(roots, ca);
  });
  afterAll(() => server?.stop());

  test('verified against the authority that is given, refused without it', async () => {
    const folder = folderOf(SHOP);
    const status = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
      trueup(['status', folder, ...args], { env: { DATABASE_URL: server.url(), ...env } });
    expect(await status(['--ssl-root-cert', roots])).toMatchObject({ code: 0, stderr: '' });
    expect(await status([], { PGSSLMODE: 'verify-full', PGSSLROOTCERT: roots })).toMatchObject({ code: 0 });
    for (const [args, words, remedy] of [
      [['--ssl-mode', 'verify-full'], /not signed by a trusted CA/, /--ssl-root-cert FILE/],
      [['--ssl-root-cert', 'rds'], /not signed by a trusted CA/, /--ssl-root-cert FILE/],
      [[], /refused the login: .*no encryption/, /TLS/],
    ] as const) {
      const { code, stderr } = await status(args);
      expect(stderr).toMatch(words);
      expect(stderr).toMatch(remedy);
      expect(code).toBe(5);
    }
  });
});

describe('colors', () => {
  const ESCAPE = '\u001b[';
  const folder = folderOf({ '0001_a.sql': 'SELECT 1;' });

  test('none in a pipe, and none with NO_COLOR or --no-color', async () => {
    for (const [args, env] of [
      [[], {}],
      [['--no-color'], { FORCE_COLOR: '1' }],
      [[], { NO_COLOR: '1', FORCE_COLOR: '1' }],
    ] as const) {
      expect((await trueup(['check', folder, ...args], { env })).stderr).not.toContain(ESCAPE);
    }
    expect((await trueup(['check', folder], { env: { FORCE_COLOR: '1' } })).stderr).toContain(ESCAPE);
  });

  test.skipIf(!existsSync('/usr/bin/script') || process.platform !== 'linux')('on a terminal', async () => {
    const url = await createDatabase();
    const onTerminal = (env: NodeJS.ProcessEnv): Promise<string> =>
      new Promise((output) => {
        const line = [process.execPath, ...command(), 'up', folderOf(SHOP)].join(' ');
        const child = spawn('/usr/bin/script', ['-qec', line, '/dev/null'], {
          env: cleanEnvironment({ TERM: 'xterm', DATABASE_URL: url, ...env }),
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        let text = '';
        child.stdout.on('data', (chunk) => {
          text += chunk;
        });
        child.once('exit', () => output(text));
      });
    expect(await onTerminal({ NO_COLOR: '1' })).toMatch(/applied {2}0001_customers {2}\d+ ms\r\n/);
    expect(await onTerminal({})).toContain(`${ESCAPE}1mshop on `);
  });
});
