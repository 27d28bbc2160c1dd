/** dbmate's files as dbmate takes them, and files that were applied before Trueup was adopted. */
import { describe, expect, test } from 'vitest';
import { CompileError, type CompileOptions, compileFiles, type Problem } from '../../../lib/compiler';
import { file } from '../support';

async function read(files: Readonly<Record<string, string>>, options: CompileOptions = {}) {
  const warnings: string[] = [];
  const warn = ({ file, line, message }: Problem) => warnings.push(`${file}:${line} ${message}`);
  const list = Object.entries(files).map(([name, text]) => ({ name, bytes: Buffer.from(text) }));
  try {
    const { migrations } = await compileFiles(list, 'migrations', { ...options, warn });
    return { migrations, warnings, problems: [] };
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    return { migrations: [], warnings, problems: error.problems.map(({ message }) => message) };
  }
}

const dbmate = (up: string, down = ''): string => `-- migrate:up\n${up}\n-- migrate:down\n${down}\n`;
const NAME = '20240101120000_a.sql';
const DROP = 'ALTER TABLE t DROP COLUMN a;';

describe("dbmate's files", () => {
  test.each([
    '20240101120000-faucet.sql',
    '20240101120000.sql',
    '20240101120000_.sql',
    '7-add_note.sql',
    '7.add.sql',
  ])('may be called %s', async (name) => {
    const { migrations } = await read({ [name]: file('SELECT 1;') });
    expect(migrations[0]).toMatchObject({ name: name.slice(0, -4), version: /^\d+/.exec(name)![0] });
  });

  test('may have a `down` that is broken: it is there for dbmate to find', async () => {
    for (const down of ['ALTER TABLE t DROP CONSTRAINT;', 'COMMIT;', 'SELECT 1; SELECT (;']) {
      const { migrations, warnings } = await read({ [NAME]: dbmate('SELECT 1;', down) });
      expect(migrations[0]).toMatchObject({ down: [], undo: 'none', checksums: { down: null } });
      expect(warnings).toHaveLength(1);
    }
    expect((await read({ '0001_a.sql': file('SELECT 1;', '-- migrate:down\nDROP;') })).problems).toHaveLength(
      1,
    );
  });

  test("may grant rights on dbmate's ledger, which Trueup does not make", async () => {
    const both = 'GRANT SELECT ON schema_migrations TO a;\nGRANT SELECT ON t, schema_migrations TO a;';
    const { migrations, warnings } = await read({ [NAME]: dbmate(both) });
    expect(migrations[0]!.statements.map(({ line }) => line)).toEqual([3]);
    expect(warnings).toEqual([
      `${NAME}:2 the statement is about dbmate's own ledger, which does not exist here`,
    ]);
    expect((await read({ '0001_a.sql': file(both) })).migrations[0]!.statements).toHaveLength(2);
  });

  test('may have an empty `up`', async () => {
    const { migrations, warnings } = await read({ [NAME]: dbmate('', 'SELECT 1;') });
    expect(migrations[0]!.statements).toEqual([]);
    expect(warnings).toEqual([`${NAME}:1 the section \`up\` is empty`]);
  });

  test('may have `up` and `down` several times, which are one', async () => {
    const twice = `${dbmate('CREATE TABLE a ();', 'DROP TABLE a;')}${dbmate('CREATE TABLE b ();', 'DROP TABLE b;')}`;
    const { migrations, warnings } = await read({ [NAME]: twice });
    expect(migrations[0]!.statements.map(({ sql }) => sql)).toEqual([
      'CREATE TABLE a ()',
      'CREATE TABLE b ()',
    ]);
    expect(migrations[0]!.down.map(({ sql, line }) => [sql, line])).toEqual([
      ['DROP TABLE a', 4],
      ['DROP TABLE b', 8],
    ]);
    expect(warnings).toHaveLength(2);
    const once = await read({ [NAME]: dbmate('CREATE TABLE a ();', 'DROP TABLE a;') });
    expect(once.migrations[0]!.checksums.up).not.toBe(migrations[0]!.checksums.up);
    expect((await read({ '0001_a.sql': twice })).problems).toContain('the section `up` appears twice');
  });

  test('that lack consent are named together, once', async () => {
    const names = ['20240101120000_a', '20240102120000_b', '20240103120000_c', '20240104120000_d'];
    const folder = Object.fromEntries(
      names.map((name, i) => [`${name}.sql`, dbmate(i < 3 ? `${DROP}${DROP}` : 'SELECT 1;')]),
    );
    const { problems } = await read({ ...folder, '20250101120000_ours.sql': file(DROP) });
    expect(problems).toEqual([
      expect.stringMatching(
        /^3 of dbmate's files destroy data.*20240101120000_a\.sql, .*20240103120000_c\.sql$/,
      ),
      expect.stringMatching(/^DROP COLUMN removes t\.a/),
    ]);
  });
});

