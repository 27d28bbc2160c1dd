/** A folder as a whole: order, names, kinds of file, and the manifest's hash. */
import { describe, expect, test } from 'vitest';
import { compile, compileUp, file, problemsOf } from './support';

const ONE = file('SELECT 1');

describe('files', () => {
  test('are ordered by number, repeatables last by name', async () => {
    const names = ['R__b', '10_ten', '9_nine', '20250101000000_later', 'R__B', 'R__a', '0011_eleven'];
    const { migrations } = await compile(Object.fromEntries(names.map((name) => [`${name}.sql`, ONE])));
    expect(migrations.map(({ name, version, kind }) => `${kind} ${version} ${name}`)).toEqual([
      'versioned 9 9_nine',
      'versioned 10 10_ten',
      'versioned 0011 0011_eleven',
      'versioned 20250101000000 20250101000000_later',
      'repeatable  R__B',
      'repeatable  R__a',
      'repeatable  R__b',
    ]);
  });

  test('give what they say', async () => {
    const { migrations } = await compile({
      '0001_first.sql': ONE,
      '0002_second.sql': `-- What it is for,
-- in two lines.

/* And a block
 * of more. */
-- migrate:settings lock-timeout=250ms statement-timeout=2min
-- migrate:supersedes 0001_first.sql
-- migrate:consent destroys the old rows are exported
-- migrate:preflight
SELECT 'a' WHERE false;
VALUES ('b');
-- migrate:up
DELETE FROM old_orders;
-- migrate:verify
WITH a AS (SELECT 1) SELECT 'c' FROM a WHERE false
-- migrate:down
SELECT 1;
-- migrate:batch
UPDATE orders SET a = 1 WHERE id IN (SELECT id FROM orders WHERE a IS NULL LIMIT 100);
`,
    });
    expect(migrations[1]).toMatchObject({
      name: '0002_second',
      file: '0002_second.sql',
      description: 'What it is for,\nin two lines.\nAnd a block\nof more.',
      preflight: [
        { sql: "SELECT 'a' WHERE false", line: 10 },
        { sql: "VALUES ('b')", line: 11 },
      ],
      verify: [{ sql: "WITH a AS (SELECT 1) SELECT 'c' FROM a WHERE false", line: 15 }],
      withoutVerify: null,
      undo: 'by-name',
      verifyWhen: 'after-commit',
      settings: { lockTimeoutMs: 250, statementTimeoutMs: 120_000, supersedes: ['0001_first'] },
    });
    expect(
      migrations[1]!.statements.map(({ execution, command, line }) => [execution, command, line]),
    ).toEqual([
      ['transaction', 'DELETE', 13],
      ['batch', 'UPDATE', 19],
    ]);
  });

  test('with a batch need no up', async () => {
    const { migrations } = await compile({
      '0001_a.sql':
        '-- migrate:batch\nUPDATE t SET a = 1 WHERE id IN (SELECT id FROM t WHERE a IS NULL LIMIT 9)\n-- migrate:no-verify it is tried by hand\n',
    });
    expect(migrations[0]!.statements.map(({ execution }) => execution)).toEqual(['batch']);
    expect(migrations[0]!.withoutVerify).toBe('it is tried by hand');
  });

  test('with SET LOCAL hold nothing that it would not reach', async () => {
    const set = 'SET LOCAL search_path = shop; CREATE TABLE t (a int);';
    await compile({ '0001_a.sql': file(set) });
    const batch = '-- migrate:batch\nUPDATE t SET a = 1 WHERE a IN (SELECT a FROM t LIMIT 9)\n';
    for (const text of [file(set, batch), file(`${set} ALTER TABLE t VALIDATE CONSTRAINT c`)])
      expect((await problemsOf({ '0001_a.sql': text }))[0]!.message).toContain(
        'SET LOCAL of line 2 has no effect on',
      );
  });

  test('with a batch that deletes need consent', async () => {
    const batch =
      '-- migrate:batch\nDELETE FROM t WHERE id IN (SELECT id FROM t WHERE old LIMIT 9)\n-- migrate:verify\nSELECT 1\n';
    expect((await problemsOf({ '0001_a.sql': batch }))[0]!.message).toContain('DELETE removes rows of t');
    await compile({ '0001_a.sql': `-- migrate:consent destroys they are old\n${batch}` });
  });

  test('of dbmate are accepted as they are, and reported as withoutVerify', async () => {
    const { migrations } = await compile({
      '20240101120000_create_users.sql':
        '-- migrate:up\nCREATE TABLE users (id int);\n\n-- migrate:down\nDROP TABLE users;\n',
      '20240102120000_index.sql':
        '-- migrate:up transaction:false\nCREATE INDEX CONCURRENTLY users_id ON users (id);\n-- migrate:down transaction:false\nDROP INDEX CONCURRENTLY users_id;\n',
      '20240103120000_email.sql':
        '-- migrate:up\nALTER TABLE users ADD COLUMN email text UNIQUE;\nCREATE INDEX users_email ON users (email);\n\n-- migrate:down\n\n',
    });
    expect(migrations.map(({ withoutVerify, undo }) => [withoutVerify, undo])).toEqual([
      ['dbmate file without a verify section', 'by-name'],
      ['dbmate file without a verify section', 'automatic'],
      ['dbmate file without a verify section', 'none'],
    ]);
    expect(migrations[1]!.statements[0]!.execution).toBe('non-transactional');
    expect(migrations[2]!.statements.map(({ rewrites }) => rewrites !== null)).toEqual([true, true]);
  });

  test('of dbmate destroy nothing without consent, and are ours once they hold anything of ours', async () => {
    const drop = '-- migrate:up\nDROP TABLE users;\n-- migrate:down\n';
    expect(await problemsOf({ '20240101120000_a.sql': drop })).toHaveLength(1);
    const ours = await problemsOf({
      '20240101120000_a.sql': `-- migrate:consent destroys nobody reads it\n${drop}`,
      '0001_b.sql': '-- migrate:up\nSELECT 1;\n-- migrate:down\n',
    });
    expect(ours.map(({ message }) => message)).toEqual([
      'there is no section `verify`',
      'there is no section `verify`',
    ]);
  });
});

