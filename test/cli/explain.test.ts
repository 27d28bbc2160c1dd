import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeManifest } from '../../lambda/contract/manifest';
import { connectPg } from '../../lambda/postgres/pg';
import { createDatabaseDiagnoser, explainLog, renderExplanation } from '../../lib/cli/commands/explain';
import { decodeLines } from '../../lib/cli/logs/lines';
import { connect, createDatabase, majors } from '../support/database';
import { cleanEnvironment, command, trueup } from './trueup';

async function* each(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines;
}
const line = (text: string, database = 'shop'): string =>
  `2026-11-21 09:01:22 UTC:10.0.1.7(53124):app@${database}:[4711]:${text}`;
const NOT_NULL = 'ERROR:  null value in column "id" of relation "t" violates not-null constraint';

describe('trueup explain', () => {
  it('reads a file of a real server', async () => {
    const lines = readFileSync(
      join(__dirname, '../data/postgres-logs/pg17-default-stderr.log'),
      'utf8',
    ).split('\n');
    const explanation = await explainLog(each(lines), null);
    expect(explanation.findings.map(({ group }) => group.signature).sort()).toEqual([
      'key-types',
      'key-types',
      'key-types',
      'not-null',
      'on-conflict',
      'uuid-function',
    ]);
    const text = renderExplanation(explanation);
    expect(text).toMatch(/customers\.email/);
    expect(text).toMatch(/No database was given/);
    expect(text).not.toMatch(/jane|48 600/);
  });

  it.each([
    ['as `aws logs tail` writes them', '2026-11-21T09:01:22.000000+00:00 shop.0 '],
    ['in its short form', '2026-11-21T09:01:22 '],
  ])('reads lines %s', async (_name, outer) => {
    const { findings } = await explainLog(
      each([outer + line(NOT_NULL), outer + line("STATEMENT:  INSERT INTO t (x) VALUES ('CANARY')")]),
      null,
    );
    expect(findings).toMatchObject([{ group: { table: 't', statement: 'INSERT INTO t (x) VALUES (?)' } }]);
  });

  const file = (name: string): Buffer => readFileSync(join(__dirname, '../data/postgres-logs', name));
  async function* bytes(content: Buffer | string, size = 1_000): AsyncGenerator<Uint8Array> {
    const all = Buffer.from(content);
    for (let at = 0; at < all.length; at += size) yield all.subarray(at, at + size);
  }
  const summary = async (content: Buffer | string) => {
    const { findings, lines } = await explainLog(decodeLines(bytes(content)), null);
    return {
      lines,
      found: findings.map(({ group: { signature, table, column, count, statement } }) =>
        [signature, table, column, count, statement].join(' | '),
      ),
      text: JSON.stringify(findings),
    };
  };

  it.each([
    ['pg13-default-csvlog.csv', 'pg13-default-stderr.log'],
    ['pg18-default-csvlog.csv', 'pg18-default-stderr.log'],
    ['pg15-default-jsonlog.json', 'pg15-default-stderr.log'],
    ['pg18-verbose-jsonlog.json', 'pg18-verbose-stderr.log'],
  ])('reads %s like %s', async (other, stderr) => {
    const [one, two] = [await summary(file(other)), await summary(file(stderr))];
    expect(one.found.length).toBeGreaterThan(3);
    expect([...one.found].sort()).toEqual([...two.found].sort());
    expect(one.text).not.toMatch(/jane|bloggs|48 600/);
  });

  describe('the same lines in every form in which somebody has them', () => {
    const lines = file('pg17-default-stderr.log').toString();
    const events = lines
      .trimEnd()
      .split(/\n(?!\t)/)
      .map((message, i) => ({ message, timestamp: 1_763_715_569_000 + i, logStreamName: 'shop.0' }));
    const iso = (ms: number): string => new Date(ms).toISOString().replace('T', ' ').replace('Z', '');
    const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
    const newestFirst = [...events].reverse();
    const tail = (color: (text: string) => string) =>
      events
        .map(({ message }) => `${color('2026-11-21T09:01:22.000000+00:00')} ${color('shop.0')} ${message}`)
        .join('\n');
    const forms: Record<string, Buffer | string> = {
      'with a byte order mark': `\ufeff${lines}`,
      'as PowerShell writes a file': Buffer.from(`\ufeff${lines.replaceAll('\n', '\r\n')}`, 'utf16le'),
      'with the ends of lines of Windows': lines.replaceAll('\n', '\r\n'),
      'aws logs tail': tail((text) => text),
      'aws logs tail, in colors': tail((text) => `\u001b[32m${text}\u001b[0m`),
      'aws logs filter-log-events': JSON.stringify(
        { events, searchedLogStreams: [{ logStreamName: 'x' }], nextToken: 'x' },
        null,
        4,
      ),
      'the same on one line': JSON.stringify({ events }),
      '--query events[].message': JSON.stringify(
        events.map(({ message }) => message),
        null,
        2,
      ),
      'an event a line': events.map((event) => JSON.stringify(event)).join('\n'),
      'aws logs get-query-results': JSON.stringify({
        results: newestFirst.map(({ message, timestamp }) => [
          { field: '@timestamp', value: iso(timestamp) },
          { field: '@message', value: message },
        ]),
        status: 'Complete',
      }),
      'CSV of Logs Insights': `@timestamp,@message\n${newestFirst
        .map(({ message, timestamp }) => `${iso(timestamp)},${quoted(message)}`)
        .join('\n')}`,
      'JSON of Logs Insights': JSON.stringify(
        newestFirst.map(({ message, timestamp }) => ({ '@timestamp': iso(timestamp), '@message': message })),
      ),
    };
    it.each(Object.keys(forms))('%s', async (name) => {
      const expected = await summary(lines);
      const found = await summary(forms[name]!);
      expect([...found.found].sort()).toEqual([...expected.found].sort());
      expect(found.lines).toBe(expected.lines);
      expect(found.text).not.toMatch(/jane|bloggs|48 600/);
    });
  });

  it.each(['\r', '\v', '\f', '\u0085', '\u2028', '\u2029'])(
    'a literal with %j in it makes up no line',
    async (separator) => {
      const forged = `${separator}${line(NOT_NULL)}`;
      const { found } = await summary(
        [line('ERROR:  division by zero'), line(`STATEMENT:  SELECT 1/0, '${forged}'`), ''].join('\n'),
      );
      expect(found).toEqual([]);
    },
  );

  it.each([
    ['+03', '2026-11-21 06:01:22 UTC'],
    ['CST', '2026-11-21 09:01:22 CST'],
  ])('says when, in the log_timezone %s', async (zone, when) => {
    const explanation = await explainLog(each([line(NOT_NULL).replace('UTC', zone)]), null);
    expect(renderExplanation(explanation)).toContain(when);
  });

  it('everyday errors are counted apart, and explained where a sequence is behind', async () => {
    const url = await createDatabase();
    const client = await connect(url);
    await client.query(
      'CREATE TABLE invoices (id serial PRIMARY KEY, amount int); INSERT INTO invoices (id) VALUES (1), (2)',
    );
    const database = new URL(url).pathname.slice(1);
    const failed = (statement: string): string[] => [
      line('ERROR:  duplicate key value violates unique constraint "invoices_pkey"', database),
      line(`STATEMENT:  ${statement}`, database),
    ];
    const everyday = failed('INSERT INTO invoices (id) VALUES (2)');
    const ask = createDatabaseDiagnoser(() => connectPg({ url, readOnly: true }), null);
    const nothing = await explainLog(each(everyday), ask);
    expect(nothing).toMatchObject({ findings: [], everyday: 1 });
    expect(renderExplanation(nothing)).toMatch(/Apart from that, duplicate keys: 1\./);
    const behind = await explainLog(
      each([
        ...everyday,
        ...failed('INSERT INTO invoices (amount) VALUES (2)'),
        ...failed('INSERT INTO invoices DEFAULT VALUES'),
      ]),
      ask,
    );
    expect(behind).toMatchObject({
      findings: [{ group: { count: 2 }, diagnosis: { kind: 'sequence-behind', verdict: 'schema' } }],
      everyday: 1,
    });
  });

  it('errors that no alarm watches are counted by SQLSTATE and meaning, without their words', async () => {
    const client = await connect(await createDatabase());
    await client.query(`CREATE TABLE canary (a int, g int GENERATED ALWAYS AS IDENTITY, b boolean);
      CREATE TABLE canaries (d int) PARTITION BY RANGE (d); CREATE DOMAIN whole AS int NOT NULL;
      CREATE ROLE explain_nobody_${process.pid}`);
    const statements: [string, string][] = [
      ['42703', 'SELECT canary_column FROM canary'],
      ['42P01', "SELECT nextval('canary_seq')"],
      ['42P01', 'SELECT * FROM canary_gone'],
      ['42883', "SELECT 1 FROM canary WHERE a = 'x'::varchar"],
      ['428C9', 'INSERT INTO canary (g) VALUES (1)'],
      ['23514', 'INSERT INTO canaries VALUES (1)'],
      ['23502', 'SELECT NULL::whole'],
      ['42501', `SET ROLE explain_nobody_${process.pid}; SELECT * FROM canary`],
    ];
    const messages: [string, string][] = [];
    for (const [sqlstate, statement] of statements) {
      const error = await client.query(statement).catch((thrown) => thrown);
      expect([statement, error.code]).toEqual([statement, sqlstate]);
      messages.push([sqlstate, error.message]);
      await client.query('RESET ROLE');
    }
    await client.query(`DROP ROLE explain_nobody_${process.pid}`);
    for (const verbose of [false, true]) {
      const lines = messages.map(([state, text]) => line(`ERROR:  ${verbose ? `${state}: ` : ''}${text}`));
      const explanation = await explainLog(each(lines), null);
      expect(explanation.unwatched.map(({ sqlstate, count }) => `${count} ${sqlstate}`)).toEqual([
        '2 42P01',
        '1 23502',
        '1 23514',
        '1 42501',
        '1 42703',
        '1 42883',
        '1 428C9',
      ]);
      const text = renderExplanation(explanation);
      expect(text).toMatch(/^None of the 8 log lines is one of the errors that Trueup watches\./);
      expect(text).toContain('\n  1x 42703 a column that does not exist');
      expect(text).not.toMatch(/canar|wrong schema causes\./);
    }
    const other = await explainLog(
      each([line('ERROR:  division by zero'), line('ERROR:  22012: division by zero')]),
      null,
    );
    expect(renderExplanation(other)).toMatch(/1x 22012\n {2}1x others, whose SQLSTATE is not in the log$/);
  });

  it('says when there is nothing to explain', async () => {
    expect(renderExplanation(await explainLog(each([line('LOG:  checkpoint complete')]), null))).toMatch(
      /None of the 1 log lines/,
    );
    expect(renderExplanation(await explainLog(each(['something else']), null))).toMatch(
      /has the format that RDS writes/,
    );
  });

  it.each(majors())('asks PostgreSQL %i', async (major) => {
    const url = await createDatabase(major);
    await (await connect(url)).query('CREATE TABLE t (id uuid PRIMARY KEY, x text)');
    const database = new URL(url).pathname.slice(1);
    const open = () => connectPg({ url, readOnly: true });
    const lines = [line(NOT_NULL, database), line(NOT_NULL, 'another')];
    const without = await explainLog(each(lines), createDatabaseDiagnoser(open, null));
    expect(without.findings.map(({ diagnosis }) => [diagnosis.kind, diagnosis.migrations])).toEqual([
      ['missing-primary-key-default', null],
      [null, null],
    ]);
    const ask = createDatabaseDiagnoser(open, { manifest: makeManifest([]), namespace: 'shop' });
    const text = renderExplanation(await explainLog(each(lines), ask));
    expect(text).toMatch(/ALTER TABLE public\.t ALTER COLUMN id SET DEFAULT/);
    expect(text).toMatch(/No migration in the deployed code addresses this/);
    expect(text).toMatch(/from the database another/);
  });
});