describe('history', () => {
  const folder = {
    [NAME]: dbmate(DROP),
    '20240102120000_b.sql': `-- migrate:history applied with dbmate, until March 2024\n${dbmate('CREATE INDEX i ON t (a);')}`,
    '20240103120000_c.sql': dbmate('SELECT 1;'),
  };

  test('ends with the file that says so; no consent is asked up to there', async () => {
    const { migrations } = await read(folder);
    expect(migrations.map(({ history }) => history)).toEqual([
      { destroys: true, cannotRun: null },
      { destroys: false, cannotRun: null },
      undefined,
    ]);
    expect((await read({ ...folder, '20240103120000_c.sql': dbmate(DROP) })).problems).toHaveLength(1);
  });

  test('or with the one that a baseline names', async () => {
    const plain = { [NAME]: dbmate(DROP), '20240102120000_b.sql': dbmate(DROP) };
    const { migrations } = await read(plain, { history: '20240102120000_b' });
    expect(migrations.map(({ history }) => history?.destroys)).toEqual([true, true]);
    expect((await read(plain, { history: '20240101120000_a' })).problems).toHaveLength(1);
  });

  test('holds no repeatables, and changes neither entry nor hash', async () => {
    const { migrations } = await read({ ...folder, 'R__f.sql': file('SELECT 1') });
    expect(migrations.at(-1)!.history).toBeUndefined();
    const consented = {
      ...folder,
      [NAME]: `-- migrate:consent destroys x\n-- migrate:no-verify x\n${dbmate(DROP)}`,
    };
    expect((await read(consented)).migrations[0]).toMatchObject({
      checksums: migrations[0]!.checksums,
      history: { destroys: false },
    });
  });

  test('of any form needs no verify, and may hold what cannot run', async () => {
    const { migrations, warnings } = await read({
      '0001_a.sql': '-- migrate:up\nCREATE TABLE t (a int);\n',
      '0002_b.sql': '-- migrate:up\nSELECT 1;\nCOMMIT;\n-- migrate:down\nDROP;\n',
      '0003_c.sql': `-- migrate:history before us\n-- migrate:up\nALTER TABEL t;\n`,
    });
    expect(
      migrations.map(({ withoutVerify, statements, history }) => [
        withoutVerify,
        statements.length,
        history!.cannotRun,
      ]),
    ).toEqual([
      ['history without a verify section', 1, null],
      ['history without a verify section', 0, 'line 3: COMMIT controls the transaction'],
      ['history without a verify section', 0, 'line 3: syntax error at or near "TABEL"'],
    ]);
    expect(warnings).toHaveLength(3);
  });

  test('must give its reason', async () => {
    const { problems } = await read({ [NAME]: `-- migrate:history\n${dbmate('SELECT 1;')}` });
    expect(problems).toEqual(['`migrate:history` gives no reason']);
  });
});

describe('data changes behind a lock that stops readers', () => {
  const rewrites = async (up: string) => (await read({ '0001_a.sql': file(up) })).problems;
  const found = expect.stringMatching(/^UPDATE changes rows of t while nobody else can read (t|u)/);

  test.each([
    'ALTER TABLE t ADD COLUMN n int; UPDATE t SET n = 1;',
    'UPDATE t SET n = 1; ALTER TABLE t ADD COLUMN n int;',
    'ALTER TABLE u ADD COLUMN n int; SELECT 1; UPDATE t SET n = 1;',
    'DROP INDEX u; ALTER TABLE u ADD a int; UPDATE t SET n = 1;',
  ])('%s', async (up) => {
    expect(await rewrites(up)).toEqual([found]);
    expect(await rewrites(`-- migrate:consent rewrites it is small\n${up}`)).toEqual([]);
  });

  test.each([
    ['rows of a new table', 'ALTER TABLE u ADD COLUMN n int; CREATE TABLE t (n int); UPDATE t SET n = 1;'],
    [
      'behind a lock on a new table',
      'CREATE TABLE u (a int); ALTER TABLE u ADD COLUMN n int; UPDATE t SET n = 1;',
    ],
    ['rows that are listed', 'ALTER TABLE t ADD COLUMN n int; INSERT INTO t VALUES (1), (2);'],
    [
      'a lock that stops nobody who reads',
      'ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u NOT VALID; UPDATE t SET n = 1;',
    ],
    [
      'in another transaction',
      'ALTER TABLE t ADD COLUMN n int; ALTER TABLE t VALIDATE CONSTRAINT c; UPDATE t SET n = 1;',
    ],
  ])('not %s', async (_what, up) => {
    expect(await rewrites(up)).toEqual([]);
  });
});
