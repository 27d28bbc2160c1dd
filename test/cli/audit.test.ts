/** `trueup audit` against real servers, as a process. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { validSarif } from '../report/sarif';
import { connect, createDatabase, majors } from '../support/database';
import { trueup } from './trueup';

const scratch = mkdtempSync(join(tmpdir(), 'trueup-test-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const file = (name: string, content: string | Buffer): string => {
  const path = join(mkdtempSync(join(scratch, 'f-')), name);
  writeFileSync(path, content);
  return path;
};

const database = async (major: number, schema: string): Promise<string> => {
  const url = await createDatabase(major);
  await (await connect(url)).query(schema);
  return url;
};

const SHOP = `CREATE TABLE customers (id bigserial PRIMARY KEY, email text NOT NULL);
  CREATE UNIQUE INDEX one_email ON customers (email);`;
const AFTER = `CREATE TABLE customers (id bigint PRIMARY KEY, email text NOT NULL);`;
const CANARY = 'c4n4ry';

describe.each(majors())('PostgreSQL %i', (major) => {
  test('what was lost, by URL and by snapshot: 6; the same: 0, and how much was looked at', async () => {
    const source = await database(major, SHOP);
    const target = await database(
      major,
      `${AFTER} INSERT INTO customers VALUES (1, '${CANARY}'), (2, '${CANARY}')`,
    );
    const snapshot = file('shop.json', '');
    expect((await trueup(['snapshot', '--database-url', source, '--output', snapshot])).code).toBe(0);
    for (const from of [source, snapshot]) {
      const { code, stdout, stderr } = await trueup([
        'audit',
        '--database-url',
        target,
        '--from',
        from,
        '--json',
      ]);
      expect(code).toBe(6);
      expect(stdout + stderr).not.toContain(CANARY);
      const { findings, notChecked, coverage } = JSON.parse(stdout);
      expect(
        findings.map(({ id, confidence, object }: Record<string, string>) => `${confidence} ${id} ${object}`),
      ).toEqual([
        'A duplicate-keys public.customers',
        'B missing-unique-index public.customers',
        'B missing-primary-key-default public.customers.id',
      ]);
      for (const each of findings)
        expect(Object.keys(each)).toEqual(['id', 'confidence', 'object', 'message', 'evidence', 'fix']);
      expect(notChecked.length).toBeGreaterThan(0);
      expect(coverage).toMatchObject({ tables: 1, statements: 0 });
    }
    const same = await trueup(['audit', '--database-url', source, '--from', snapshot]);
    expect(same).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/nothing found\.\nRan \d+ checks on \d+ objects \(1 table\)/),
    });
  });

  test('what is less sure than asked for is counted, not judged', async () => {
    const [url, source] = [await database(major, AFTER), await database(major, SHOP)];
    const surest = await trueup(['audit', '--database-url', url, '--from', source, '--min-confidence', 'A']);
    expect(surest).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(
        /: nothing found; 2 findings of lower confidence not shown \(--min-confidence D shows all\)\./,
      ),
    });
  });

  test('as annotations, and as SARIF with and without the suppressions file', async () => {
    const url = await database(major, AFTER);
    const snapshot = file('shop.json', '');
    const source = await database(major, SHOP);
    await trueup(['snapshot', '--database-url', source, '--output', snapshot]);
    const audit = (...options: string[]) =>
      trueup(['audit', '--database-url', url, '--from', snapshot, ...options]);
    const github = await audit('--format', 'github');
    expect([github.code, github.stdout.trimEnd().split('\n')]).toEqual([
      6,
      [
        expect.stringMatching(
          /^::error title=trueup missing-unique-index public\.customers::public\.customers: /,
        ),
        expect.stringMatching(/^::error title=trueup missing-primary-key-default public\.customers\.id::/),
      ],
    ]);
    const suppressions = file('suppressions.txt', '# none\n');
    const { code, stdout } = await audit('--format', 'sarif', '--suppressions', suppressions);
    const results = validSarif(JSON.parse(stdout)).runs[0]!.results!;
    expect([code, results.map(({ ruleId }) => ruleId)]).toEqual([
      6,
      ['missing-unique-index', 'missing-primary-key-default'],
    ]);
    expect(results[0]!.locations![0]).toMatchObject({
      physicalLocation: { artifactLocation: { uri: expect.stringMatching(/suppressions\.txt$/) } },
      logicalLocations: [{ fullyQualifiedName: 'public.customers' }],
    });
  });

  test('a role that may only read: what it may not see is said', async () => {
    const role = `reader_${major}`;
    const target = await database(
      major,
      `${SHOP} CREATE ROLE ${role} LOGIN PASSWORD '${role}'; GRANT USAGE ON SCHEMA public TO ${role}; ALTER TABLE customers ENABLE ROW LEVEL SECURITY;`,
    );
    const url = new URL(target);
    url.username = role;
    url.password = role;
    const { code, stdout } = await trueup(['audit', '--database-url', url.href, '--format', 'json']);
    const { findings, notChecked } = JSON.parse(stdout);
    expect(findings).toMatchObject([{ id: 'row-security-without-policy', confidence: 'C' }]);
    expect(notChecked).toContainEqual({
      what: 'whether a sequence is behind its column',
      of: { schema: 'public', name: 'customers' },
      why: 'the role has no privilege to read it, or row security hides rows from it',
    });
    expect(code).toBe(0);
    await (await connect(target)).query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });

  test('a definition of several lines is one line of text, and as it is in JSON', async () => {
    const source = await database(major, `${SHOP} CREATE VIEW mails AS SELECT id, email FROM customers`);
    const target = await database(major, SHOP);
    const args = ['audit', '--database-url', target, '--from', source];
    const { stdout } = await trueup(args);
    expect(stdout.replace(/\s+/g, ' ')).toMatch(
      /SELECT (customers\.)?id, (customers\.)?email FROM public\.customers/,
    );
    expect(stdout).not.toContain(String.raw`\n`);
    const { findings } = JSON.parse((await trueup([...args, '--json'])).stdout);
    expect(findings[0].evidence[0]).toMatch(/email\n +FROM/);
  });

  test('hostile names stay on their line', async () => {
    const name = `a"b\n<script>.${'x'.repeat(40)}`;
    const quoted = `"${name.replaceAll('"', '""')}"`;
    const table = `${quoted}.${quoted}`;
    const bare = `CREATE SCHEMA ${quoted}; CREATE TABLE ${table} (${quoted} text PRIMARY KEY, v int);`;
    const source = await database(
      major,
      `${bare} ALTER TABLE ${table} ALTER v SET DEFAULT 1; CREATE INDEX i ON ${table} (v);`,
    );
    const target = await database(major, bare);
    const json = JSON.parse(
      (await trueup(['audit', '--database-url', target, '--from', source, '--json'])).stdout,
    );
    expect(json.findings.map(({ id, object }: Record<string, string>) => [id, object])).toEqual([
      ['missing-index', table],
      ['missing-default', `${table}.v`],
    ]);
    const { stdout } = await trueup(['audit', '--database-url', target, '--from', source]);
    expect(stdout).toContain(String.raw`a""b\n<script>`);
    // A suppression names the object as it is printed.
    const printed = /missing-index {2}(.*)/.exec(stdout)![1];
    const suppressions = file(
      'suppressions.txt',
      `missing-index ${printed}  # hostile\nmissing-default ${printed}.v  # too\n`,
    );
    expect(
      await trueup(['audit', '--database-url', target, '--from', source, '--suppressions', suppressions]),
    ).toMatchObject({ code: 0 });
  });
});

describe('used wrongly', () => {
  const refuses = async (args: readonly string[], words: RegExp, code = 2): Promise<void> => {
    const ran = await trueup(['audit', '--database-url', 'postgres://app@127.0.0.1:1/shop', ...args]);
    expect(ran.stderr).toMatch(words);
    expect(ran.code).toBe(code);
  };
  test('a file that is no source, by what it begins with', async () => {
    await refuses(['--from', file('a.dump', 'PGDMP\u0001')], /is a dump in pg_dump's custom format/);
    await refuses(['--from', file('a.json', '{}')], /is not a snapshot/);
    await refuses(['--from', join(scratch, 'none.json')], /there is no file/);
  });
  test('a suppressions file that cannot be read', async () => {
    await refuses(
      ['--suppressions', file('a', 'missing-index public.t\n')],
      /a:1: .*each suppression needs a reason/,
    );
    await refuses(
      ['--suppressions', file('a', '# x\n\nnonsense public.t # why\n')],
      /a:3: there is no check nonsense/,
    );
  });
  test('confidences and formats', async () => {
    await refuses(['--min-confidence', 'E'], /Allowed choices are A, B, C, D/);
    await refuses(['--format', 'xml'], /Allowed choices are text, json/);
  });
  test('a database that cannot be reached: 5', () => refuses([], /cannot connect/, 5));
  test('nothing to look at proves nothing: 1', async () => {
    const { code, stdout } = await trueup(['audit', '--database-url', await createDatabase()]);
    expect(stdout).toContain('The database has no tables and there is no source, so nothing was checked.');
    expect(code).toBe(1);
  });
});