describe('the command', () => {
  const FILE = join(__dirname, '../data/postgres-logs/pg17-default-stderr.log');

  it('reads a file, and says what it would need to say more', async () => {
    const { code, stdout, stderr } = await trueup(['explain', FILE]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/customers\.email/);
    expect(stdout).not.toMatch(/jane|48 600/);
  });

  it('says that a folder is of no use without a database, and reads a pipe', async () => {
    const folder = join(__dirname, '../../migrations/marketplace');
    const { code, stdout } = await trueup(['explain', FILE, '--migrations', folder]);
    expect(code).toBe(0);
    expect(stdout.replace(/\s+/g, ' ')).toMatch(
      /UNSEEN .*No database was given.*The migrations in \S+marketplace were not searched/,
    );
    const line = `mkfifo "$1/pipe" && { cat "$2" > "$1/pipe" & exec node "$3" explain "$1/pipe"; }`;
    const home = mkdtempSync(join(tmpdir(), 'trueup-explain-'));
    const piped = execFileSync('/bin/sh', ['-c', line, 'sh', home, FILE, ...command()], {
      env: cleanEnvironment(),
      encoding: 'utf8',
    });
    rmSync(home, { recursive: true });
    expect(piped).toMatch(/customers\.email/);
  });

  it('asks a database, and a folder which migration repairs it', async () => {
    const url = await createDatabase();
    const database = new URL(url).pathname.slice(1);
    await (await connect(url)).query('CREATE TABLE lead_purchases (id uuid PRIMARY KEY, x int)');
    const folder = mkdtempSync(join(tmpdir(), 'trueup-explain-'));
    const file = join(folder, 'some.log');
    writeFileSync(file, `${line(NOT_NULL.replace('"t"', '"lead_purchases"'), database)}\n`);
    const migrations = join(__dirname, '../../migrations/marketplace');
    const { code, stdout } = await trueup([
      'explain',
      file,
      '--database-url',
      url,
      '--migrations',
      migrations,
      '--json',
    ]);
    rmSync(folder, { recursive: true });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      lines: 1,
      findings: [
        {
          group: { table: 'lead_purchases', column: 'id' },
          diagnosis: {
            kind: 'missing-primary-key-default',
            migrations: [{ name: '0002_id_default', state: 'pending' }],
          },
        },
      ],
    });
  });

  it.each([
    [['explain', 'no-such.log'], 2, /there is no file no-such\.log/],
    [['explain', join(__dirname, 'explain.test.ts')], 1, /has the format that RDS writes/],
    [['explain', FILE, '--stack', 's', '--database-url', 'postgres://u@h/d'], 2, /cannot be combined/],
    [['alarm-test', '--stack', 's', '--database-url', 'postgres://u@h/d'], 2, /cannot be combined/],
    [['alarm-test'], 2, /no database was given/],
  ])('%j answers %i', async (args, expected, words) => {
    const { code, stdout, stderr } = await trueup(args as string[]);
    expect(code).toBe(expected);
    expect(stdout + stderr).toMatch(words as RegExp);
  });

  it('alarm-test raises the errors', async () => {
    const { code, stdout } = await trueup(['alarm-test', '--database-url', await createDatabase()]);
    expect(code).toBe(0);
    expect(stdout.match(/^raised/gm)).toHaveLength(5);
  });
});