describe('the hash', () => {
  const hash = async (text: string, name = '0001_a') => (await compile({ [`${name}.sql`]: text })).hash;

  test('changes with name, sections, undo and settings, not with comments outside of sections', async () => {
    const base = await hash(ONE);
    expect(await hash(`-- A description.\n${ONE}`)).toBe(base);
    const others = await Promise.all([
      hash(ONE, '0001_b'),
      hash(file('SELECT 2')),
      hash(`${ONE}-- migrate:down\nSELECT 1`),
      hash(`-- migrate:settings lock-timeout=1s\n${ONE}`),
      hash(ONE.replace('never', 'ever')),
    ]);
    expect(new Set([base, ...others]).size).toBe(6);
  });

  test('changes with the batch, beside an up or without one', async () => {
    const fill = (rows: number) =>
      `-- migrate:batch\nUPDATE t SET a = 1 WHERE id IN (SELECT id FROM t WHERE a IS NULL LIMIT ${rows})\n`;
    const hashes = await Promise.all([
      hash(ONE),
      ...[9, 10].map((rows) => hash(`${ONE}${fill(rows)}`)),
      ...[9, 10].map((rows) => hash(`${fill(rows)}-- migrate:no-verify it never is\n`)),
    ]);
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  test('stays what it was: older code made it', async () => {
    expect(await hash(ONE)).toBe('6b0d7b3c2e4ef9b1a6098d5777e860ece2477bcf4e53537b2b77e516358a0823');
  });
});

describe('what the folder knows', () => {
  test('a validated CHECK spares the scan of SET NOT NULL', async () => {
    const check =
      'ALTER TABLE t ADD CONSTRAINT c CHECK (a IS NOT NULL) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT c';
    await compile({ '0001_a.sql': file(check), '0002_b.sql': file('ALTER TABLE t ALTER a SET NOT NULL') });
    const without = file(
      'ALTER TABLE t ADD CONSTRAINT c CHECK (a IS NOT NULL) NOT VALID; ALTER TABLE t ALTER a SET NOT NULL',
    );
    expect(await problemsOf({ '0001_a.sql': without })).toHaveLength(1);
  });

  test('a function made STABLE can change nothing; made again as volatile it can', async () => {
    const make = (volatility: string) =>
      file(`CREATE OR REPLACE FUNCTION f() RETURNS int ${volatility} LANGUAGE sql AS 'SELECT 1'`);
    const use = file('SELECT f()');
    await compile({ '0001_a.sql': make('STABLE'), '0002_b.sql': use });
    expect(
      await problemsOf({ '0001_a.sql': make('STABLE'), '0002_b.sql': make(''), '0003_c.sql': use }),
    ).toHaveLength(1);
  });

  test('the table of an index, also after it was renamed', async () => {
    const { statements } = await compileUp(
      'CREATE INDEX i ON t (a); ALTER TABLE t RENAME TO u; ALTER INDEX i RENAME TO j; DROP INDEX j',
    );
    expect(statements.at(-1)!.locks.map(({ relation }) => relation)).toEqual(['j', 'u']);
  });

  test('a `down` runs when others may use what `up` created', async () => {
    const { down } = await compileUp('CREATE TABLE t (a int)', '-- migrate:down\nDROP TABLE t;');
    expect(down[0]).toMatchObject({
      locks: [{ relation: 't', created: false }],
      destroys: 'DROP TABLE removes t',
    });
  });
});

test('targets name what can be found again after a lost connection', async () => {
  const { statements } = await compileUp(
    `CREATE UNIQUE INDEX CONCURRENTLY "My index" ON sales."Order" (a);
     DROP INDEX CONCURRENTLY sales."My index"; REINDEX INDEX CONCURRENTLY i; REINDEX TABLE CONCURRENTLY sales."Order";
     ALTER TABLE sales."Order" VALIDATE CONSTRAINT "C"; DROP INDEX a, b; CREATE INDEX ON t (a)`,
  );
  const index = { kind: 'index', unique: false };
  expect(statements.map(({ target }) => target)).toEqual([
    { ...index, action: 'create', name: 'My index', schema: 'sales', table: 'sales."Order"', unique: true },
    { ...index, action: 'drop', name: 'My index', schema: 'sales', table: 'sales."Order"' },
    { ...index, action: 'reindex', name: 'i', schema: null, table: null },
    { ...index, action: 'reindex', name: null, schema: 'sales', table: 'sales."Order"' },
    { kind: 'constraint', action: 'validate', name: 'C', table: 'sales."Order"' },
    null,
    { ...index, action: 'create', name: null, schema: null, table: 't' },
  ]);
});
